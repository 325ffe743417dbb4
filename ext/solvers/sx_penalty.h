/* The L2 penalty of a model: w_j holds the m slopes of column j, intercepts are free.
 *
 *     K = 2:  (l2 / 2) ||w||^2
 *     K > 2:  (l2 / 2) sum_j w_j'(I - 11'/K) w_j
 *
 * The second is (l2 / 2) times the squares of all K classes' slopes in the representation that has the smallest: the
 * one whose slopes sum to zero.  So it does not matter which class is the reference.
 */
#ifndef SX_PENALTY_H
#define SX_PENALTY_H

#include "../kernels/sx_base.h"

typedef struct {
    double l2;
    double share; /* 1 / K, 0 for K = 2 */
    ptrdiff_t n_logits;
    ptrdiff_t k;
    int intercept;
} sx_penalty;

SX_INLINE sx_penalty sx_penalty_of(double l2, ptrdiff_t n_logits, ptrdiff_t k, int intercept)
{
    return (sx_penalty){l2, n_logits > 1 ? 1.0 / (double)(n_logits + 1) : 0.0, n_logits, k, intercept};
}

/* out = P b, where the penalty is b'P b / 2. */
SX_INLINE void sx_penalty_apply(const sx_penalty *penalty, const double *b, double *out)
{
    const ptrdiff_t k = penalty->k, m = penalty->n_logits;
    for (ptrdiff_t j = 0; j < k; ++j) {
        double sum = 0.0;
        for (ptrdiff_t c = 0; c < m; ++c) sum += b[c * k + j];
        const double mean = penalty->share * sum;
        for (ptrdiff_t c = 0; c < m; ++c)
            out[c * k + j] = j < penalty->intercept ? 0.0 : penalty->l2 * (b[c * k + j] - mean);
    }
}

/* H += P */
SX_INLINE void sx_penalty_add(const sx_penalty *penalty, double *H)
{
    const ptrdiff_t k = penalty->k, m = penalty->n_logits, n = m * k;
    for (ptrdiff_t c = 0; c < m; ++c)
        for (ptrdiff_t d = 0; d < m; ++d)
            for (ptrdiff_t j = penalty->intercept; j < k; ++j)
                H[(c * k + j) * n + d * k + j] += penalty->l2 * ((c == d ? 1.0 : 0.0) - penalty->share);
}

#endif /* SX_PENALTY_H */
