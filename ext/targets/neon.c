/* AArch64: NEON and FMA, which every such processor has. */
#include "targets.h"

#if SX_HAVE_NEON_TARGET
#include <arm_neon.h>

#define SX_USE_FMA 1
#define SX_VECTOR_BYTES 16
#define SX_VECTOR_BROADCAST(a) (sx_vector) vdupq_n_f64(a)
#define SX_VECTOR_FMA(a, x, c)                                                                       \
    (sx_vector) vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(x))
#define SX_BACKWARD_VECTORS 6
#define SX_GRAM_ROWS 8
#define SX_GRAM_VECTORS 3
#define SX_PRODUCT_ROWS 8
#define SX_JEFFREYS_COLUMNS 6
#define SX_JEFFREYS_VECTORS 4
#include "operations.h"

const sx_kernels sx_kernels_neon = SX_OPERATIONS("neon");
#endif
