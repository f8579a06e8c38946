// Register tiles, and products of any size made of them.

/// Floats from column 0 of a tile's b to its register w: registers are narrower than a panel or as wide.
#define COLUMN(w, panel) ((w) * LANES / 16 * (panel) + (w) * LANES % 16)

// A tile of R rows and W registers. The sums are kept in registers because R and W are literals and all loops over them
// are unrolled.
#define DEFINE_TILE(R, W)                                                                       \
  static void tile_##R##x##W(const struct kernel_product *t, enum kernel_store mode) {          \
    vr sum[R][W];                                                                               \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < R; r++) {                            \
      _Pragma("clang loop unroll(full)") for (int w = 0; w < W; w++) sum[r][w] =                \
        mode == KERNEL_RESUME ? *(const vr_unaligned *)(t->c + r * t->c_row + w * LANES) : (vr)(0); \
    }                                                                                           \
    const float *a = t->a, *b = t->b;                                                           \
    const ptrdiff_t a_row = t->a_row, a_depth = t->a_depth, b_depth = t->b_depth;               \
    const ptrdiff_t b_panel = t->b_panel, ahead_step = t->ahead_step;                           \
    const float *ahead = t->ahead;                                                              \
    for (ptrdiff_t k = t->depth; k > 0; k--) {                                                  \
      __builtin_prefetch(ahead, 0, 2);                                                          \
      if (W * LANES > 16) __builtin_prefetch(ahead + b_panel, 0, 2);                            \
      ahead += ahead_step;                                                                      \
      vr row[W];                                                                                \
      _Pragma("clang loop unroll(full)") for (int w = 0; w < W; w++) row[w] =                   \
        *(const vr_unaligned *)(b + COLUMN(w, b_panel));                                        \
      _Pragma("clang loop unroll(full)") for (int r = 0; r < R; r++) {                          \
        vr x = (vr)(a[r * a_row]);                                                              \
        _Pragma("clang loop unroll(full)") for (int w = 0; w < W; w++) sum[r][w] =              \
          MULTIPLY_ADD(x, row[w], sum[r][w]);                                                   \
      }                                                                                         \
      a += a_depth;                                                                             \
      b += b_depth;                                                                             \
    }                                                                                           \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < R; r++) {                            \
      _Pragma("clang loop unroll(full)") for (int w = 0; w < W; w++) {                          \
        vr_unaligned *c = (vr_unaligned *)(t->c + r * t->c_row + w * LANES);                    \
        vr value = sum[r][w];                                                                   \
        if (t->bias) value = value + *(const vr_unaligned *)(t->bias + w * LANES);              \
        *c = mode == KERNEL_ADD ? *c + value : value;                                           \
      }                                                                                         \
    }                                                                                           \
  }

#define DEFINE_TILES(W)                                                                         \
  DEFINE_TILE(1, W) DEFINE_TILE(2, W) DEFINE_TILE(3, W) DEFINE_TILE(4, W) DEFINE_TILE(5, W) DEFINE_TILE(6, W)
#define DEFINE_TALL_TILES(W)                                                                    \
  DEFINE_TILE(7, W) DEFINE_TILE(8, W) DEFINE_TILE(9, W) DEFINE_TILE(10, W) DEFINE_TILE(11, W) DEFINE_TILE(12, W)

typedef void tile_function(const struct kernel_product *, enum kernel_store);

DEFINE_TILES(TILE_WIDE)
#if ROWS_MAX == 12
// AVX-512: tiles of 12×32, and of 12×16 for a last panel that has no other beside it.
DEFINE_TALL_TILES(2)
DEFINE_TILES(1)
DEFINE_TALL_TILES(1)
static tile_function *const wide_tiles[] = {
  tile_1x2, tile_2x2, tile_3x2, tile_4x2, tile_5x2, tile_6x2, tile_7x2, tile_8x2, tile_9x2, tile_10x2, tile_11x2,
  tile_12x2,
};
static tile_function *const narrow_tiles[] = {
  tile_1x1, tile_2x1, tile_3x1, tile_4x1, tile_5x1, tile_6x1, tile_7x1, tile_8x1, tile_9x1, tile_10x1, tile_11x1,
  tile_12x1,
};
#else
static tile_function *const wide_tiles[] = {tile_1x2, tile_2x2, tile_3x2, tile_4x2, tile_5x2, tile_6x2};
#define narrow_tiles wide_tiles
#endif

/// Columns of a wide tile.
#define TILE_COLUMNS (TILE_WIDE * LANES)

/// Rows of the next tile when `remaining` are left: as equal as possible.
INLINE ptrdiff_t tile_rows(ptrdiff_t remaining) {
  ptrdiff_t tiles = (remaining + ROWS_MAX - 1) / ROWS_MAX;
  return (remaining + tiles - 1) / tiles;
}

/// The next columns of a product: a wide tile's, or a panel that is left alone.
INLINE ptrdiff_t tile_columns(ptrdiff_t remaining) {
  return remaining >= TILE_COLUMNS ? TILE_COLUMNS : 16;
}

/// One row of tiles: `rows` at most ROWS_MAX, `columns` that `tile_columns` gave.
INLINE void multiply_tile(
  const struct kernel_product *t, ptrdiff_t rows, ptrdiff_t columns, enum kernel_store mode) {
  (columns == TILE_COLUMNS ? wide_tiles : narrow_tiles)[rows - 1](t, mode);
}

/// `struct kernel_product`, any number of rows, any number of panels.
static void product(
  const struct kernel_product *whole, ptrdiff_t rows, ptrdiff_t columns, enum kernel_store mode) {
  struct kernel_product t = *whole;
  ptrdiff_t width;
  for (ptrdiff_t column = 0; column < columns; column += width) {
    width = tile_columns(columns - column);
    t.a = whole->a;
    const ptrdiff_t offset = column / 16 * t.b_panel + column % 16;
    t.b = whole->b + offset;
    t.ahead = whole->ahead ? whole->ahead + offset : t.b;
    t.ahead_step = whole->ahead ? t.b_depth : 0;
    t.c = whole->c + column;
    t.bias = whole->bias ? whole->bias + column : NULL;
    ptrdiff_t count;
    for (ptrdiff_t row = 0; row < rows; row += count) {
      count = tile_rows(rows - row);
      multiply_tile(&t, count, width, mode);
      t.a += count * t.a_row;
      t.c += count * t.c_row;
      // The first tile of each column has asked for everything.
      t.ahead = t.b;
      t.ahead_step = 0;
    }
  }
}
