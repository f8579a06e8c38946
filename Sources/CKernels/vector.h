// Vectors of a path. Included by the paths' files after they have defined
//   LANES      floats in a register of this path
//   FUSED      whether multiply-add is one rounding
//   ROWS_MAX   rows of a register tile
//   TILE_WIDE  registers in a row of a register tile

#include <math.h>
#include <string.h>

#include "include/kernels.h"

#pragma STDC FP_CONTRACT OFF
// Vectors of sixteen pass between inlined functions only, whatever the path's registers.
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))

/// Sixteen lanes: the unit of every sum, made of as many registers as the path needs.
typedef float v16 __attribute__((ext_vector_type(16)));
typedef int32_t i16 __attribute__((ext_vector_type(16)));
typedef v16 v16_unaligned __attribute__((aligned(4)));
typedef double d16 __attribute__((ext_vector_type(16)));

/// One register.
typedef float vr __attribute__((ext_vector_type(LANES)));
typedef vr vr_unaligned __attribute__((aligned(4)));

#if FUSED
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma((a), (b), (c))
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif

INLINE v16 load(const float *p) { return *(const v16_unaligned *)p; }
INLINE void store(float *p, v16 v) { *(v16_unaligned *)p = v; }
INLINE v16 splat(float x) { return (v16)(x); }

/// The first `width` of sixteen floats, the other lanes `filler`.
INLINE v16 load_part(const float *p, ptrdiff_t width, float filler) {
  if (width >= 16) return load(p);
  float lanes[16];
  for (int lane = 0; lane < 16; lane++) lanes[lane] = lane < width ? p[lane] : filler;
  return load(lanes);
}

INLINE void store_part(float *p, v16 v, ptrdiff_t width) {
  if (width >= 16) {
    store(p, v);
    return;
  }
  float lanes[16];
  store(lanes, v);
  for (int lane = 0; lane < width; lane++) p[lane] = lanes[lane];
}

/// Lanes of a where they are larger, else of b; b where either is not a number.
INLINE v16 larger(v16 a, v16 b) { return a > b ? a : b; }

/// Sum of the lanes by halves: (0+8)+(4+12) … always in this order.
INLINE float lane_sum(v16 v) {
  float s[16];
  store(s, v);
  for (int half = 8; half > 0; half /= 2) {
    for (int lane = 0; lane < half; lane++) s[lane] += s[lane + half];
  }
  return s[0];
}

INLINE float lane_max(v16 v) {
  float s[16];
  store(s, v);
  float result = s[0];
  for (int lane = 1; lane < 16; lane++) result = s[lane] > result ? s[lane] : result;
  return result;
}

/// e^x, within 2 units in the last place for −87.33 ≤ x ≤ 88; exactly 0 below, e^88 above.
///
/// x = n·ln2 + r with |r| ≤ ln2/2; e^r by a polynomial of degree 7 (the coefficients of Cephes' expf), scaled by 2^n
/// through the exponent bits.
INLINE v16 exponential16(v16 x) {
  const float magic = 12582912.0f;  // 1.5·2^23: adding it rounds to an integer, held in the low bits
  v16 limited = x < 88.0f ? x : splat(88.0f);
  v16 shifted = MULTIPLY_ADD(limited, splat(1.44269504f), splat(magic));
  v16 n = shifted - magic;
  v16 r = MULTIPLY_ADD(n, splat(-0.693359375f), limited);
  r = MULTIPLY_ADD(n, splat(2.1219444e-4f), r);
  v16 p = splat(1.98756915e-4f);
  p = MULTIPLY_ADD(p, r, splat(1.3981999507e-3f));
  p = MULTIPLY_ADD(p, r, splat(8.3334519073e-3f));
  p = MULTIPLY_ADD(p, r, splat(4.1665795894e-2f));
  p = MULTIPLY_ADD(p, r, splat(1.6666665459e-1f));
  p = MULTIPLY_ADD(p, r, splat(5.0000001201e-1f));
  p = MULTIPLY_ADD(p, r * r, r + 1.0f);
  i16 bits;
  memcpy(&bits, &shifted, sizeof bits);
  i16 exponent = (bits - 0x4B400000 + 127) << 23;
  v16 power;
  memcpy(&power, &exponent, sizeof power);
  return x < -87.33f ? splat(0) : p * power;
}
