// AVX2 with FMA. The functions of this file alone are compiled for it, by attribute and not by a flag of the build: the
// rest of the program runs on any processor.
#define LANES 8
#define FUSED 1
#define ROWS_MAX 6
#define TILE_WIDE 2

#include <math.h>
#include <string.h>

#include "include/kernels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "vector.h"
#include "table.h"
#pragma clang attribute pop

static const struct kernel_table table = {"avx2", KERNELS};
#endif

const struct kernel_table *kernel_table_avx2(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &table;
#endif
  return NULL;
}
