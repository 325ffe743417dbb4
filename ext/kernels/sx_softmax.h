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
 * the shift); the two-term difference removes the rounding of eta_k - a, and s is summed in double-double.  A logit of -inf is a class of
 * probability 0; a row with nan or +inf gives nan.
 */
#ifndef SX_SOFTMAX_H
#define SX_SOFTMAX_H

#include "sx_dd.h"
#include "sx_log1p.h"

/* What a tile of rows has in common: the largest logit and its class; s and 1 / (1 + s), high and low words. */
typedef struct {
    double largest[SX_TILE];
    double which[SX_TILE];
    double s[SX_TILE];
    double s_low[SX_TILE];
    double inverse[SX_TILE];
    double inverse_low[SX_TILE];
} sx_softmax_tile;

/* exp(x - a), x <= a: with the low words of the difference and of exp, rounded once. */
SX_INLINE double sx_exp_difference(double x, double a)
{
    const sx_dd d = sx_two_diff(x, a);
    const sx_dd e = sx_exp_dd(d.high);
    /* below -746 the result is 0; there, and only there, d.low may be nan (x = -inf) */
    return e.high + (e.low + e.high * (d.high > -746.0 ? d.low : 0.0));
}

/* The largest logit of each row and its class; the reference's logit 0 included. */
SX_INLINE void sx_softmax_largest(ptrdiff_t n, ptrdiff_t n_logits, const double *restrict eta,
                                  sx_softmax_tile *restrict tile)
{
    for (ptrdiff_t i = 0; i < n; ++i) tile->largest[i] = tile->which[i] = 0.0;
    for (ptrdiff_t k = 0; k < n_logits; ++k) {
        const double *restrict eta_k = eta + k * SX_TILE;
        for (ptrdiff_t i = 0; i < n; ++i) {
            const int more = eta_k[i] > tile->largest[i];
            tile->largest[i] = more ? eta_k[i] : tile->largest[i];
            tile->which[i] = more ? (double)(k + 1) : tile->which[i];
        }
    }
}

/* `tile`, p and others (may be NULL) for the classes 1 .. K-1 of n <= SX_TILE rows.  p may be eta. */
SX_INLINE void sx_softmax_forward(ptrdiff_t n, ptrdiff_t n_logits, const double *eta,
                                  sx_softmax_tile *tile, double *p, double *others)
{
    sx_softmax_largest(n, n_logits, eta, tile);
    for (ptrdiff_t i = 0; i < n; ++i) {
        tile->s[i] = tile->which[i] == 0.0 ? 0.0 : sx_exp_difference(0.0, tile->largest[i]);
        tile->s_low[i] = 0.0;
    }
    for (ptrdiff_t k = 0; k < n_logits; ++k) {
        const double *eta_k = eta + k * SX_TILE;
        double *p_k = p + k * SX_TILE;
        const double class_k = (double)(k + 1);
        for (ptrdiff_t i = 0; i < n; ++i) {
            const double e = sx_exp_difference(eta_k[i], tile->largest[i]);
            const sx_dd sum = sx_two_sum(tile->s[i], tile->which[i] == class_k ? 0.0 : e);
            tile->s[i] = sum.high;
            tile->s_low[i] += sum.low;
            p_k[i] = e;
        }
    }
    for (ptrdiff_t i = 0; i < n; ++i) {
        const sx_dd sum = sx_two_sum(1.0, tile->s[i]);
        const sx_dd inverse = sx_reciprocal((sx_dd){sum.high, sum.low + tile->s_low[i]});
        tile->inverse[i] = inverse.high + inverse.low;
        tile->inverse_low[i] = inverse.low - (tile->inverse[i] - inverse.high);
    }
    for (ptrdiff_t k = 0; k < n_logits; ++k) {
        double *p_k = p + k * SX_TILE;
        const double class_k = (double)(k + 1);
        for (ptrdiff_t i = 0; i < n; ++i) p_k[i] *= tile->inverse[i];
        if (!others) continue;
        double *others_k = others + k * SX_TILE;
        for (ptrdiff_t i = 0; i < n; ++i) {
            const double rest = tile->s[i] * tile->inverse[i] +
                                (tile->s[i] * tile->inverse_low[i] + tile->s_low[i] * tile->inverse[i]);
            others_k[i] = tile->which[i] == class_k ? rest : 1.0 - p_k[i];
        }
    }
}

/* p_0 of row i: the reference has the logit 0. */
SX_INLINE double sx_softmax_reference(const sx_softmax_tile *tile, ptrdiff_t i)
{
    const double e = tile->which[i] == 0.0 ? 1.0 : sx_exp_difference(0.0, tile->largest[i]);
    return e * tile->inverse[i];
}

/* nll of n rows without weights. */
SX_INLINE void sx_softmax_nll(ptrdiff_t n, const double *restrict eta, const int32_t *restrict y,
                              const sx_softmax_tile *restrict tile, double *restrict nll)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double eta_y = y[i] == 0 ? 0.0 : eta[(y[i] - 1) * SX_TILE + i];
        const sx_dd gap = sx_two_diff(tile->largest[i], eta_y);
        const double rest = sx_log1p(tile->s[i]) + tile->s_low[i] * tile->inverse[i];
        /* the low word of an infinite gap is nan */
        nll[i] = gap.high + ((gap.high < 0x1p+1000 ? gap.low : 0.0) + rest);
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
 *     change = nll(eta + d) - nll(eta) = log1p(g),   g = sum_{k != y} p_k expm1(d_k - d_y)
 *            = log(u),   u = p_y + sum_{k != y} p_k exp(d_k - d_y)            where g < -1/2
 *     first  = sum_{k != y} P_k (slope_k - slope_y)
 *     second = A - B^2,   A, B = sum_{k != q} P_k v_k^2, P_k v_k,   v_k = slope_k - slope_q,   q the likeliest
 *
 * None subtracts two close numbers (in the last, B^2 <= (1 - P_q) A).  Where an exponential overflows or all
 * of u underflows, the change is so large, and where the nll itself is tiny, p_k so few bits, that the plain
 * difference of the nll is the better one.
 * `p` and `moved` are work space of n_logits * SX_TILE each.
 */
SX_INLINE void sx_softmax_line_tile(ptrdiff_t n, ptrdiff_t n_logits, double step,
                                    const double *restrict eta, const double *restrict slope,
                                    const int32_t *restrict y, const double *restrict weight,
                                    double *restrict p, double *restrict moved,
                                    double *restrict change, double *restrict first,
                                    double *restrict second)
{
    sx_softmax_tile tile;
    double nll[SX_TILE], nll_moved[SX_TILE], slope_y[SX_TILE], slope_q[SX_TILE];
    double g[SX_TILE], u[SX_TILE], A[SX_TILE], B[SX_TILE];

    sx_softmax_forward(n, n_logits, eta, &tile, p, NULL);
    sx_softmax_nll(n, eta, y, &tile, nll);
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double p_0 = sx_softmax_reference(&tile, i);
        slope_y[i] = y[i] == 0 ? 0.0 : slope[(y[i] - 1) * SX_TILE + i];
        g[i] = p_0 * sx_expm1(-(step * slope_y[i]));
        u[i] = p_0 * sx_exp(-(step * slope_y[i]));
    }
    for (ptrdiff_t k = 0; k < n_logits; ++k) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            const ptrdiff_t ki = k * SX_TILE + i;
            g[i] += p[ki] * sx_expm1(step * (slope[ki] - slope_y[i]));
            u[i] += p[ki] * sx_exp(step * (slope[ki] - slope_y[i]));
            moved[ki] = eta[ki] + step * slope[ki];
        }
    }

    sx_softmax_forward(n, n_logits, moved, &tile, p, NULL);
    sx_softmax_nll(n, moved, y, &tile, nll_moved);
    for (ptrdiff_t i = 0; i < n; ++i) {
        const int q = (int)tile.which[i];
        const double p_0 = sx_softmax_reference(&tile, i);
        slope_q[i] = q == 0 ? 0.0 : slope[(q - 1) * SX_TILE + i];
        first[i] = -(p_0 * slope_y[i]);
        B[i] = -(p_0 * slope_q[i]); /* its v is 0 where q is the reference */
        A[i] = p_0 * (slope_q[i] * slope_q[i]);
    }
    for (ptrdiff_t k = 0; k < n_logits; ++k) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            const ptrdiff_t ki = k * SX_TILE + i;
            const double v = slope[ki] - slope_q[i];
            first[i] += p[ki] * (slope[ki] - slope_y[i]);
            B[i] += p[ki] * v;
            A[i] += p[ki] * (v * v);
        }
    }
    for (ptrdiff_t i = 0; i < n; ++i) {
        const int near = g[i] >= -0.5 && g[i] < 0x1p+1000 && nll[i] > 0x1p-1000;
        const int below = g[i] < -0.5 && u[i] > 0x1p-1000;
        const double value = near ? sx_log1p(g[i]) : nll_moved[i] - nll[i];
        change[i] = weight[i] * (below ? -sx_log1p(1.0 / u[i] - 1.0) : value);
        first[i] *= weight[i];
        second[i] = weight[i] * (A[i] - B[i] * B[i]);
    }
    for (ptrdiff_t i = n; i < SX_TILE; ++i) change[i] = first[i] = second[i] = 0.0;
}

#endif /* SX_SOFTMAX_H */
