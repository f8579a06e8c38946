// Attention over pages of keys and values.

/// The keys (two panels) of a page for one head; the values follow after 32·HS floats.
INLINE const float *page_part(const struct kernel_pages *pages, ptrdiff_t position) {
  return pages->base + pages->table[position / 32] * pages->page + pages->head;
}

/// out (count, stride) = rows (count,HS) · keysᵀ (keys,HS); whole panels, so up to 15 entries past `keys` are noise.
static void panel_products(
  float *out, ptrdiff_t stride, const float *rows, ptrdiff_t count, const struct kernel_pages *pages,
  ptrdiff_t keys) {
  const ptrdiff_t HS = pages->HS;
  for (ptrdiff_t position = 0; position < keys; position += 32) {
    const ptrdiff_t left = (keys - position + 15) / 16 * 16;
    struct kernel_product work = {
      .a = rows, .a_row = HS, .a_depth = 1, .b = page_part(pages, position), .b_depth = 16, .b_panel = 16 * HS,
      .depth = HS, .c = out + position, .c_row = stride,
      .ahead = position + 32 < keys ? page_part(pages, position + 32) : NULL,
    };
    product(&work, count, left < 32 ? left : 32, KERNEL_OVERWRITE);
  }
}

/// out (count,HS) at `out_row` = weights (count, stride) · values (keys,HS), positions in order. Begins at position
/// `from`, a multiple of 32, with the sums that are in `out` unless `from` is 0.
static void weighted_rows(
  float *out, ptrdiff_t out_row, const float *weights, ptrdiff_t stride, ptrdiff_t count,
  const struct kernel_pages *pages, ptrdiff_t from, ptrdiff_t keys) {
  const ptrdiff_t HS = pages->HS;
  for (ptrdiff_t position = from; position < keys; position += 32) {
    const ptrdiff_t left = keys - position;
    struct kernel_product work = {
      .a = weights + position, .a_row = stride, .a_depth = 1, .b = page_part(pages, position) + 32 * HS,
      .b_depth = HS, .b_panel = 16, .depth = left < 32 ? left : 32, .c = out, .c_row = out_row,
      .ahead = left > 32 ? page_part(pages, position + 32) + 32 * HS : NULL,
    };
    product(&work, count, HS, position == 0 ? KERNEL_OVERWRITE : KERNEL_RESUME);
  }
}

/// row (keys), in place: scores → e^((score − max)·scale), zero up to the next multiple of sixteen; returns their sum.
static float softmax_numerators(float *row, ptrdiff_t keys, float scale) {
  const ptrdiff_t padded = (keys + 15) & ~(ptrdiff_t)15;
  for (ptrdiff_t index = keys; index < padded; index++) row[index] = -INFINITY;
  v16 peak = splat(-INFINITY);
  for (ptrdiff_t index = 0; index < padded; index += 16) peak = larger(load(row + index), peak);
  const float highest = lane_max(peak);
  v16 sum = splat(0);
  for (ptrdiff_t index = 0; index < padded; index += 16) {
    v16 e = exponential16((load(row + index) - highest) * scale);
    sum += e;
    store(row + index, e);
  }
  return lane_sum(sum);
}

/// weights (keys) *= inverse; then gradients (keys), in place: dP → p·(dP − Σ p·dP)·scale.
static void softmax_gradient(float *weights, float *gradients, ptrdiff_t keys, float inverse, float scale) {
  v16 sum = splat(0);
  for (ptrdiff_t index = 0; index < keys; index += 16) {
    const ptrdiff_t width = keys - index;
    v16 p = load_part(weights + index, width, 0) * inverse;
    store_part(weights + index, p, width);
    sum = MULTIPLY_ADD(p, load_part(gradients + index, width, 0), sum);
  }
  const float mean = lane_sum(sum);
  for (ptrdiff_t index = 0; index < keys; index += 16) {
    const ptrdiff_t width = keys - index;
    v16 p = load_part(weights + index, width, 0);
    store_part(gradients + index, p * (load_part(gradients + index, width, 0) - mean) * scale, width);
  }
}

/// `struct kernel_attention`: out = softmax(query·keysᵀ/√HS)·values.
///
/// Scores sum over HS in order, the softmax in lanes from position 0, the values over positions in order: the tokens of
/// an item share register tiles, and that is all they share. Past the positions that all of them attend to, each token
/// goes on alone, so that nothing is ever added for a position it does not see.
static void attend(const struct kernel_attention *work) {
  const ptrdiff_t G = work->G, HS = work->pages.HS, stride = work->stride, rows = work->tokens * G;
  const size_t token_bytes = (size_t)(G * HS) * sizeof(float);
  float *scores = work->scratch;
  float *queries = scores + rows * stride;
  float *outs = queries + rows * HS;
  float *inverses = outs + rows * HS;
  for (ptrdiff_t token = 0; token < work->tokens; token++) {
    memcpy(queries + token * G * HS, work->query + token * work->token, token_bytes);
  }
  panel_products(scores, stride, queries, rows, &work->pages, work->keys + work->tokens - 1);
  const float scale = 1 / sqrtf((float)HS);
  for (ptrdiff_t row = 0; row < rows; row++) {
    inverses[row] = 1 / softmax_numerators(scores + row * stride, work->keys + row / G, scale);
  }
  const ptrdiff_t common = work->tokens == 1 ? 0 : work->keys / 32 * 32;
  weighted_rows(outs, HS, scores, stride, rows, &work->pages, 0, common);
  for (ptrdiff_t token = 0; token < work->tokens; token++) {
    const ptrdiff_t first = token * G;
    weighted_rows(
      outs + first * HS, HS, scores + first * stride, stride, G, &work->pages, common, work->keys + token);
    float *out = work->out + token * work->token;
    for (ptrdiff_t g = 0; g < G; g++) {
      for (ptrdiff_t d = 0; d < HS; d++) out[g * HS + d] = outs[(first + g) * HS + d] * inverses[first + g];
    }
  }
}
