// Kernels of one element at a time.

/// out (count) = e^x, by the vector path whatever the count.
static void exponential(float *out, const float *x, ptrdiff_t count) {
  for (ptrdiff_t index = 0; index < count; index += 16) {
    store_part(out + index, exponential16(load_part(x + index, count - index, 0)), count - index);
  }
}

/// out (count) += x.
static void add(float *out, const float *x, ptrdiff_t count) {
  for (ptrdiff_t index = 0; index < count; index++) out[index] += x[index];
}

INLINE v16 sigmoid(v16 x) { return 1 / (1 + exponential16(0 - x)); }

/// out (count) = silu(gate)·up.
static void swiglu(float *out, const float *gate, const float *up, ptrdiff_t count) {
  for (ptrdiff_t index = 0; index < count; index += 16) {
    const ptrdiff_t width = count - index;
    v16 g = load_part(gate + index, width, 0);
    store_part(out + index, g * sigmoid(g) * load_part(up + index, width, 0), width);
  }
}

/// dgate, dup (count) from dout; may overwrite `gate` and `up` themselves.
static void swiglu_backward(
  float *dgate, float *dup, const float *dout, const float *gate, const float *up, ptrdiff_t count) {
  for (ptrdiff_t index = 0; index < count; index += 16) {
    const ptrdiff_t width = count - index;
    v16 g = load_part(gate + index, width, 0);
    v16 u = load_part(up + index, width, 0);
    v16 d = load_part(dout + index, width, 0);
    v16 s = sigmoid(g);
    store_part(dgate + index, d * u * s * (1 + g * (1 - s)), width);
    store_part(dup + index, d * g * s, width);
  }
}

/// parameters, first and second moments (count), in place, from the gradient.
static void adamw(
  float *parameters, const float *gradient, float *first, float *second, ptrdiff_t count,
  const struct kernel_adamw *step) {
  for (ptrdiff_t index = 0; index < count; index += 16) {
    const ptrdiff_t width = count - index;
    v16 g = load_part(gradient + index, width, 0) * step->gradient_scale;
    v16 m = load_part(first + index, width, 0) * step->beta1 + g * (1 - step->beta1);
    v16 v = load_part(second + index, width, 0) * step->beta2 + g * g * (1 - step->beta2);
    store_part(first + index, m, width);
    store_part(second + index, v, width);
    v16 update = m * step->rate / (__builtin_elementwise_sqrt(v) * step->spread + step->epsilon);
    store_part(parameters + index, load_part(parameters + index, width, 0) * step->keep - update, width);
  }
}

/// Σ x² (count) in double precision, sixteen lanes, then the lanes in order.
static double sum_of_squares(const float *x, ptrdiff_t count) {
  d16 sum = (d16)(0.0);
  for (ptrdiff_t index = 0; index < count; index += 16) {
    d16 v = __builtin_convertvector(load_part(x + index, count - index, 0), d16);
    // The product of two floats is exact in double precision: fused or not, the bits are the same.
    sum += v * v;
  }
  double total = 0;
  for (int lane = 0; lane < 16; lane++) total += sum[lane];
  return total;
}
