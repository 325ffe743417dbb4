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
 * at |eta| = 745.  A nan logit gives nan everywhere; eta = +-inf gives nll 0 or inf.
 */
#ifndef SX_BINARY_H
#define SX_BINARY_H

#include "sx_dd.h"
#include "sx_log1p.h"

SX_INLINE double sx_expit(double eta)
{
    const double t = sx_exp(-sx_abs(eta));
    return (eta >= 0.0 ? 1.0 : t) / (1.0 + t);
}

/* nll, residual and curvature of n <= SX_TILE rows, each times its weight; nll is padded with zeros. */
SX_INLINE void sx_binary_tile(ptrdiff_t n, const double *restrict eta, const int32_t *restrict y,
                              const double *restrict weight, double *restrict nll,
                              double *restrict residual, double *restrict curvature)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double t = sx_exp(-sx_abs(eta[i]));
        const double big = 1.0 / (1.0 + t);
        const double small = t / (1.0 + t);
        const double m = y[i] ? eta[i] : -eta[i];
        const double lambda = m >= 0.0 ? small : big;
        nll[i] = weight[i] * ((m < 0.0 ? -m : 0.0) + sx_log1p(t));
        residual[i] = weight[i] * (y[i] ? -lambda : lambda);
        curvature[i] = weight[i] * (small * big);
    }
    for (ptrdiff_t i = n; i < SX_TILE; ++i) nll[i] = 0.0;
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
 * of a tiny change are right where nll - nll would be all rounding.  Beyond |dm| = 700, where expm1
 * overflows, the plain difference is exact enough.
 */
SX_INLINE void sx_binary_line_tile(ptrdiff_t n, double step, const double *restrict eta,
                                   const double *restrict slope, const int32_t *restrict y,
                                   const double *restrict weight, double *restrict change,
                                   double *restrict first, double *restrict second)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double t0 = sx_exp(-sx_abs(eta[i]));
        const double m = y[i] ? eta[i] : -eta[i];
        const double dm = step * (y[i] ? slope[i] : -slope[i]);
        const double grown = sx_expm1(m >= 0.0 ? -dm : dm);
        const double near = (m >= 0.0 ? 0.0 : -dm) + sx_log1p(t0 / (1.0 + t0) * grown);

        const double moved = m + dm;
        const double t1 = sx_exp(-sx_abs(moved));
        const double far = ((moved < 0.0 ? -moved : 0.0) + sx_log1p(t1)) -
                           ((m < 0.0 ? -m : 0.0) + sx_log1p(t0));
        const double big = 1.0 / (1.0 + t1);
        const double small = t1 / (1.0 + t1);
        const double lambda = moved >= 0.0 ? small : big;

        change[i] = weight[i] * (sx_abs(dm) > 700.0 ? far : near);
        first[i] = weight[i] * ((y[i] ? -lambda : lambda) * slope[i]);
        second[i] = weight[i] * ((small * big) * (slope[i] * slope[i]));
    }
    for (ptrdiff_t i = n; i < SX_TILE; ++i) change[i] = first[i] = second[i] = 0.0;
}

#endif /* SX_BINARY_H */
