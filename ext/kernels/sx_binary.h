/* Rows of the binary model: the sigmoid and its cross-entropy, forward and backward in one sweep.
 *
 *     t = exp(-|eta|),  small = t / (1 + t),  big = 1 / (1 + t)
 *     p = 1 / (1 + exp(-eta))   = eta >= 0 ? big : small
 *     m = y = 1 ? eta : -eta                                    the margin
 *     nll       = max(-m, 0) + log1p(t)                         -log P(y | eta)
 *     residual  = p - y = -+ lambda,  lambda = 1 - P(y | eta) = m >= 0 ? small : big
 *     curvature = p (1 - p) = small big                         d^2 nll / d eta^2
 *
 * Nothing is formed as 1 - p: residual and curvature keep their relative accuracy down to underflow,
 * at |eta| = 745.  t and 1 / (1 + t) are carried with their low words, so that each result is off by little more
 * than its own rounding.  A nan logit gives nan everywhere; eta = +-inf gives nll 0 or inf.
 */
#ifndef SX_BINARY_H
#define SX_BINARY_H

#include "sx_dd.h"
#include "sx_log1p.h"

/* What the functions of one logit are made of. */
typedef struct {
    double small;
    double big;
    double curvature; /* small big */
    double log1p_t;
    double small_high; /* small before it is scaled, which may make it a subnormal */
    sx_exp_parts scale;
} sx_logit;

SX_INLINE sx_logit sx_logit_of(double eta)
{
    const double x = -sx_abs(eta);
    const sx_exp_parts e = sx_exp_parts_of(0, x < SX_EXP_LEAST ? SX_EXP_LEAST : x, 0.0);
    const sx_dd whole = sx_fast_two_sum(e.head, e.tail);
    const sx_dd t = {sx_exp_scaled(e, whole.high), sx_exp_scaled(e, whole.low)};

    /* big = 1 / (1 + t), high and low word; log1p(t) shares its division */
    const double d = 1.0 + t.high;
    const sx_log1p_unit_parts l = sx_log1p_unit_parts_of(t.high);
    const double shared = 1.0 / (d * l.divisor);
    const sx_dd big = sx_reciprocal_from(shared * l.divisor, (sx_dd){d, ((1.0 - d) + t.high) + t.low});

    /* small = t big, as t is before it is scaled by its power of two */
    const sx_dd product = sx_two_prod(whole.high, big.high);
    const double low = product.low + (whole.high * big.low + whole.low * big.high);
    const double small = product.high + low;
    const double small_low = low - (small - product.high);
    const double curvature = small * big.high + (small * big.low + small_low * big.high);
    return (sx_logit){sx_exp_scaled(e, small), big.high, sx_exp_scaled(e, curvature),
                      sx_log1p_unit(l, shared * d, t.low * big.high), small, e};
}

/* 1 / (1 + exp(-x)) */
SX_INLINE double sx_expit(double x)
{
    const sx_logit a = sx_logit_of(x);
    return x >= 0.0 ? a.big : a.small;
}

/* log(1 + exp(x)) */
SX_INLINE double sx_log1pexp(double x) { return (x > 0.0 ? x : 0.0) + sx_logit_of(x).log1p_t; }

/* log expit(x) */
SX_INLINE double sx_log_expit(double x) { return (x < 0.0 ? x : 0.0) - sx_logit_of(x).log1p_t; }

/* y = 1 ? -x : x, for the codes 0 and 1 */
SX_INLINE double sx_negate_if(int32_t y, double x) { return sx_from_bits(sx_bits(x) ^ ((uint64_t)y << 63)); }

/* nll, residual and curvature of n rows, each times its weight. */
SX_INLINE void sx_binary_tile(ptrdiff_t n, const double *restrict eta, const int32_t *restrict y,
                              const double *restrict weight, double *restrict nll,
                              double *restrict residual, double *restrict curvature)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        const sx_logit a = sx_logit_of(eta[i]);
        const double minus_m = sx_negate_if(y[i], eta[i]);
        const double lambda = minus_m <= 0.0 ? a.small : a.big;
        nll[i] = weight[i] * ((minus_m > 0.0 ? minus_m : 0.0) + a.log1p_t);
        residual[i] = weight[i] * sx_negate_if(y[i], lambda);
        curvature[i] = weight[i] * a.curvature;
    }
}

/* Along eta + step * slope, for n <= SX_TILE rows, each times its weight and padded with zeros:
 *
 *     change    = nll(eta + step slope) - nll(eta)
 *     first     = d change / d step   = residual * slope
 *     second    = d^2 change / d step^2 = curvature * slope^2
 *
 * With dm the change of the margin, and small as above at step = 0:
 *
 *     m >= 0:  change = log1p(small expm1(-dm))
 *     m <  0:  change = -dm + log1p(small expm1(dm))
 *
 * Both arguments are >= -1/2 and neither form subtracts two close numbers, so that the sign and the size
 * of a tiny change are right where nll - nll would be all rounding.  Where the change is large (|dm| > 1), with
 * M + M_low = m + dm exactly:
 *
 *     m < 0, M < 0:  change = -dm + (log1p(exp(M)) - log1p(exp(m)))
 *     else:          change = nll(M) - lambda(M) M_low - nll(m)
 */
SX_INLINE void sx_binary_line_tile(ptrdiff_t n, double step, const double *restrict eta,
                                   const double *restrict slope, const int32_t *restrict y,
                                   const double *restrict weight, double *restrict change,
                                   double *restrict first, double *restrict second)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double m = y[i] ? eta[i] : -eta[i];
        const double dm = step * (y[i] ? slope[i] : -slope[i]);
        const sx_logit at = sx_logit_of(eta[i]);
        const double grown = sx_expm1(m >= 0.0 ? -dm : dm);
        const double near = (m >= 0.0 ? 0.0 : -dm) + sx_log1p(sx_exp_scaled(at.scale, at.small_high * grown));

        const sx_dd moved = sx_two_sum(m, dm);
        const sx_logit to = sx_logit_of(moved.high);
        const double lambda = moved.high >= 0.0 ? to.small : to.big;
        const double nll = (m < 0.0 ? -m : 0.0) + at.log1p_t;
        const double nll_moved = (moved.high < 0.0 ? -moved.high : 0.0) + to.log1p_t - lambda * moved.low;
        const double far = m < 0.0 && moved.high < 0.0 ? -dm + (to.log1p_t - at.log1p_t) : nll_moved - nll;

        change[i] = weight[i] * (sx_abs(dm) > 1.0 ? far : near);
        first[i] = weight[i] * ((y[i] ? -lambda : lambda) * slope[i]);
        second[i] = weight[i] * (to.curvature * (slope[i] * slope[i]));
    }
    for (ptrdiff_t i = n; i < SX_TILE; ++i) change[i] = first[i] = second[i] = 0.0;
}

#endif /* SX_BINARY_H */
