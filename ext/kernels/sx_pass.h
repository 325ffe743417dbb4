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
#include "sx_columns.h"
#include "sx_gram.h"
#include "sx_softmax_line.h"

/* Work space of sx_pass, in doubles: what its parts are and how long. */
typedef struct {
    double *rows[5];  /* columns of the classes: logits, and for a Hessian p and 1 - p, high and low words */
    double *partial;  /* k */
    double *packed;   /* a tile of X, where it has no unit column stride */
    double *B;        /* copies for the Gram matrix */
    double *A;
    ptrdiff_t total;
} sx_pass_space;

SX_INLINE sx_pass_space sx_pass_space_of(const sx_rows *X, ptrdiff_t n_logits, int intercept, int hessian,
                                         double *work)
{
    const ptrdiff_t tile_rows = sx_min(X->n_rows, SX_TILE);
    const ptrdiff_t copy = hessian ? tile_rows * sx_gram_width(X->n_cols) : 0;
    const ptrdiff_t columns = (n_logits + 1) * SX_TILE;
    sx_pass_space space;
    ptrdiff_t at = 0;
    for (int i = 0; i < 5; ++i) {
        space.rows[i] = work + at;
        if (i == 0 || hessian) at += columns;
    }
    space.partial = work + at, at += X->n_cols + intercept;
    space.packed = work + at, at += X->col_stride == 1 ? 0 : tile_rows * X->n_cols;
    space.A = work + at, at += copy;
    space.B = work + at, at += n_logits == 1 ? 0 : copy;
    space.total = at;
    return space;
}

/* The column of the reference class: its logit is 0. */
SX_INLINE void sx_reference_column(double *z)
{
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) z[i] = 0.0;
}

/* hessian block += [1 X]' diag(h) [1 X], upper triangle.  The intercept's row is a gradient of h. */
SX_INLINE void sx_pass_gram(sx_tile rows, ptrdiff_t n, ptrdiff_t p, int intercept, const double *restrict h,
                            const sx_pass_space *space, int symmetric, double *restrict block, ptrdiff_t ld)
{
    const ptrdiff_t width = sx_gram_width(p);
    double root[SX_TILE];
    if (intercept) sx_linear_backward(rows, n, p, 1, h, space->partial, block);
    double *const inner = block + intercept * (ld + 1);
    if (symmetric) {
        sx_gram_roots(n, h, root);
        sx_gram_pack(rows, n, p, width, root, space->A);
        sx_gram_add(n, p, width, space->A, space->A, inner, ld);
    } else {
        sx_gram_pack(rows, n, p, width, h, space->A);
        sx_gram_add(n, p, width, space->A, space->B, inner, ld);
    }
}

/* `binary` is a constant at each call: the compiler makes two functions of this one.
 * gradient (n_logits * k) and hessian ((n_logits * k)^2) may be NULL; they are overwritten. */
SX_INLINE sx_dd sx_pass(const int binary, const sx_rows *X, const sx_model *model, double *gradient,
                        double *hessian, double *work)
{
    const int intercept = model->intercept;
    const ptrdiff_t p = X->n_cols, k = p + intercept, n_logits = model->n_logits, K = n_logits + 1;
    const ptrdiff_t ld = n_logits * k;
    const sx_pass_space space = sx_pass_space_of(X, n_logits, intercept, hessian != NULL, work);
    double nll[SX_TILE], ones[SX_TILE], curvature[SX_TILE];
    sx_softmax_tile tile;

    double *const z = space.rows[0]; /* column k: class k; later E, then the residual */
    double *const residual = binary ? z : z + SX_TILE;
    const sx_softmax_words words = {space.rows[1], space.rows[2], space.rows[3], space.rows[4]};

    sx_sum total;
    sx_sum_clear(&total);
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) ones[i] = 1.0;
    if (gradient) memset(gradient, 0, (size_t)ld * sizeof *gradient);
    if (hessian) memset(hessian, 0, (size_t)ld * (size_t)ld * sizeof *hessian);

    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - start);
        const sx_tile rows = sx_tile_of(X, start, n, space.packed);
        const int32_t *y = model->y + start;
        const double *weight = model->weight ? model->weight + start : ones;

        for (ptrdiff_t c = 0; c < n_logits; ++c)
            sx_linear_forward(rows, n, p, intercept, model->coef + c * k,
                              model->offset ? model->offset + start * n_logits + c : NULL, n_logits,
                              z + (c + 1) * SX_TILE);
        if (binary) {
            sx_binary_tile(n, z + SX_TILE, y, weight, nll, residual, curvature);
        } else {
            sx_reference_column(z);
            sx_softmax_true(n, SX_TILE, z, y, nll);
            sx_softmax_forward(n, K, SX_TILE, z, &tile, z, hessian ? words.p_low : NULL);
            sx_softmax_nll(n, SX_TILE, nll, weight, &tile, nll);
            if (hessian) memcpy(words.p, z, (size_t)(K * SX_TILE) * sizeof *z);
            sx_softmax_residual(n, 1, K, SX_TILE, y, weight, &tile, z);
        }
        sx_sum_add_tile(&total, nll);

        if (gradient)
            for (ptrdiff_t c = 0; c < n_logits; ++c)
                sx_linear_backward(rows, n, p, intercept, residual + c * SX_TILE, space.partial,
                                   gradient + c * k);
        if (!hessian) continue;
        if (binary) {
            sx_pass_gram(rows, n, p, intercept, curvature, &space, 1, hessian, ld);
            continue;
        }
        sx_softmax_words_of(n, 1, K, SX_TILE, &tile, words);
        if (n_logits > 1) sx_gram_pack(rows, n, p, sx_gram_width(p), ones, space.B);
        for (ptrdiff_t c = 0; c < n_logits; ++c) {
            for (ptrdiff_t d = c; d < n_logits; ++d) {
                sx_softmax_curvature(n, c + 1, d + 1, SX_TILE, words, weight, curvature);
                sx_pass_gram(rows, n, p, intercept, curvature, &space, c == d, hessian + c * k * ld + d * k, ld);
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

SX_INLINE sx_line sx_line_sums(const int binary, ptrdiff_t n_rows, ptrdiff_t n_logits, double step,
                               const double *eta, const double *slope, const int32_t *y,
                               const double *weight, double *work)
{
    const ptrdiff_t K = n_logits + 1;
    const sx_rows eta_rows = {eta, n_rows, n_logits, n_logits, 1};
    const sx_rows slope_rows = {slope, n_rows, n_logits, n_logits, 1};
    double change[SX_TILE], first[SX_TILE], second[SX_TILE], ones[SX_TILE];
    double *z = work, *v = z + K * SX_TILE, *p = v + K * SX_TILE, *moved = p + K * SX_TILE;
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) ones[i] = 1.0;
    if (!binary) sx_reference_column(z), sx_reference_column(v);
    sx_sum changes, firsts, seconds;
    sx_sum_clear(&changes);
    sx_sum_clear(&firsts);
    sx_sum_clear(&seconds);
    for (ptrdiff_t start = 0; start < n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, n_rows - start);
        const double *w = weight ? weight + start : ones;
        if (binary) {
            sx_binary_line_tile(n, step, eta + start, slope + start, y + start, w, change, first, second);
        } else {
            sx_to_columns(&eta_rows, start, n, z + SX_TILE, SX_TILE);
            sx_to_columns(&slope_rows, start, n, v + SX_TILE, SX_TILE);
            sx_softmax_line_tile(n, K, step, z, v, y + start, w, p, moved, change, first, second);
        }
        sx_sum_add_tile(&changes, change);
        sx_sum_add_tile(&firsts, first);
        sx_sum_add_tile(&seconds, second);
    }
    return (sx_line){sx_sum_total(&changes), sx_sum_total(&firsts).high, sx_sum_total(&seconds).high};
}

#endif /* SX_PASS_H */
