/* A vector of the target and the few words the kernels say in it.
 *
 * A target file with an instruction set of its own defines SX_VECTOR_BYTES, SX_VECTOR_BROADCAST, SX_VECTOR_FMA and
 * SX_VECTOR_MAX before it includes the kernels.  Without them GCC and Clang get 16 bytes, and any other compiler a
 * "vector" of one double.  The text of the kernels is the same for all.
 */
#ifndef SX_VECTOR_H
#define SX_VECTOR_H

#include "sx_base.h"

#if !defined(__GNUC__)
#define SX_VECTOR_BYTES 8
#define SX_VECTOR_BROADCAST(a) (a)
typedef double sx_vector;
#else
#ifndef SX_VECTOR_BYTES
#define SX_VECTOR_BYTES 16
#define SX_VECTOR_BROADCAST(a) ((sx_vector){(a), (a)})
#endif
typedef double sx_vector __attribute__((vector_size(SX_VECTOR_BYTES), aligned(8), may_alias));
#endif

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SX_HAVE_SHUFFLE 1
#endif
#endif

#define SX_VECTOR_LENGTH ((int)(SX_VECTOR_BYTES / sizeof(double)))

/* a x + c, one rounding where the target has FMA */
#ifndef SX_VECTOR_FMA
#define SX_VECTOR_FMA(a, x, c) ((a) * (x) + (c))
#endif

/* |x|;  max(a, b), b where one is nan;  x where it is finite, else 0 */
#if !defined(__GNUC__)
SX_INLINE sx_vector sx_vector_abs(sx_vector x) { return sx_abs(x); }
#define SX_VECTOR_MAX(a, b) ((a) > (b) ? (a) : (b))
SX_INLINE sx_vector sx_vector_finite_or_zero(sx_vector x) { return x - x == 0.0 ? x : 0.0; }
#else
typedef int64_t sx_mask __attribute__((vector_size(SX_VECTOR_BYTES), aligned(8), may_alias));
SX_INLINE sx_vector sx_vector_abs(sx_vector x) { return (sx_vector)((sx_mask)x & 0x7fffffffffffffff); }
SX_INLINE sx_vector sx_vector_finite_or_zero(sx_vector x)
{
    return (sx_vector)((sx_mask)x & (sx_mask)(x - x == x - x));
}
#ifndef SX_VECTOR_MAX
SX_INLINE sx_vector sx_vector_max(sx_vector a, sx_vector b)
{
    const sx_mask larger = (sx_mask)(a > b);
    return (sx_vector)(((sx_mask)a & larger) | ((sx_mask)b & ~larger));
}
#define SX_VECTOR_MAX(a, b) sx_vector_max(a, b)
#endif
#endif

SX_INLINE sx_vector sx_load(const double *x) { return *(const sx_vector *)x; }

SX_INLINE void sx_store(double *x, sx_vector v) { *(sx_vector *)x = v; }

SX_INLINE sx_vector sx_broadcast(double a) { return SX_VECTOR_BROADCAST(a); }

#endif /* SX_VECTOR_H */
