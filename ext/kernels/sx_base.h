/* What every kernel header starts from: compiler words, the view of the rows, the FP contract.
 *
 * The kernels are C11 and header-only.  They know nothing of Python, threads, files or allocation:
 * the caller hands over views, outputs and work space.  Sizes are ptrdiff_t throughout.
 *
 * Floating point: strict IEEE 754 binary64, and the compiler never contracts: a product and a sum are two
 * roundings unless SX_FMA says otherwise, so that equal text gives equal bits.  -ffast-math would break the
 * error-free transforms of sx_dd.h and is refused below.
 */
#ifndef SX_BASE_H
#define SX_BASE_H

#include <string.h>

#include "sx_types.h"

#if defined(__FAST_MATH__)
#error "sigmax kernels need IEEE arithmetic: build without -ffast-math"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "sigmax kernels need double arithmetic in double precision (x87 is not supported)"
#endif

#if defined(__GNUC__)
#define SX_INLINE static inline __attribute__((always_inline, unused))
#define SX_KERNEL static __attribute__((noinline, unused)) /* registers of its own */
#else
#define SX_INLINE static inline
#define SX_KERNEL static
#endif

/* Rows that a kernel handles at a time: the scaled copies of a tile (SX_TILE x k doubles) stay in
 * cache.  A multiple of SX_LANES; no result depends on it except through the sums of sx_linear.h,
 * where one tile is one partial sum, so changing it changes bits. */
#define SX_TILE 128

/* Partial sums that a long sum or dot product runs in, whatever the vector width of the machine. */
#define SX_LANES 8

/* a b + c: one rounding where the target has FMA, two elsewhere.  Used in sums over columns and rows only;
 * the functions of one row (sx_exp.h to sx_softmax.h) never fuse and have the same bits everywhere. */
#if !defined(SX_USE_FMA)
#define SX_USE_FMA 0
#endif
#if SX_USE_FMA
#define SX_FMA(a, b, c) __builtin_fma(a, b, c)
#else
#define SX_FMA(a, b, c) ((a) * (b) + (c))
#endif

#define SX_CACHE_LINE 64 /* bytes */

/* Ask for the cache line of an address (a uintptr_t: it need not be one of ours) that will be read soon, or written,
 * or read later (into the second cache). */
#if defined(__GNUC__)
#define SX_PREFETCH(address) __builtin_prefetch((const void *)(address))
#define SX_PREFETCH_WRITE(address) __builtin_prefetch((const void *)(address), 1)
#define SX_PREFETCH_LATER(address) __builtin_prefetch((const void *)(address), 0, 2)
#else
#define SX_PREFETCH(address) ((void)(address))
#define SX_PREFETCH_WRITE(address) ((void)(address))
#define SX_PREFETCH_LATER(address) ((void)(address))
#endif

SX_INLINE ptrdiff_t sx_min(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

SX_INLINE uint64_t sx_bits(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

SX_INLINE double sx_from_bits(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

SX_INLINE double sx_abs(double x) { return sx_from_bits(sx_bits(x) & 0x7fffffffffffffffu); }

#endif /* SX_BASE_H */
