// Sums of gradients: products of plain matrices, nothing packed.

/// Depth of a block: as many rows of b as the second-level cache keeps while rows of c pass by.
#define DEPTH_BLOCK 256
/// Rows of an item at most.
#define SUM_ROWS_MAX 96

/// Columns fewer than a panel, through scratch.
static void add_products_edge(const struct kernel_sum *work, ptrdiff_t column, ptrdiff_t start, ptrdiff_t depth) {
  const ptrdiff_t width = work->columns - column;
  float b[DEPTH_BLOCK * 16] = {0}, c[SUM_ROWS_MAX * 16] = {0};
  for (ptrdiff_t k = 0; k < depth; k++) {
    for (ptrdiff_t i = 0; i < width; i++) b[k * 16 + i] = work->b[(start + k) * work->b_depth + column + i];
  }
  for (ptrdiff_t row = 0; row < work->rows; row++) {
    for (ptrdiff_t i = 0; i < width; i++) c[row * 16 + i] = work->c[row * work->c_row + column + i];
  }
  struct kernel_product block = {
    .a = work->a + start * work->a_depth, .a_row = work->a_row, .a_depth = work->a_depth, .b = b, .b_depth = 16,
    .b_panel = 16, .depth = depth, .c = c, .c_row = 16,
  };
  product(&block, work->rows, 16, KERNEL_RESUME);
  for (ptrdiff_t row = 0; row < work->rows; row++) {
    for (ptrdiff_t i = 0; i < width; i++) work->c[row * work->c_row + column + i] = c[row * 16 + i];
  }
}

/// `struct kernel_sum`: each element of c is one chain of multiply-adds that continues from what is in it.
static void add_products(const struct kernel_sum *work) {
  const ptrdiff_t whole = work->columns / 16 * 16;
  for (ptrdiff_t start = 0; start < work->depth; start += DEPTH_BLOCK) {
    const ptrdiff_t left = work->depth - start;
    const ptrdiff_t depth = left < DEPTH_BLOCK ? left : DEPTH_BLOCK;
    struct kernel_product block = {
      .a = work->a + start * work->a_depth, .a_row = work->a_row, .a_depth = work->a_depth,
      .b = work->b + start * work->b_depth, .b_depth = work->b_depth, .b_panel = 16, .depth = depth, .c = work->c,
      .c_row = work->c_row,
    };
    product(&block, work->rows, whole, KERNEL_RESUME);
    if (whole < work->columns) add_products_edge(work, whole, start, depth);
  }
}
