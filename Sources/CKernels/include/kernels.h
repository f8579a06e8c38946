#ifndef AUTODIDACT_KERNELS_H
#define AUTODIDACT_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The arithmetic of the target Tensor, compiled once for each kind of processor. Swift decides what is computed, cuts
// it into items and shares them among threads; a function here does one item on one thread and allocates nothing.
//
// All paths share their source and therefore their order of sums: a sum has sixteen lanes, whatever the registers'
// width. Paths with fused multiply-add give the same bits; the portable one rounds each product.

/// How a product meets what is already in `c`.
enum kernel_store {
  /// c = a·b
  KERNEL_OVERWRITE,
  /// c = c + (a·b): the product is summed from zero first.
  KERNEL_ADD,
  /// The running sums are taken from `c` and continued: cutting a long sum in pieces changes no bit of it.
  KERNEL_RESUME,
};

/// c (rows,columns) ← a (rows,depth) · b (depth,columns). Columns are multiples of 16; b lies in panels of 16 columns.
///
/// Each element of c is one chain of multiply-adds over depth 0, 1, 2 …, whatever the number of rows and columns and
/// whatever the neighbours: that makes a row's bits independent of its batch. Strides are in floats.
struct kernel_product {
  const float *a;
  ptrdiff_t a_row;
  ptrdiff_t a_depth;
  const float *b;
  /// Between rows of b within a panel: 16 when packed.
  ptrdiff_t b_depth;
  /// Between panels of b: 16 when b is a plain row-major matrix.
  ptrdiff_t b_panel;
  ptrdiff_t depth;
  float *c;
  ptrdiff_t c_row;
  /// (columns), added to each row once the sum is complete; may be NULL.
  const float *bias;
  /// Memory that is needed soon, asked for along the way: a block like b, with the same strides. May be NULL.
  const float *ahead;
  /// Floats that `ahead` moves at each depth; set by the kernels themselves.
  ptrdiff_t ahead_step;
};

/// out (M,N) = input (M,K) · weightᵀ (N,K) + bias: rows and panels of 16 outputs that one item computes.
struct kernel_linear {
  float *out;
  const float *input;
  /// Panels of 16 outputs, each (K,16), the last one padded.
  const float *weight;
  const float *bias;
  ptrdiff_t N;
  ptrdiff_t K;
  ptrdiff_t row_begin;
  ptrdiff_t row_end;
  ptrdiff_t panel_begin;
  ptrdiff_t panel_end;
  /// out += instead of out =.
  bool adding;
  /// Few rows: the weights come from memory and each is used once, so they are asked for one panel ahead.
  bool streaming;
};

/// c (rows,columns) += a (rows,depth) · b (depth,columns): b is row-major, and any number of columns will do; at most 96
/// rows. Strides are in floats.
struct kernel_sum {
  float *c;
  ptrdiff_t c_row;
  const float *a;
  ptrdiff_t a_row;
  ptrdiff_t a_depth;
  const float *b;
  ptrdiff_t b_depth;
  ptrdiff_t rows;
  ptrdiff_t columns;
  ptrdiff_t depth;
};

/// Where the keys and values of a sequence lie for one key/value head. A page holds 32 positions: keys in two panels
/// (HS,16), then values in rows (32,HS).
struct kernel_pages {
  const float *base;
  /// The pages of positions 0, 32, 64 ….
  const int32_t *table;
  /// Floats between pages, and from a page to this head's part of it.
  ptrdiff_t page;
  ptrdiff_t head;
  ptrdiff_t HS;
};

/// Query rows that attend together: `tokens` consecutive positions times G heads.
struct kernel_attention {
  struct kernel_pages pages;
  const float *query;
  float *out;
  /// Floats between tokens of query and of out; the G heads of a token follow each other.
  ptrdiff_t token;
  ptrdiff_t tokens;
  ptrdiff_t G;
  /// Keys of the first token; each later one has one more.
  ptrdiff_t keys;
  /// tokens·G·(stride + 2·HS + 1) floats.
  float *scratch;
  /// At least the keys of the last token, rounded up to 32.
  ptrdiff_t stride;
};

/// The factors of an AdamW step; see `adamWUpdate`.
struct kernel_adamw {
  float gradient_scale, beta1, beta2, rate, spread, epsilon, keep;
};

/// One path. Every function is documented at its definition (`linear.h`, `gradient.h`, `attention.h`, `rows.h`, `pointwise.h`).
struct kernel_table {
  const char *name;
  void (*product)(const struct kernel_product *product, ptrdiff_t rows, ptrdiff_t columns, enum kernel_store store);
  void (*linear)(const struct kernel_linear *work);
  void (*add_products)(const struct kernel_sum *work);
  void (*pack_panel)(float *panel, const float *source, ptrdiff_t width, ptrdiff_t K);
  void (*attend)(const struct kernel_attention *work);
  void (*panel_products)(
    float *out, ptrdiff_t stride, const float *rows, ptrdiff_t count, const struct kernel_pages *pages,
    ptrdiff_t keys);
  void (*weighted_rows)(
    float *out, ptrdiff_t out_row, const float *weights, ptrdiff_t stride, ptrdiff_t count,
    const struct kernel_pages *pages, ptrdiff_t from, ptrdiff_t keys);
  float (*softmax_numerators)(float *row, ptrdiff_t keys, float scale);
  void (*softmax_gradient)(float *weights, float *gradients, ptrdiff_t keys, float inverse, float scale);
  float (*rms_norm)(float *out, const float *x, const float *weight, float epsilon, ptrdiff_t C);
  void (*rms_norm_backward)(
    float *dx, const float *dy, const float *x, const float *weight, float scale, bool adding, ptrdiff_t C);
  void (*rms_norm_backward_weight)(float *dweight, const float *dy, const float *x, float scale, ptrdiff_t C);
  void (*rope)(
    float *x, const float *cosine, const float *sine, float direction, bool interleaved, ptrdiff_t heads,
    ptrdiff_t HS);
  void (*log_softmax)(float *row, float inverse_temperature, ptrdiff_t V);
  float (*entropy)(const float *log_probabilities, ptrdiff_t V);
  void (*log_softmax_backward)(
    float *row, float gradient_sum, float entropy, float entropy_gradient, float inverse_temperature, ptrdiff_t V);
  void (*exponential)(float *out, const float *x, ptrdiff_t count);
  void (*add)(float *out, const float *x, ptrdiff_t count);
  void (*swiglu)(float *out, const float *gate, const float *up, ptrdiff_t count);
  void (*swiglu_backward)(
    float *dgate, float *dup, const float *dout, const float *gate, const float *up, ptrdiff_t count);
  void (*adamw)(
    float *parameters, const float *gradient, float *first, float *second, ptrdiff_t count,
    const struct kernel_adamw *step);
  double (*sum_of_squares)(const float *x, ptrdiff_t count);
};

/// Plain C for any processor.
const struct kernel_table *kernel_table_portable(void);

/// AVX2 with FMA; NULL when the processor, or the operating system's support of it, is missing.
const struct kernel_table *kernel_table_avx2(void);

/// AVX-512 (F, BW, DQ, VL); NULL when missing.
const struct kernel_table *kernel_table_avx512(void);

#endif
