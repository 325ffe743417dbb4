/* Rows of the multinomial model: softmax and its cross-entropy, forward and backward in one sweep.
 *
 * Classes are 0 .. K-1.  Class 0 is the reference: its logit is 0 and is not stored.  The logits of the
 * classes 1 .. K-1 come as K-1 columns of SX_TILE rows, so that every loop runs over rows.
 *
 *     a = max_k eta_k at class q,   d_k + e_k = eta_k - a exactly,   E_k = exp(d_k) (1 + e_k)
 *     s = sum_{k != q} E_k,   p_q = 1 / (1 + s),   p_k = E_k / (1 + s)
 *     nll        = (a - eta_y) + log1p(s)                        log-sum-exp minus the true logit
 *     residual_k = p_k - [y = k]        = y = k ? -(1 - p_k) : p_k
 *     others_k   = 1 - p_k              = k = q ? s / (1 + s) : 1 - p_k   (p_k <= 1/2 there)
 *     curvature_kl = p_k ([k = l] - p_l)                         d^2 nll / d eta_k d eta_l
 *
 * Shifting by the maximum is the log-sum-exp trick; leaving the maximum out of s and adding it by log1p
 * keeps the relative accuracy of a tiny nll (Blanchard, Higham & Higham, IMA J. Numer. Anal. 41, 2021, for
 * the shift; the two-term difference removes the rounding of eta_k - a).  A logit of -inf is a class of
 * probability 0; a row with nan or +inf gives nan.
 */
#ifndef SX_SOFTMAX_H
#define SX_SOFTMAX_H

#include "sx_dd.h"
#include "sx_log1p.h"

/* exp(x - a), x <= a. */
SX_INLINE double sx_exp_difference(double x, double a)
{
    const sx_dd d = sx_two_diff(x, a);
    /* below -746 the result is 0; there, and only there, e may be nan (x = -inf) */
    return sx_exp(d.high) * (1.0 + (d.high > -746.0 ? d.low : 0.0));
}

/* The largest logit of each row and its class; the reference's logit 0 included. */
SX_INLINE void sx_softmax_largest(ptrdiff_t n, ptrdiff_t n_logits, const double *restrict eta,
                                  double *restrict largest, double *restrict which)
{
    for (ptrdiff_t i = 0; i < n; ++i) largest[i] = which[i] = 0.0;
    for (ptrdiff_t k = 0; k < n_logits; ++k) {
        const double *restrict eta_k = eta + k * SX_TILE;
        for (ptrdiff_t i = 0; i < n; ++i) {
            const int more = eta_k[i] > largest[i];
            largest[i] = more ? eta_k[i] : largest[i];
            which[i] = more ? (double)(k + 1) : which[i];
        }
    }
}

/* p, others (may be NULL) for the classes 1 .. K-1, and s, of n <= SX_TILE rows.  p may be eta. */
SX_INLINE void sx_softmax_forward(ptrdiff_t n, ptrdiff_t n_logits, const double *eta,
                                  const double *restrict largest, const double *restrict which,
                                  double *restrict s, double *p, double *others)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        s[i] = which[i] == 0.0 ? 0.0 : sx_exp_difference(0.0, largest[i]);
    for (ptrdiff_t k = 0; k < n_logits; ++k) {
        const double *eta_k = eta + k * SX_TILE;
        double *p_k = p + k * SX_TILE;
        const double class_k = (double)(k + 1);
        for (ptrdiff_t i = 0; i < n; ++i) {
            const int top = which[i] == class_k;
            const double e = sx_exp_difference(eta_k[i], largest[i]);
            s[i] += top ? 0.0 : e;
            p_k[i] = e;
        }
    }
    for (ptrdiff_t k = 0; k < n_logits; ++k) {
        double *p_k = p + k * SX_TILE;
        const double class_k = (double)(k + 1);
        for (ptrdiff_t i = 0; i < n; ++i) p_k[i] /= 1.0 + s[i];
        if (!others) continue;
        double *others_k = others + k * SX_TILE;
        for (ptrdiff_t i = 0; i < n; ++i)
            others_k[i] = which[i] == class_k ? s[i] / (1.0 + s[i]) : 1.0 - p_k[i];
    }
}

/* nll of n rows without weights, given the largest logit and s. */
SX_INLINE void sx_softmax_nll(ptrdiff_t n, const double *restrict eta, const int32_t *restrict y,
                              const double *restrict largest, const double *restrict s,
                              double *restrict nll)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double eta_y = y[i] == 0 ? 0.0 : eta[(y[i] - 1) * SX_TILE + i];
        const sx_dd gap = sx_two_diff(largest[i], eta_y);
        /* the low word of an infinite gap is nan */
        nll[i] = gap.high + ((gap.high < 0x1p+1000 ? gap.low : 0.0) + sx_log1p(s[i]));
    }
}

/* residual_k of the classes 1 .. K-1, times the weight. */
SX_INLINE void sx_softmax_residual(ptrdiff_t n, ptrdiff_t n_logits, const double *restrict p,
                                   const double *restrict others, const int32_t *restrict y,
                                   const double *restrict weight, double *restrict residual)
{
    for (ptrdiff_t k = 0; k < n_logits; ++k) {
        const double *restrict p_k = p + k * SX_TILE;
        const double *restrict others_k = others + k * SX_TILE;
        double *restrict residual_k = residual + k * SX_TILE;
        for (ptrdiff_t i = 0; i < n; ++i)
            residual_k[i] = weight[i] * (y[i] == (int32_t)(k + 1) ? -others_k[i] : p_k[i]);
    }
}

/* curvature_kl of n rows, times the weight, k and l counted from the class 1. */
SX_INLINE void sx_softmax_curvature(ptrdiff_t n, ptrdiff_t k, ptrdiff_t l, const double *restrict p,
                                    const double *restrict others, const double *restrict weight,
                                    double *restrict curvature)
{
    const double *restrict p_k = p + k * SX_TILE;
    const double *restrict p_l = p + l * SX_TILE;
    const double *restrict others_k = others + k * SX_TILE;
    if (k == l) {
        for (ptrdiff_t i = 0; i < n; ++i) curvature[i] = weight[i] * (p_k[i] * others_k[i]);
    } else {
        for (ptrdiff_t i = 0; i < n; ++i) curvature[i] = -(weight[i] * (p_k[i] * p_l[i]));
    }
}

/* Along eta + step * slope, for n <= SX_TILE rows, each times its weight and padded with zeros.  With p the
 * probabilities at step = 0, P those at step, d_k = step slope_k, and class 0 at logit and slope 0:
 *
 *     change = nll(eta + d) - nll(eta) = log1p(sum_{k != y} p_k expm1(d_k - d_y))
 *     first  = sum_{k != y} P_k (slope_k - slope_y)
 *     second = sum_k P_k (slope_k - mean)^2,   mean = sum_k P_k slope_k
 *
 * None subtracts two close numbers.  Where the argument of log1p falls below -1/2 the change is at least
 * log 2 and the plain difference of the nll is exact enough, as it is where expm1 overflows.
 * `p` and `moved` are work space of n_logits * SX_TILE each.
 */
SX_INLINE void sx_softmax_line_tile(ptrdiff_t n, ptrdiff_t n_logits, double step,
                                    const double *restrict eta, const double *restrict slope,
                                    const int32_t *restrict y, const double *restrict weight,
                                    double *restrict p, double *restrict moved,
                                    double *restrict change, double *restrict first,
                                    double *restrict second)
{
    double largest[SX_TILE], which[SX_TILE], s[SX_TILE], nll[SX_TILE], nll_moved[SX_TILE];
    double slope_y[SX_TILE], grown[SX_TILE], mean[SX_TILE], p_reference[SX_TILE];

    sx_softmax_largest(n, n_logits, eta, largest, which);
    sx_softmax_forward(n, n_logits, eta, largest, which, s, p, NULL);
    sx_softmax_nll(n, eta, y, largest, s, nll);
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double e = which[i] == 0.0 ? 1.0 : sx_exp_difference(0.0, largest[i]);
        slope_y[i] = y[i] == 0 ? 0.0 : slope[(y[i] - 1) * SX_TILE + i];
        grown[i] = e / (1.0 + s[i]) * sx_expm1(-(step * slope_y[i]));
    }
    for (ptrdiff_t k = 0; k < n_logits; ++k) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            const ptrdiff_t ki = k * SX_TILE + i;
            grown[i] += p[ki] * sx_expm1(step * (slope[ki] - slope_y[i]));
            moved[ki] = eta[ki] + step * slope[ki];
        }
    }

    sx_softmax_largest(n, n_logits, moved, largest, which);
    sx_softmax_forward(n, n_logits, moved, largest, which, s, p, NULL);
    sx_softmax_nll(n, moved, y, largest, s, nll_moved);
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double e = which[i] == 0.0 ? 1.0 : sx_exp_difference(0.0, largest[i]);
        p_reference[i] = e / (1.0 + s[i]);
        first[i] = -(p_reference[i] * slope_y[i]);
        mean[i] = 0.0;
    }
    for (ptrdiff_t k = 0; k < n_logits; ++k) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            const ptrdiff_t ki = k * SX_TILE + i;
            first[i] += p[ki] * (slope[ki] - slope_y[i]);
            mean[i] += p[ki] * slope[ki];
        }
    }
    for (ptrdiff_t i = 0; i < n; ++i) second[i] = p_reference[i] * (mean[i] * mean[i]);
    for (ptrdiff_t k = 0; k < n_logits; ++k) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            const double gap = slope[k * SX_TILE + i] - mean[i];
            second[i] += p[k * SX_TILE + i] * (gap * gap);
        }
    }
    for (ptrdiff_t i = 0; i < n; ++i) {
        const int near = grown[i] >= -0.5 && grown[i] < 0x1p+1000;
        change[i] = weight[i] * (near ? sx_log1p(grown[i]) : nll_moved[i] - nll[i]);
        first[i] *= weight[i];
        second[i] *= weight[i];
    }
    for (ptrdiff_t i = n; i < SX_TILE; ++i) change[i] = first[i] = second[i] = 0.0;
}

#endif /* SX_SOFTMAX_H */
