/* exp(x) and expm1(x), without branches or tables, so that a loop over them vectorises, and with the same bits with and
 * without FMA, which stands where a product is exact only.
 *
 *     n = rint(x / ln 2),  r + r_low = x - n ln 2,  |r| <= ln 2 / 2
 *     exp(x)   = 2^n (1 + r + r^2 q(r))
 *     expm1(x) = 2^n (r + r^2 q(r)) + (2^n - 1)
 *
 * q: interpolation at Chebyshev nodes, ext/tools/coefficients.py; its error is 0.003 * 2^-53.
 * ln 2 = SX_LN2_HIGH + SX_LN2_LOW with 21 trailing zero bits in the high part, so that
 * n * SX_LN2_HIGH and the subtraction from x are exact.
 *
 * Special cases: exp(-inf) = 0, exp(inf) = inf, exp(nan) = nan; gradual underflow to subnormals.
 */
#ifndef SX_EXP_H
#define SX_EXP_H

#include "sx_dd.h"

#define SX_LOG2E 0x1.71547652b82fep+0     /* 1 / ln 2 */
#define SX_LN2_HIGH 0x1.62e42fee00000p-1  /* ln 2, upper 32 bits */
#define SX_LN2_LOW 0x1.a39ef35793c76p-33  /* ln 2 - SX_LN2_HIGH */
#define SX_ROUND_SHIFT 0x1.8p+52          /* x + shift rounds x to an integer, held in the low bits */
#define SX_EXP_REST 0x1p-512              /* the second of the two factors that make 2^n, x <= 0 */
#define SX_EXP_LEAST -1040.0              /* exp of it is nothing, even against exp(-745) and a thousand times */
#define SX_EXP_Q0 0x1.0000000000000p-1
#define SX_EXP_Q1 0x1.5555555555557p-3
#define SX_EXP_Q2 0x1.5555555555556p-5
#define SX_EXP_Q3 0x1.11111111100dfp-7
#define SX_EXP_Q4 0x1.6c16c16c162d6p-10
#define SX_EXP_Q5 0x1.a01a01abe6323p-13
#define SX_EXP_Q6 0x1.a01a01a6d7831p-16
#define SX_EXP_Q7 0x1.71de0237484cdp-19
#define SX_EXP_Q8 0x1.27e4db67ac2b0p-22
#define SX_EXP_Q9 0x1.af4ddda1c08cdp-26
#define SX_EXP_Q10 0x1.1f72fc83bcbc7p-29

/* q(r) of degree 10, Estrin's scheme. */
SX_INLINE double sx_exp_q(double r)
{
    const double r2 = r * r;
    const double r4 = r2 * r2;
    const double q01 = SX_EXP_Q0 + r * SX_EXP_Q1;
    const double q23 = SX_EXP_Q2 + r * SX_EXP_Q3;
    const double q45 = SX_EXP_Q4 + r * SX_EXP_Q5;
    const double q67 = SX_EXP_Q6 + r * SX_EXP_Q7;
    const double q89 = SX_EXP_Q8 + r * SX_EXP_Q9;
    const double q03 = q01 + r2 * q23;
    const double q47 = q45 + r2 * q67;
    const double q8a = q89 + r2 * SX_EXP_Q10;
    return q03 + r4 * (q47 + r4 * q8a);
}

/* x + x_low = n ln 2 + r + r_low; `shifted` holds n in its low bits.  |x| <= 1040. */
typedef struct {
    double n;
    double shifted;
    double r;
    double r_low;
} sx_exp_reduced;

SX_INLINE sx_exp_reduced sx_exp_reduce(double x, double x_low)
{
    const double shifted = x * SX_LOG2E + SX_ROUND_SHIFT;
    const double n = shifted - SX_ROUND_SHIFT;
    const double high = SX_FMA(-n, SX_LN2_HIGH, x); /* exact, fused or not */
    const double low = n * SX_LN2_LOW - x_low;
    const double r = high - low;
    return (sx_exp_reduced){n, shifted, r, (high - r) - low};
}

/* 2^n for |n| <= 1000, n in the low bits of `shifted`. */
SX_INLINE double sx_exp_scale(double shifted)
{
    return sx_from_bits((sx_bits(shifted) << 52) + 0x3ff0000000000000u);
}

/* exp(x + x_low) = (head + tail) scale rest.  head and tail are of the size of 1 and 1/16, so that what is made of
 * them does not underflow; the two factors are powers of two whose product may be subnormal. */
typedef struct {
    double head;
    double tail;
    double scale;
    double rest;
} sx_exp_parts;

/* For SX_EXP_LEAST <= x <= 710, or nan.  For x <= 0 `positive` is 0, and the compiler drops what only large results
 * need. */
SX_INLINE sx_exp_parts sx_exp_parts_of(const int positive, double x, double x_low)
{
    const sx_exp_reduced a = sx_exp_reduce(x, x_low);

    /* 1 + r + r^2 q: the head is rounded once, its error goes into the tail, as does the low word. */
    const double head = 1.0 + a.r;
    const double tail = (a.r - (head - 1.0)) + (a.r_low * head + (a.r * a.r) * sx_exp_q(a.r));

    /* 2^n in two steps, the second one exact or the only rounding to a subnormal. */
    const double step = positive && a.n > 0.0 ? -512.0 : 512.0;
    const double rest = positive && a.n > 0.0 ? 1.0 / SX_EXP_REST : SX_EXP_REST;
    return (sx_exp_parts){head, tail, sx_exp_scale(a.shifted + step), rest};
}

SX_INLINE double sx_exp_scaled(sx_exp_parts e, double value) { return (value * e.scale) * e.rest; }

/* `value`, a multiple of exp(x), times 2^512: what a sum of tiny numbers is made of.  inf for x > 355. */
SX_INLINE double sx_exp_lifted(sx_exp_parts e, double value)
{
    const double up = e.rest > 1.0 ? 1.0 / SX_EXP_REST : 1.0;
    return ((value * e.scale) * up) * up;
}

SX_INLINE double sx_exp(double x)
{
    double c = x < SX_EXP_LEAST ? SX_EXP_LEAST : x;
    c = c > 710.0 ? 710.0 : c; /* overflows */
    const sx_exp_parts e = sx_exp_parts_of(1, c, 0.0);
    return sx_exp_scaled(e, e.head + e.tail);
}

SX_INLINE double sx_expm1(double x)
{
    /* expm1(-746) rounds to -1, expm1(710) overflows */
    double c = x < -746.0 ? -746.0 : x;
    c = c > 710.0 ? 710.0 : c;
    const sx_exp_reduced a = sx_exp_reduce(c, 0.0);
    const double p = a.r + (a.r_low + (a.r * a.r) * sx_exp_q(a.r));
    /* n <= -1000: 2^n p is below the last bit of -1.  n > 1000: one power of two is applied last. */
    const double down = a.n < -1000.0 ? 64.0 : 0.0;
    const double up = a.n > 1000.0 ? 2.0 : 1.0;
    const double scale = sx_exp_scale(a.shifted + down - (up - 1.0));
    return (scale * p + (scale - 1.0 / up)) * up;
}

#endif /* SX_EXP_H */
