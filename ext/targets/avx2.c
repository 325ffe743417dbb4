/* AVX2 with FMA. */
#include "targets.h"

#if SX_HAVE_X86_TARGETS
SX_TARGET_BEGIN_AVX2

#define SX_USE_FMA 1
#define SX_VECTOR_BYTES 32
#define SX_VECTOR_BROADCAST(a) (sx_vector) _mm256_set1_pd(a)
#define SX_VECTOR_FMA(a, x, c) (sx_vector) _mm256_fmadd_pd((__m256d)(a), (__m256d)(x), (__m256d)(c))
#define SX_VECTOR_MAX(a, b) (sx_vector) _mm256_max_pd((__m256d)(a), (__m256d)(b))
#define SX_GRAM_ROWS 4
#define SX_GRAM_VECTORS 3
#define SX_PRODUCT_ROWS 4
#define SX_JEFFREYS_COLUMNS 6
#define SX_JEFFREYS_VECTORS 2
#include "operations.h"

SX_TARGET_END

const sx_kernels sx_kernels_avx2 = SX_OPERATIONS("avx2");
#endif
