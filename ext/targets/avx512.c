/* AVX-512 (F, BW, DQ, VL) with FMA. */
#include "targets.h"

#if SX_HAVE_X86_TARGETS
SX_TARGET_BEGIN_AVX512

#define SX_USE_FMA 1
#define SX_VECTOR_BYTES 64
#define SX_VECTOR_BROADCAST(a) (sx_vector) _mm512_set1_pd(a)
#define SX_VECTOR_FMA(a, x, c) (sx_vector) _mm512_fmadd_pd((__m512d)(a), (__m512d)(x), (__m512d)(c))
#define SX_VECTOR_MAX(a, b) (sx_vector) _mm512_max_pd((__m512d)(a), (__m512d)(b))
#define SX_DOT_RHS 2
#define SX_BACKWARD_VECTORS 6
#define SX_GRAM_ROWS 8
#define SX_GRAM_VECTORS 3
#define SX_PRODUCT_ROWS 8
#define SX_JEFFREYS_COLUMNS 6
#define SX_JEFFREYS_VECTORS 4
#include "operations.h"

SX_TARGET_END

const sx_kernels sx_kernels_avx512 = SX_OPERATIONS("avx512");
#endif
