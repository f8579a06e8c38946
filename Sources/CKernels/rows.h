// Norm, rotation and log-softmax of one row.

/// Σ a·b: four vectors of running sums, added up, then their lanes.
INLINE float dot(const float *a, const float *b, ptrdiff_t count) {
  v16 s[4] = {splat(0), splat(0), splat(0), splat(0)};
  ptrdiff_t index = 0;
  for (; index + 64 <= count; index += 64) {
    for (int part = 0; part < 4; part++) {
      s[part] = MULTIPLY_ADD(load(a + index + part * 16), load(b + index + part * 16), s[part]);
    }
  }
  for (; index < count; index += 16) {
    const ptrdiff_t width = count - index;
    s[0] = MULTIPLY_ADD(load_part(a + index, width, 0), load_part(b + index, width, 0), s[0]);
  }
  return lane_sum((s[0] + s[1]) + (s[2] + s[3]));
}

/// out (C) = x·scale·weight; returns scale = 1/√(mean(x²) + epsilon).
static float rms_norm(float *out, const float *x, const float *weight, float epsilon, ptrdiff_t C) {
  const float scale = 1 / sqrtf(dot(x, x, C) / (float)C + epsilon);
  for (ptrdiff_t c = 0; c < C; c += 16) {
    const ptrdiff_t width = C - c;
    store_part(out + c, load_part(x + c, width, 0) * scale * load_part(weight + c, width, 0), width);
  }
  return scale;
}

/// dx (C) = scale·g − x·scale³/C·Σ(g·x) with g = dy·weight; with `adding`, dx += that.
static void rms_norm_backward(
  float *dx, const float *dy, const float *x, const float *weight, float scale, bool adding, ptrdiff_t C) {
  v16 sum = splat(0);
  for (ptrdiff_t c = 0; c < C; c += 16) {
    const ptrdiff_t width = C - c;
    v16 g = load_part(dy + c, width, 0) * load_part(weight + c, width, 0);
    sum = MULTIPLY_ADD(g, load_part(x + c, width, 0), sum);
  }
  const float shrink = scale * scale * scale / (float)C * lane_sum(sum);
  for (ptrdiff_t c = 0; c < C; c += 16) {
    const ptrdiff_t width = C - c;
    v16 gradient = load_part(dy + c, width, 0) * load_part(weight + c, width, 0) * scale
      - load_part(x + c, width, 0) * shrink;
    if (adding) gradient = load_part(dx + c, width, 0) + gradient;
    store_part(dx + c, gradient, width);
  }
}

/// dweight (C) += dy·x·scale.
static void rms_norm_backward_weight(float *dweight, const float *dy, const float *x, float scale, ptrdiff_t C) {
  for (ptrdiff_t c = 0; c < C; c++) dweight[c] += dy[c] * x[c] * scale;
}

/// x (heads,HS), in place: turns each pair of elements by its angle (cosine and sine, HS/2 each), back with direction −1.
/// Pairs are 2i and 2i+1 when interleaved, else i and i + HS/2.
static void rope(
  float *x, const float *cosine, const float *sine, float direction, bool interleaved, ptrdiff_t heads,
  ptrdiff_t HS) {
  const ptrdiff_t half = HS / 2;
  for (ptrdiff_t head = 0; head < heads; head++) {
    float *restrict h = x + head * HS;
    if (interleaved) {
      for (ptrdiff_t i = 0; i < half; i++) {
        const float a = h[2 * i], b = h[2 * i + 1], s = sine[i] * direction;
        h[2 * i] = a * cosine[i] - b * s;
        h[2 * i + 1] = a * s + b * cosine[i];
      }
    } else {
      for (ptrdiff_t i = 0; i < half; i++) {
        const float a = h[i], b = h[i + half], s = sine[i] * direction;
        h[i] = a * cosine[i] - b * s;
        h[i + half] = a * s + b * cosine[i];
      }
    }
  }
}

/// row (V), in place: logits → log softmax(logits·inverse_temperature). The largest z; Σ e^(z−max) in blocks of 512, each
/// in lanes and the blocks in double precision; z − max − log Σ.
static void log_softmax(float *row, float inverse_temperature, ptrdiff_t V) {
  v16 peak = splat(-INFINITY);
  for (ptrdiff_t index = 0; index < V; index += 16) {
    peak = larger(load_part(row + index, V - index, -INFINITY) * inverse_temperature, peak);
  }
  const float highest = lane_max(peak);
  double total = 0;
  for (ptrdiff_t block = 0; block < V; block += 512) {
    const ptrdiff_t end = block + 512 < V ? block + 512 : V;
    v16 sum = splat(0);
    for (ptrdiff_t index = block; index < end; index += 16) {
      sum += exponential16(load_part(row + index, end - index, -INFINITY) * inverse_temperature - highest);
    }
    total += (double)lane_sum(sum);
  }
  const float log_total = (float)log(total);
  for (ptrdiff_t index = 0; index < V; index += 16) {
    const ptrdiff_t width = V - index;
    store_part(row + index, load_part(row + index, width, 0) * inverse_temperature - highest - log_total, width);
  }
}

/// −Σ p·log p of log-probabilities (V), in nats.
static float entropy(const float *log_probabilities, ptrdiff_t V) {
  double total = 0;
  for (ptrdiff_t block = 0; block < V; block += 512) {
    const ptrdiff_t end = block + 512 < V ? block + 512 : V;
    v16 sum = splat(0);
    for (ptrdiff_t index = block; index < end; index += 16) {
      // A filler of −100 has probability 0 and adds nothing.
      v16 logp = load_part(log_probabilities + index, end - index, -100);
      sum += exponential16(logp) * larger(logp, splat(-100));
    }
    total -= (double)lane_sum(sum);
  }
  return (float)total;
}

/// row (V), in place: log-probabilities → (−gradient_sum·p − entropy_gradient·p·(log p + entropy))·inverse_temperature.
static void log_softmax_backward(
  float *row, float gradient_sum, float entropy, float entropy_gradient, float inverse_temperature, ptrdiff_t V) {
  for (ptrdiff_t index = 0; index < V; index += 16) {
    const ptrdiff_t width = V - index;
    v16 logp = load_part(row + index, width, 0);
    v16 p = exponential16(logp);
    v16 gradient = p * (0 - gradient_sum);
    if (entropy_gradient != 0) gradient -= p * (larger(logp, splat(-100)) + entropy) * entropy_gradient;
    store_part(row + index, gradient * inverse_temperature, width);
  }
}
