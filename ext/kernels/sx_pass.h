/* One pass over a block of rows: forward, loss, backward and curvature while a tile is in cache.
 *
 *     eta = b_0 + X b (+ offset)                   sx_linear.h
 *     NLL = sum_i w_i nll(y_i, eta_i)              sx_binary.h, sx_softmax.h
 *     gradient = [1 X]' residual                   sx_linear.h
 *     Hessian  = [1 X]' diag(curvature) [1 X]      sx_gram.h
 *
 * With K classes there are n_logits = K - 1 coefficient vectors of k = intercept + p entries, class after
 * class; the Hessian is n_logits x n_logits blocks of k x k.  Every output is a weighted sum, never a
 * mean: sums of blocks merge.
 *
 * X is read once, a tile of SX_TILE rows at a time.
 */
#ifndef SX_PASS_H
#define SX_PASS_H

#include "sx_binary.h"
#include "sx_gram.h"
#include "sx_softmax.h"

/* Doubles of work space that sx_pass needs. */
SX_INLINE ptrdiff_t sx_pass_work(const sx_rows *X, ptrdiff_t n_logits, int intercept, int hessian)
{
    const ptrdiff_t k = X->n_cols + intercept;
    const ptrdiff_t rows = sx_min(X->n_rows, SX_TILE);
    const ptrdiff_t packed = X->col_stride == 1 ? 0 : rows * X->n_cols;
    const ptrdiff_t copies = n_logits == 1 ? 1 : 2;
    const ptrdiff_t gram = hessian ? copies * rows * sx_gram_width(k) : 0;
    return 3 * n_logits * SX_TILE + k + packed + gram;
}

/* w_i of a tile, ones where there are no weights. */
SX_INLINE const double *sx_tile_weights(const double *weight, ptrdiff_t start, ptrdiff_t n,
                                        double *ones)
{
    if (weight) return weight + start;
    for (ptrdiff_t i = 0; i < n; ++i) ones[i] = 1.0;
    return ones;
}

/* `binary` is a constant at each call: the compiler makes two functions of this one.
 * gradient (n_logits * k) and hessian ((n_logits * k)^2) may be NULL; they are overwritten. */
SX_INLINE sx_dd sx_pass(const int binary, const sx_rows *X, const sx_model *model, double *gradient,
                        double *hessian, double *work)
{
    const ptrdiff_t p = X->n_cols, k = p + model->intercept, n_logits = model->n_logits;
    const ptrdiff_t ld = n_logits * k, width = sx_gram_width(k);
    const ptrdiff_t tile_rows = sx_min(X->n_rows, SX_TILE);
    double nll[SX_TILE], ones[SX_TILE], curvature[SX_TILE];
    sx_softmax_tile tile;

    double *logits = work;                         /* eta, then p */
    double *residual = logits + n_logits * SX_TILE;
    double *others = residual + n_logits * SX_TILE; /* 1 - p */
    double *partial = others + n_logits * SX_TILE;
    double *packed = partial + k;
    double *B = packed + (X->col_stride == 1 ? 0 : tile_rows * p);
    double *A = B + tile_rows * width;

    sx_sum total;
    sx_sum_clear(&total);
    if (gradient) memset(gradient, 0, (size_t)ld * sizeof *gradient);
    if (hessian) memset(hessian, 0, (size_t)ld * (size_t)ld * sizeof *hessian);

    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - start);
        const sx_tile rows = sx_tile_of(X, start, n, packed);
        const int32_t *y = model->y + start;
        const double *weight = sx_tile_weights(model->weight, start, n, ones);

        for (ptrdiff_t c = 0; c < n_logits; ++c)
            sx_linear_forward(rows, n, p, model->intercept, model->coef + c * k,
                              model->offset ? model->offset + start * n_logits + c : NULL, n_logits,
                              logits + c * SX_TILE);

        if (binary) {
            sx_binary_tile(n, logits, y, weight, nll, residual, curvature);
        } else {
            double *p_tile = residual; /* the logits are still wanted by the nll */
            sx_softmax_forward(n, n_logits, logits, &tile, p_tile, others);
            sx_softmax_nll(n, logits, y, &tile, nll);
            for (ptrdiff_t i = 0; i < n; ++i) nll[i] *= weight[i];
            for (ptrdiff_t i = n; i < SX_TILE; ++i) nll[i] = 0.0;
            memcpy(logits, p_tile, (size_t)(n_logits * SX_TILE) * sizeof *logits);
            sx_softmax_residual(n, n_logits, logits, others, y, weight, residual);
        }
        sx_sum_add_tile(&total, nll);

        if (gradient)
            for (ptrdiff_t c = 0; c < n_logits; ++c)
                sx_linear_backward(rows, n, p, model->intercept, residual + c * SX_TILE, partial,
                                   gradient + c * k);
        if (!hessian) continue;
        if (n_logits == 1) { /* one block, and it needs no copy without weights */
            if (!binary) sx_softmax_curvature(n, 0, 0, logits, others, weight, curvature);
            sx_gram_roots(n, curvature, curvature);
            sx_gram_pack(rows, n, p, model->intercept, width, curvature, B);
            sx_gram_add(n, k, width, B, B, hessian, ld);
            continue;
        }
        for (ptrdiff_t i = 0; i < n; ++i) ones[i] = 1.0;
        sx_gram_pack(rows, n, p, model->intercept, width, ones, B);
        for (ptrdiff_t c = 0; c < n_logits; ++c) {
            for (ptrdiff_t d = c; d < n_logits; ++d) {
                sx_softmax_curvature(n, c, d, logits, others, weight, curvature);
                if (c == d) sx_gram_roots(n, curvature, curvature);
                sx_gram_scale(n, width, curvature, B, A);
                sx_gram_add(n, k, width, A, c == d ? A : B, hessian + c * k * ld + d * k, ld);
            }
        }
    }
    if (hessian) {
        /* a block is symmetric in itself; below the diagonal of blocks it is repeated */
        for (ptrdiff_t c = 0; c < n_logits; ++c)
            for (ptrdiff_t d = c; d < n_logits; ++d) sx_gram_mirror(k, hessian + c * k * ld + d * k, ld);
        sx_gram_mirror(ld, hessian, ld);
    }
    return sx_sum_total(&total);
}

SX_INLINE ptrdiff_t sx_line_work(ptrdiff_t n_logits) { return 4 * n_logits * SX_TILE; }

/* (n x n_logits) rows to n_logits columns of SX_TILE, and back. */
SX_INLINE void sx_to_columns(ptrdiff_t n, ptrdiff_t n_logits, const double *rows, double *columns)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t c = 0; c < n_logits; ++c) columns[c * SX_TILE + i] = rows[i * n_logits + c];
}

SX_INLINE void sx_to_rows(ptrdiff_t n, ptrdiff_t n_logits, const double *columns, double *rows)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t c = 0; c < n_logits; ++c) rows[i * n_logits + c] = columns[c * SX_TILE + i];
}

SX_INLINE sx_line sx_line_sums(const int binary, ptrdiff_t n_rows, ptrdiff_t n_logits, double step,
                               const double *eta, const double *slope, const int32_t *y,
                               const double *weight, double *work)
{
    double change[SX_TILE], first[SX_TILE], second[SX_TILE], ones[SX_TILE];
    double *eta_columns = work;
    double *slope_columns = eta_columns + n_logits * SX_TILE;
    double *p = slope_columns + n_logits * SX_TILE;
    double *moved = p + n_logits * SX_TILE;
    sx_sum changes, firsts, seconds;
    sx_sum_clear(&changes);
    sx_sum_clear(&firsts);
    sx_sum_clear(&seconds);
    for (ptrdiff_t start = 0; start < n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, n_rows - start);
        const double *w = sx_tile_weights(weight, start, n, ones);
        if (binary) {
            sx_binary_line_tile(n, step, eta + start, slope + start, y + start, w, change, first, second);
        } else {
            sx_to_columns(n, n_logits, eta + start * n_logits, eta_columns);
            sx_to_columns(n, n_logits, slope + start * n_logits, slope_columns);
            sx_softmax_line_tile(n, n_logits, step, eta_columns, slope_columns, y + start, w, p, moved,
                                 change, first, second);
        }
        sx_sum_add_tile(&changes, change);
        sx_sum_add_tile(&firsts, first);
        sx_sum_add_tile(&seconds, second);
    }
    return (sx_line){sx_sum_total(&changes), sx_sum_total(&firsts).high, sx_sum_total(&seconds).high};
}

#endif /* SX_PASS_H */
