// out = input · weightᵀ over packed weights.

/// The part of a tile that is left of column N, through scratch.
static void linear_edge(
  const struct kernel_linear *work, struct kernel_product *t, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t kept) {
  float scratch[ROWS_MAX * 32];
  struct kernel_product inner = *t;
  inner.c = scratch;
  inner.c_row = 32;
  inner.bias = NULL;
  multiply_tile(&inner, rows, width, KERNEL_OVERWRITE);
  for (ptrdiff_t row = 0; row < rows; row++) {
    for (ptrdiff_t column = 0; column < kept; column++) {
      float value = scratch[row * 32 + column];
      if (t->bias) value += t->bias[column];
      float *target = t->c + row * t->c_row + column;
      *target = work->adding ? *target + value : value;
    }
  }
}

INLINE void linear_tile(
  const struct kernel_linear *work, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t column, ptrdiff_t width,
  const float *ahead, ptrdiff_t ahead_step) {
  const float *b = work->weight + column / 16 * 16 * work->K + column % 16;
  struct kernel_product t = {
    .a = work->input + row * work->K, .a_row = work->K, .a_depth = 1, .b = b, .b_depth = 16,
    .b_panel = 16 * work->K, .depth = work->K, .c = work->out + row * work->N + column, .c_row = work->N,
    .bias = work->bias ? work->bias + column : NULL, .ahead = ahead ? ahead : b, .ahead_step = ahead_step,
  };
  if (column + width <= work->N) {
    multiply_tile(&t, rows, width, work->adding ? KERNEL_ADD : KERNEL_OVERWRITE);
  } else {
    ptrdiff_t kept = work->N - column;
    if (kept > 0) linear_edge(work, &t, rows, width, kept);
  }
}

/// Few rows: all of them for one group of columns after the other. The weights come from memory once and each tile asks
/// for its share of the columns that follow.
static void linear_streaming(const struct kernel_linear *work) {
  const ptrdiff_t M = work->row_end - work->row_begin;
  const ptrdiff_t end = work->panel_end * 16;
  ptrdiff_t width;
  for (ptrdiff_t column = work->panel_begin * 16; column < end; column += width) {
    width = tile_columns(end - column);
    const ptrdiff_t next = column + width;
    // The item that follows is likely to take the panels that follow, so the last columns look ahead too.
    const bool more = next < (work->N + 15) / 16 * 16;
    ptrdiff_t rows;
    for (ptrdiff_t row = 0; row < M; row += rows) {
      rows = tile_rows(M - row);
      // Tiles before have asked for row/M of each panel.
      const float *ahead = work->weight + next / 16 * 16 * work->K + 16 * work->K * row / M;
      linear_tile(
        work, work->row_begin + row, rows, column, width, more ? ahead : NULL, more ? 16 * rows / M : 0);
    }
  }
}

/// Many rows: the item's weights stay in the second-level cache while rows pass by.
static void linear_blocked(const struct kernel_linear *work) {
  const ptrdiff_t end = work->panel_end * 16;
  ptrdiff_t rows, width;
  for (ptrdiff_t row = work->row_begin; row < work->row_end; row += rows) {
    rows = tile_rows(work->row_end - row);
    for (ptrdiff_t column = work->panel_begin * 16; column < end; column += width) {
      width = tile_columns(end - column);
      linear_tile(work, row, rows, column, width, NULL, 0);
    }
  }
}

static void linear(const struct kernel_linear *work) {
  if (work->streaming) {
    linear_streaming(work);
  } else {
    linear_blocked(work);
  }
}

/// panel (K,16) = the transpose of source (width,K); `width` up to 16, missing columns zero.
static void pack_panel(float *panel, const float *source, ptrdiff_t width, ptrdiff_t K) {
  if (width < 16) memset(panel, 0, (size_t)K * 16 * sizeof(float));
  // Blocks of 16 keep the source's lines and the panel's in the first-level cache.
  for (ptrdiff_t block = 0; block < K; block += 16) {
    const ptrdiff_t end = block + 16 < K ? block + 16 : K;
    for (ptrdiff_t lane = 0; lane < width; lane++) {
      for (ptrdiff_t k = block; k < end; k++) panel[k * 16 + lane] = source[lane * K + k];
    }
  }
}
