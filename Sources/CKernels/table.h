// The kernels of a path in the order of `struct kernel_table`, after its name.
#define KERNELS                                                                                      \
  product, linear, add_products, pack_panel, attend, panel_products, weighted_rows, softmax_numerators,               \
    softmax_gradient, rms_norm, rms_norm_backward, rms_norm_backward_weight, rope, log_softmax, entropy, log_softmax_backward, exponential, add,  \
    swiglu, swiglu_backward, adamw, sum_of_squares

#include "product.h"
#include "linear.h"
#include "gradient.h"
#include "attention.h"
#include "rows.h"
#include "pointwise.h"
