// AVX-512. The functions of this file alone are compiled for it, by attribute and not by a flag of the build: the
// rest of the program runs on any processor.
#define LANES 16
#define FUSED 1
#define ROWS_MAX 12
#define TILE_WIDE 2

#include <math.h>
#include <string.h>

#include "include/kernels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#include "vector.h"
#include "table.h"
#pragma clang attribute pop

static const struct kernel_table table = {"avx512", KERNELS};
#endif

const struct kernel_table *kernel_table_avx512(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
      && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return &table;
  }
#endif
  return NULL;
}
