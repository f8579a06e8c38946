// Any processor: registers of four floats, as every x86-64 and ARM has them.
#define LANES 4
#define FUSED 0
#define ROWS_MAX 6
#define TILE_WIDE 2

#include "vector.h"
#include "table.h"

static const struct kernel_table table = {"portable", KERNELS};

const struct kernel_table *kernel_table_portable(void) { return &table; }
