/* A vector of the target and the few words the kernels say in it.
 *
 * A target file with an instruction set of its own defines SX_VECTOR_BYTES, SX_VECTOR_BROADCAST and SX_VECTOR_FMA
 * before it includes the kernels.  Without them GCC and Clang get 16 bytes, and any other compiler a "vector"
 * of one double.  The text of the kernels is the same for all.
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

SX_INLINE sx_vector sx_load(const double *x) { return *(const sx_vector *)x; }

SX_INLINE void sx_store(double *x, sx_vector v) { *(sx_vector *)x = v; }

SX_INLINE sx_vector sx_broadcast(double a) { return SX_VECTOR_BROADCAST(a); }

#endif /* SX_VECTOR_H */
