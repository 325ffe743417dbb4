/* tanh(x), without branches or tables, and with the same bits with and without FMA.
 *
 *     t = expm1(-2 |x|) = 2^n (r + r^2 q(r)) + (2^n - 1)         as in sx_exp.h
 *     tanh |x| = -t / (2 + t)
 *
 * t comes with a low word: where |x| is large, 2 + t is next to 1, and a last bit of t is two of the result.  The
 * quotient is corrected by what is left of the division.  What remains is its last rounding, and that of r^2 q where
 * half of 2^n - 1 cancels: 0.9 ulp together.  Below 2^-28, tanh |x| = |x| to 2^-57: the number itself, exact for zeros
 * and subnormals.
 */
#ifndef SX_TANH_H
#define SX_TANH_H

#include "sx_exp.h"

#define SX_TANH_LINEAR 0x1p-28
#define SX_TANH_LEAST -80.0 /* exp of it is nothing against 1 */

SX_INLINE double sx_tanh(double x)
{
    const double size = sx_abs(x), twice = -2.0 * size;
    const sx_exp_reduced a = sx_exp_reduce(twice < SX_TANH_LEAST ? SX_TANH_LEAST : twice, 0.0);
    const sx_dd p = sx_fast_two_sum(a.r, a.r_low + (a.r * a.r) * sx_exp_q(a.r));
    const double scale = sx_exp_scale(a.shifted);
    const sx_dd below = sx_fast_two_sum(-1.0, scale); /* 2^n - 1: exactly, from n = -54 down, too */
    const sx_dd t = sx_fast_two_sum(below.high, scale * p.high); /* exact for n = 0, too: 0 + p */
    const double t_low = t.low + (below.low + scale * p.low);

    const sx_dd d = sx_fast_two_sum(2.0, t.high);
    const double reciprocal = 1.0 / d.high;
    const double quotient = -t.high * reciprocal;
    const sx_dd back = sx_two_prod(quotient, d.high);
    const double left = ((-t.high - back.high) - back.low) - (t_low + quotient * (d.low + t_low));
    const double of_size = size < SX_TANH_LINEAR ? size : quotient + left * reciprocal;
    return sx_from_bits(sx_bits(of_size) | (sx_bits(x) & 0x8000000000000000u));
}

/* tanh'(x) = 4 t / (1 + t)^2 with t = exp(-2 |x|): all of its digits, where those of 1 - tanh^2 are lost. */
SX_INLINE double sx_tanh_slope(double x)
{
    const double t = sx_exp(-2.0 * sx_abs(x)), d = 1.0 + t;
    return 4.0 * t / (d * d);
}

#endif /* SX_TANH_H */
