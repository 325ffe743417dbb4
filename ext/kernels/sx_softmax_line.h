/* The multinomial NLL along a line of logits, without X: for n <= SX_TILE rows of K columns, each times its weight
 * and padded with zeros.  With p the probabilities at step = 0, P those at step, q and Q the likeliest classes
 * there, s and S the sums of sx_softmax.h, and d_k = step v_k for the slope v:
 *
 *     change = nll(z + d) - nll(z) = log1p(g),   g = sum_{k != y} p_k expm1(d_k - d_y)
 *            = log(u),   u = p_y + sum_{k != y} p_k exp(d_k - d_y)            where g < -1/2
 *     first  = sum_{k != y} P_k (v_k - v_y)
 *     second = A - B^2,   A, B = sum_{k != Q} P_k w_k^2, P_k w_k,   w_k = v_k - v_Q
 *
 * None subtracts two close numbers (in the last, B^2 <= (1 - P_Q) A).  Where an exponential overflows or all of u
 * underflows, and where the nll is so tiny that p_k has few bits, the sum of logits is as good:
 *
 *     change = ((d_Q - d_y) - (z_q - z_Q)) + (log1p(S) - log1p(s))
 */
#ifndef SX_SOFTMAX_LINE_H
#define SX_SOFTMAX_LINE_H

#include "sx_softmax.h"

/* `p`, `p_low` and `moved` are work space of K * SX_TILE each. */
SX_INLINE void sx_softmax_line_tile(ptrdiff_t n, ptrdiff_t K, double step, const double *restrict z,
                                    const double *restrict v, const int32_t *restrict y,
                                    const double *restrict weight, double *restrict p,
                                    double *restrict p_low, double *restrict moved, double *restrict change,
                                    double *restrict first, double *restrict second)
{
    sx_softmax_tile tile;
    double nll[SX_TILE], log1p_s[SX_TILE], z_q[SX_TILE], v_y[SX_TILE], v_Q[SX_TILE];
    double g[SX_TILE], g_low[SX_TILE], u[SX_TILE], u_low[SX_TILE], A[SX_TILE], B[SX_TILE];

    sx_softmax_true(n, SX_TILE, z, y, nll); /* z_y, for now */
    sx_softmax_forward(n, K, SX_TILE, z, &tile, p, p_low, NULL);
    sx_softmax_rest(n, &tile, log1p_s);
    sx_softmax_p_tile(n, K, SX_TILE, &tile, p_low, p);
    for (ptrdiff_t i = 0; i < n; ++i) {
        z_q[i] = tile.largest[i];
        nll[i] = sx_softmax_minus_log(z_q[i], nll[i], log1p_s[i]);
        v_y[i] = v[y[i] * SX_TILE + i];
        g[i] = g_low[i] = u[i] = u_low[i] = 0.0;
    }
    for (ptrdiff_t k = 0; k < K; ++k) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            const ptrdiff_t ki = k * SX_TILE + i;
            const double d = step * (v[ki] - v_y[i]);
            const sx_dd more_g = sx_two_sum(g[i], p[ki] * sx_expm1(d));
            const sx_dd more_u = sx_two_sum(u[i], p[ki] * sx_exp(d));
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
        const int near = g[i] >= -0.5 && g[i] < 0x1p+1000 && nll[i] > 0x1p-1000;
        const int below = g[i] < -0.5 && u[i] > 0x1p-1000;
        const double far = (step * (v_Q[i] - v_y[i]) - (z_q[i] - z_Q)) + (change[i] - log1p_s[i]);
        const double value = near ? sx_log1p(g[i]) + g_low[i] / (1.0 + g[i]) : far;
        const double whole_u = u[i] + u_low[i];
        change[i] = weight[i] * (below ? -sx_log1p(1.0 / whole_u - 1.0) : value);
        first[i] *= weight[i];
        second[i] = weight[i] * (A[i] - B[i] * B[i]);
    }
    for (ptrdiff_t i = n; i < SX_TILE; ++i) change[i] = first[i] = second[i] = 0.0;
}

#endif /* SX_SOFTMAX_LINE_H */
