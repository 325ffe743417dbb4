/* One pass over a block of rows: forward, loss, backward and curvature while a tile is in cache.
 *
 *     eta = b_0 + X b (+ offset)                   sx_linear.h
 *     NLL = sum_i w_i nll(y_i, eta_i)              sx_binary.h, sx_softmax.h
 *     gradient = [1 X]' residual                   sx_linear.h
 *     Hessian  = [1 X]' diag(curvature) [1 X]      sx_gram.h; the intercept's row is a gradient of the curvature
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

/* Work space of a pass, in doubles: what its parts are, and how long all of them. */
typedef struct {
    double *columns[5]; /* of the classes: logits, E_low; for a Hessian p, 1 - p and its low word */
    double *partial;    /* 2 p */
    double *packed;     /* a tile of X, where it has no unit column stride */
    double *A;          /* copies for the Gram matrix: a panel for one logit, else a tile */
    double *B;
    ptrdiff_t copy; /* length of A */
    ptrdiff_t total;
} sx_pass_space;

/* The part of a work space that starts at `at`; NULL while only sizes are asked for. */
SX_INLINE double *sx_part(double *work, ptrdiff_t at) { return work ? work + at : NULL; }

SX_INLINE sx_pass_space sx_pass_space_of(const sx_rows *X, ptrdiff_t n_logits, int hessian, double *work)
{
    const ptrdiff_t tile_rows = sx_min(X->n_rows, SX_TILE), width = sx_gram_width(X->n_cols);
    const ptrdiff_t copied = n_logits == 1 ? sx_min(X->n_rows, sx_gram_panel_rows(width)) : tile_rows;
    sx_pass_space space;
    ptrdiff_t at = 0;
    space.copy = hessian ? copied * width : 0;
    for (int i = 0; i < 5; ++i) {
        space.columns[i] = sx_part(work, at);
        if (i < 2 || hessian) at += (n_logits + 1) * SX_TILE;
    }
    space.partial = sx_part(work, at), at += 2 * X->n_cols;
    space.packed = sx_part(work, at), at += X->col_stride == 1 ? 0 : tile_rows * X->n_cols;
    space.A = sx_part(work, at), at += space.copy;
    space.B = sx_part(work, at), at += n_logits == 1 ? 0 : space.copy;
    space.total = at;
    return space;
}

/* The rows that a pass works on, from one tile to the next. */
typedef struct {
    sx_tile rows;
    ptrdiff_t n;
    const int32_t *y;
    const double *weight;
    const double *offset; /* NULL, or the first logit's */
} sx_pass_tile;

SX_INLINE sx_pass_tile sx_pass_tile_of(const sx_rows *X, const sx_model *model, ptrdiff_t start,
                                       const double *ones, double *packed)
{
    const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - start);
    return (sx_pass_tile){sx_tile_of(X, start, n, packed), n, model->y + start,
                          model->weight ? model->weight + start : ones,
                          model->offset ? model->offset + start * model->n_logits : NULL};
}

/* The upper triangle of a Hessian, whole: a block is symmetric in itself, and repeated below the diagonal. */
SX_INLINE void sx_pass_mirror(ptrdiff_t n_logits, ptrdiff_t k, double *hessian)
{
    const ptrdiff_t ld = n_logits * k;
    for (ptrdiff_t c = 0; c < n_logits; ++c)
        for (ptrdiff_t d = c; d < n_logits; ++d) sx_gram_mirror(k, hessian + c * k * ld + d * k, ld);
    sx_gram_mirror(ld, hessian, ld);
}

SX_INLINE void sx_pass_clear(ptrdiff_t length, double *gradient, double *hessian)
{
    if (gradient) memset(gradient, 0, (size_t)length * sizeof *gradient);
    if (hessian) memset(hessian, 0, (size_t)length * (size_t)length * sizeof *hessian);
}

/* gradient (k) and hessian (k * k) may be NULL; they are overwritten. */
SX_INLINE sx_dd sx_binary_pass(const sx_rows *X, const sx_model *model, double *gradient, double *hessian,
                               double *work)
{
    const int intercept = model->intercept;
    const ptrdiff_t p = X->n_cols, k = p + intercept;
    const ptrdiff_t width = sx_gram_width(p), panel = sx_gram_panel_rows(width);
    const sx_pass_space space = sx_pass_space_of(X, 1, hessian != NULL, work);
    double eta[SX_TILE], nll[SX_TILE], ones[SX_TILE], root[SX_TILE];
    double rows[2 * SX_TILE], *const residual = rows, *const curvature = rows + SX_TILE;
    double *const both[2] = {gradient, hessian};
    const int backward = (gradient != NULL) + (hessian && intercept);
    sx_sum total;
    sx_sum_clear(&total);
    sx_pass_clear(k, gradient, hessian);
    memset(space.A, 0, (size_t)space.copy * sizeof *space.A);
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) ones[i] = 1.0;

    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const sx_pass_tile t = sx_pass_tile_of(X, model, start, ones, space.packed);
        sx_linear_forward(1, t.rows, t.n, p, intercept, model->coef, t.offset, eta);
        for (ptrdiff_t i = 0; i < t.n; i += SX_PREFETCH_ROWS) {
            const ptrdiff_t part = sx_min(SX_PREFETCH_ROWS, t.n - i);
            sx_prefetch_rows(t.rows, i + SX_TILE, part, p);
            sx_binary_tile(part, eta + i, t.y + i, t.weight + i, nll + i, residual + i, curvature + i);
        }
        for (ptrdiff_t i = t.n; i < SX_TILE; ++i) nll[i] = 0.0;
        sx_sum_add_tile(&total, nll);
        if (backward)
            sx_linear_backward(backward, t.rows, t.n, p, intercept, gradient ? residual : curvature,
                               space.partial, gradient ? both : both + 1);
        if (hessian) {
            const ptrdiff_t at = start % panel, filled = at + t.n;
            sx_gram_roots(t.n, curvature, root);
            sx_gram_pack(t.rows, t.n, p, width, root, space.A + at * width);
            if (filled == panel || start + t.n == X->n_rows)
                sx_gram_add(filled, p, width, space.A, space.A, hessian + intercept * (k + 1), k,
                            sx_gram_ahead_of(X, start + t.n, panel));
        }
    }
    if (hessian) sx_gram_mirror(k, hessian, k);
    return sx_sum_total(&total);
}

/* Upper triangle of one block of k x k, [1 X]' diag(h) [1 X], += its part of one tile.  `diagonal`: h >= 0, and roots
 * can stand on both sides; else space->B holds the tile's X. */
SX_INLINE void sx_pass_block(sx_tile rows, ptrdiff_t n, ptrdiff_t p, int intercept, int diagonal,
                             const double *restrict h, const sx_pass_space *space, double *block,
                             ptrdiff_t ld)
{
    const ptrdiff_t width = sx_gram_width(p);
    double root[SX_TILE];
    if (diagonal) sx_gram_roots(n, h, root);
    if (intercept) sx_linear_backward(1, rows, n, p, 1, h, space->partial, &block);
    sx_gram_pack(rows, n, p, width, diagonal ? root : h, space->A);
    sx_gram_add(n, p, width, space->A, diagonal ? space->A : space->B, block + intercept * (ld + 1), ld,
                (sx_gram_ahead){0, 0});
}

/* The next tile of X, asked for in parts of SX_PREFETCH_ROWS rows of a class (all at once would be too much for the
 * queues: 12.0 instead of 10.5 ms for 500,000 x 50 with 5 classes) while the exponentials of the K classes are taken. */
SX_INLINE sx_ahead sx_pass_ahead(const sx_rows *X, ptrdiff_t next, ptrdiff_t K)
{
    const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - next);
    if (n <= 0 || X->col_stride != 1 || X->row_stride != X->n_cols) return (sx_ahead){0, 0, 0, SX_TILE};
    const uintptr_t bytes = (uintptr_t)(n * X->n_cols) * sizeof(double);
    const uintptr_t parts = (uintptr_t)K * (SX_TILE / SX_PREFETCH_ROWS);
    return (sx_ahead){(uintptr_t)(X->data + next * X->row_stride), 0, bytes / parts, SX_PREFETCH_ROWS};
}

/* gradient (n_logits * k) and hessian ((n_logits * k)^2) may be NULL; they are overwritten. */
SX_INLINE sx_dd sx_softmax_pass(const sx_rows *X, const sx_model *model, double *gradient, double *hessian,
                                double *work)
{
    const int intercept = model->intercept;
    const ptrdiff_t p = X->n_cols, k = p + intercept, n_logits = model->n_logits, K = n_logits + 1;
    const ptrdiff_t ld = n_logits * k, width = sx_gram_width(p);
    const sx_pass_space space = sx_pass_space_of(X, n_logits, hessian != NULL, work);
    double nll[SX_TILE], ones[SX_TILE], curvature[SX_TILE];
    sx_softmax_tile tile;
    double *const z = space.columns[0], *const residual = z + SX_TILE; /* column k: class k */
    const sx_softmax_words words = {space.columns[2], space.columns[1], space.columns[3], space.columns[4]};
    sx_sum total;
    sx_sum_clear(&total);
    sx_pass_clear(ld, gradient, hessian);
    memset(space.A, 0, (size_t)space.copy * sizeof *space.A);
    if (n_logits > 1) memset(space.B, 0, (size_t)space.copy * sizeof *space.B);
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) ones[i] = 1.0;

    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const sx_pass_tile t = sx_pass_tile_of(X, model, start, ones, space.packed);
        const ptrdiff_t n = t.n;
        sx_reference_column(z);
        sx_linear_forward(n_logits, t.rows, n, p, intercept, model->coef, t.offset, z + SX_TILE);
        sx_softmax_true(n, SX_TILE, z, t.y, nll);
        const sx_ahead ahead = sx_pass_ahead(X, start + n, K);
        sx_softmax_forward(n, K, SX_TILE, z, &tile, z, words.p_low, &ahead);
        sx_softmax_nll(n, SX_TILE, nll, t.weight, &tile, nll);
        sx_sum_add_tile(&total, nll);
        if (hessian) memcpy(words.p, z, (size_t)(K * SX_TILE) * sizeof *z);
        sx_softmax_residual(n, 1, K, SX_TILE, t.y, t.weight, &tile, words.p_low, z);
        for (ptrdiff_t c = 0; gradient && c < n_logits; c += 2) { /* two classes share what is loaded of X */
            double *const two[2] = {gradient + c * k, gradient + (c + 1) * k};
            sx_linear_backward(c + 1 < n_logits ? 2 : 1, t.rows, n, p, intercept, residual + c * SX_TILE,
                               space.partial, two);
        }
        if (!hessian) continue;
        sx_softmax_words_of(n, 1, K, SX_TILE, &tile, words);
        if (n_logits > 1) sx_gram_pack(t.rows, n, p, width, ones, space.B);
        for (ptrdiff_t c = 0; c < n_logits; ++c) {
            for (ptrdiff_t d = c; d < n_logits; ++d) {
                sx_softmax_curvature(n, c + 1, d + 1, SX_TILE, words, t.weight, curvature);
                sx_pass_block(t.rows, n, p, intercept, c == d, curvature, &space, hessian + c * k * ld + d * k, ld);
            }
        }
    }
    if (hessian) sx_pass_mirror(n_logits, k, hessian);
    return sx_sum_total(&total);
}

#endif /* SX_PASS_H */
