/* Error-free transforms and the long sum (Knuth 1969; Ogita, Rump & Oishi, SIAM J. Sci. Comput. 26, 2005).
 *
 *     a + b = s + e   exactly, s = fl(a + b)
 *     a - b = d + e   exactly, d = fl(a - b)
 */
#ifndef SX_DD_H
#define SX_DD_H

#include "sx_vector.h"

SX_INLINE sx_dd sx_two_sum(double a, double b)
{
    const double s = a + b;
    const double t = s - a;
    return (sx_dd){s, (a - (s - t)) + (b - t)};
}

/* The same for |a| >= |b| (Dekker 1971). */
SX_INLINE sx_dd sx_fast_two_sum(double a, double b)
{
    const double s = a + b;
    return (sx_dd){s, b - (s - a)};
}

/* a = high + low exactly, both of 26 bits (Veltkamp 1968); |a| < 2^996. */
SX_INLINE sx_dd sx_split(double a)
{
    const double c = 0x1.0000002p+27 * a; /* 2^27 + 1 */
    const double high = c - (c - a);
    return (sx_dd){high, a - high};
}

/* a b = p + e exactly, p = fl(a b): two flops with FMA, 17 without (Dekker 1971), and the same bits while nothing
 * underflows: 2^-900 < |a b|, |a|, |b| < 2^900. */
SX_INLINE sx_dd sx_two_prod(double a, double b)
{
    const double p = a * b;
#if SX_USE_FMA
    return (sx_dd){p, SX_FMA(a, b, -p)};
#else
    const sx_dd x = sx_split(a), y = sx_split(b);
    return (sx_dd){p, ((x.high * y.high - p) + x.high * y.low + x.low * y.high) + x.low * y.low};
#endif
}

/* 1 / (high + low), low tiny against high, good to 100 bits, from r, which is 1 / high to some 50. */
SX_INLINE sx_dd sx_reciprocal_from(double r, sx_dd a)
{
    const sx_dd one = sx_two_prod(r, a.high);
    const double e = ((1.0 - one.high) - one.low) - r * a.low;
    const double high = r + e * r;
    return (sx_dd){high, e * r - (high - r)};
}

SX_INLINE sx_dd sx_reciprocal(sx_dd a) { return sx_reciprocal_from(1.0 / a.high, a); }

SX_INLINE sx_dd sx_two_diff(double a, double b) { return sx_two_sum(a, -b); }

/* A sum of many terms in SX_LANES double-double accumulators: term i goes to lane i mod SX_LANES.
 * |error| <= 2^-53 |sum| + n^2 2^-106 sum |term|: for one sign of terms, the rounded exact sum. */
typedef struct {
    double high[SX_LANES];
    double low[SX_LANES];
} sx_sum;

SX_INLINE void sx_sum_clear(sx_sum *sum) { memset(sum, 0, sizeof *sum); }

/* Add term[0..SX_TILE); a shorter tile is padded with zeros, which change nothing. */
SX_KERNEL void sx_sum_add_tile(sx_sum *restrict sum, const double *restrict term)
{
    for (int v = 0; v < SX_LANES; v += SX_VECTOR_LENGTH) {
        sx_vector high = sx_load(sum->high + v), low = sx_load(sum->low + v);
        for (ptrdiff_t i = v; i < SX_TILE; i += SX_LANES) {
            const sx_vector x = sx_load(term + i), s = high + x, t = s - high;
            low += (high - (s - t)) + (x - t);
            high = s;
        }
        sx_store(sum->high + v, high);
        sx_store(sum->low + v, low);
    }
}

SX_INLINE sx_dd sx_sum_total(const sx_sum *sum)
{
    sx_dd total = {0.0, 0.0};
    for (int lane = 0; lane < SX_LANES; ++lane) {
        const sx_dd t = sx_two_sum(total.high, sum->high[lane]);
        total.high = t.high;
        total.low += t.low + sum->low[lane];
    }
    /* inf or nan among the terms, or a sum beyond the range: the low words are nan, and say nothing */
    if (!(sx_abs(total.high) <= 0x1.fffffffffffffp+1023)) return (sx_dd){total.high, 0.0};
    return sx_two_sum(total.high, total.low);
}

#endif /* SX_DD_H */
