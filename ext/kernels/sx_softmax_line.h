/* The multinomial NLL along a line of logits, without X: for n <= SX_TILE rows of K columns, each times its weight
 * and padded with zeros.  With p the probabilities at step = 0, P those at step, q and Q the likeliest classes
 * there, s and S the sums of sx_softmax.h, and d_k = step (v_k - v_y) for the slope v:
 *
 *     change = nll(z + step v) - nll(z) = log1p(g),   g = sum_{k != y} p_k expm1(d_k)
 *            = log(u),   u = sum_k x_k,   x_k = p_k exp(d_k) = exp((z_k - a) + d_k) / (1 + s)    where g < -1/2
 *     first  = sum_{k != y} P_k (v_k - v_y)
 *     second = A - B^2,   A, B = sum_{k != Q} P_k w_k^2, P_k w_k,   w_k = v_k - v_Q
 *
 * None subtracts two close numbers (in the last, B^2 <= (1 - P_Q) A).  Sums are lifted by 2^512, so that a tiny p_k
 * has all its bits; where p_k itself is too small for that, its term in g is x_k.  Where an exponential overflows
 * the change is large, and a sum of logits as good:
 *
 *     change = (d_Q - (z_q - z_Q)) + (log1p(S) - log1p(s))
 */
#ifndef SX_SOFTMAX_LINE_H
#define SX_SOFTMAX_LINE_H

#include "sx_softmax.h"

/* 2^512 exp(x + x_low): inf where that overflows, and below SX_EXP_LEAST what is nothing once 2^512 is taken off. */
SX_INLINE double sx_line_exp(double x, double x_low)
{
    const int inside = x > SX_EXP_LEAST && x < 710.0; /* elsewhere x_low may be nan (x = -inf) */
    const double c = x < SX_EXP_LEAST ? SX_EXP_LEAST : (x > 710.0 ? 710.0 : x);
    const sx_exp_parts e = sx_exp_parts_of(1, c, inside ? x_low : 0.0);
    return sx_exp_lifted(e, e.head + e.tail);
}

/* Below this z_k - a, p_k is nothing against x_k, or both are nothing even against the smallest double. */
#define SX_LINE_FAR -1000.0

/* `p`, `p_low` and `moved` are work space of K * SX_TILE each. */
SX_INLINE void sx_softmax_line_tile(ptrdiff_t n, ptrdiff_t K, double step, const double *restrict z,
                                    const double *restrict v, const int32_t *restrict y,
                                    const double *restrict weight, double *restrict p,
                                    double *restrict p_low, double *restrict moved, double *restrict change,
                                    double *restrict first, double *restrict second)
{
    sx_softmax_tile tile;
    double log1p_s[SX_TILE], z_q[SX_TILE], v_y[SX_TILE], v_Q[SX_TILE];
    double g[SX_TILE], g_low[SX_TILE], u[SX_TILE], u_low[SX_TILE], A[SX_TILE], B[SX_TILE];

    sx_softmax_forward(n, K, SX_TILE, z, &tile, p, p_low, NULL);
    sx_softmax_rest(n, &tile, log1p_s);
    for (ptrdiff_t i = 0; i < n; ++i) {
        z_q[i] = tile.largest[i];
        v_y[i] = v[y[i] * SX_TILE + i];
        g[i] = g_low[i] = u[i] = u_low[i] = 0.0;
    }
    for (ptrdiff_t k = 0; k < K; ++k) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            const ptrdiff_t ki = k * SX_TILE + i;
            const double d = step * (v[ki] - v_y[i]);
            const sx_dd gap = sx_two_diff(z[ki], z_q[i]);
            const int far = gap.high < SX_LINE_FAR;
            const sx_dd to = sx_two_sum(gap.high, d);
            const double x = sx_line_exp(to.high, to.low + gap.low) * tile.inverse[i];
            const double grown = sx_softmax_p_lifted(&tile, i, p[ki], p_low[ki]) * sx_expm1(d);
            const sx_dd more_g = sx_two_sum(g[i], far ? x : grown);
            const sx_dd more_u = sx_two_sum(u[i], x);
            g[i] = more_g.high;
            g_low[i] += more_g.low;
            u[i] = more_u.high;
            u_low[i] += more_u.low;
            moved[ki] = z[ki] + step * v[ki];
        }
    }

    sx_softmax_forward(n, K, SX_TILE, moved, &tile, p, p_low, NULL);
    sx_softmax_p_tile(n, K, SX_TILE, &tile, p_low, p);
    for (ptrdiff_t i = 0; i < n; ++i) {
        v_Q[i] = v[(ptrdiff_t)tile.which[i] * SX_TILE + i];
        first[i] = A[i] = B[i] = 0.0;
    }
    for (ptrdiff_t k = 0; k < K; ++k) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            const ptrdiff_t ki = k * SX_TILE + i;
            const double w = v[ki] - v_Q[i];
            first[i] += p[ki] * (v[ki] - v_y[i]);
            B[i] += p[ki] * w;
            A[i] += p[ki] * (w * w);
        }
    }

    sx_softmax_rest(n, &tile, change); /* log1p(S) */
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double z_Q = z[(ptrdiff_t)tile.which[i] * SX_TILE + i];
        const double far = (step * (v_Q[i] - v_y[i]) - (z_q[i] - z_Q)) + (change[i] - log1p_s[i]);
        const double G = (g[i] + g_low[i]) * SX_EXP_REST, U = (u[i] + u_low[i]) * SX_EXP_REST;
        const int near = G >= -0.5 && G < 0x1p+500;
        const int below = G < -0.5 && U > 0x1p-1000;
        change[i] = weight[i] * (below ? -sx_log1p(1.0 / U - 1.0) : near ? sx_log1p(G) : far);
        first[i] *= weight[i];
        second[i] = weight[i] * (A[i] - B[i] * B[i]);
    }
    for (ptrdiff_t i = n; i < SX_TILE; ++i) change[i] = first[i] = second[i] = 0.0;
}

#endif /* SX_SOFTMAX_LINE_H */
