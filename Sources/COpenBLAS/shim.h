#include <cblas.h>

/* Swift has no prefetch; the packed kernels ask for the next weights while they compute. */
static inline void autodidact_prefetch(const void *address) { __builtin_prefetch(address, 0, 2); }
