/* The bodies behind the table of targets.h: loops over tiles around the kernels, nothing else.
 * Included once by every target file. */
#ifndef SX_OPERATIONS_H
#define SX_OPERATIONS_H

#include "../kernels/sx_pass.h"
#include "targets.h"

static void expit(ptrdiff_t n, const double *eta, double *p_out)
{
    for (ptrdiff_t i = 0; i < n; ++i) p_out[i] = sx_expit(eta[i]);
}

static ptrdiff_t rows_work(ptrdiff_t n_logits) { return 4 * n_logits * SX_TILE; }

static void softmax(ptrdiff_t n_rows, ptrdiff_t n_logits, const double *eta, double *p_out, double *work)
{
    sx_softmax_tile tile;
    double *columns = work;
    for (ptrdiff_t start = 0; start < n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, n_rows - start);
        double *p = p_out + start * (n_logits + 1);
        sx_to_columns(n, n_logits, eta + start * n_logits, columns);
        sx_softmax_forward(n, n_logits, columns, &tile, columns, NULL);
        for (ptrdiff_t i = 0; i < n; ++i) {
            p[i * (n_logits + 1)] = sx_softmax_reference(&tile, i);
            for (ptrdiff_t c = 0; c < n_logits; ++c)
                p[i * (n_logits + 1) + c + 1] = columns[c * SX_TILE + i];
        }
    }
}

/* max_i |x_ij| for each column j; 0 when an element is not finite (the maxima are then meaningless). */
static int column_largest(const sx_rows *X, double *largest_out)
{
    double not_finite = 0.0; /* x * 0 is nan for inf and nan, and stays nan in a sum */
    for (ptrdiff_t j = 0; j < X->n_cols; ++j) largest_out[j] = 0.0;
    if (X->col_stride == 1 || X->col_stride < X->row_stride) {
        for (ptrdiff_t i = 0; i < X->n_rows; ++i) {
            const double *x = X->data + i * X->row_stride;
            for (ptrdiff_t j = 0; j < X->n_cols; ++j) {
                const double size = sx_abs(x[j * X->col_stride]);
                not_finite += size * 0.0;
                largest_out[j] = size > largest_out[j] ? size : largest_out[j];
            }
        }
    } else { /* Fortran order: down the columns */
        for (ptrdiff_t j = 0; j < X->n_cols; ++j) {
            const double *x = X->data + j * X->col_stride;
            for (ptrdiff_t i = 0; i < X->n_rows; ++i) {
                const double size = sx_abs(x[i * X->row_stride]);
                not_finite += size * 0.0;
                largest_out[j] = size > largest_out[j] ? size : largest_out[j];
            }
        }
    }
    return not_finite == 0.0;
}

static void linear_predictor(const sx_rows *X, const sx_model *model, double *eta_out, double *work)
{
    const ptrdiff_t m = model->n_logits, k = X->n_cols + model->intercept;
    double eta[SX_TILE];
    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - start);
        const sx_tile rows = sx_tile_of(X, start, n, work);
        for (ptrdiff_t c = 0; c < m; ++c) {
            sx_linear_forward(rows, n, X->n_cols, model->intercept, model->coef + c * k,
                              model->offset ? model->offset + start * m + c : NULL, m, eta);
            for (ptrdiff_t i = 0; i < n; ++i) eta_out[(start + i) * m + c] = eta[i];
        }
    }
}

static void transpose_product(const sx_rows *X, int intercept, ptrdiff_t n_logits,
                              const double *residual, double *gradient_out, double *work)
{
    const ptrdiff_t k = X->n_cols + intercept;
    double column[SX_TILE];
    double *partial = work, *packed = work + k;
    for (ptrdiff_t j = 0; j < n_logits * k; ++j) gradient_out[j] = 0.0; /* may be empty, and then NULL */
    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - start);
        const sx_tile rows = sx_tile_of(X, start, n, packed);
        for (ptrdiff_t c = 0; c < n_logits; ++c) {
            for (ptrdiff_t i = 0; i < n; ++i) column[i] = residual[(start + i) * n_logits + c];
            sx_linear_backward(rows, n, X->n_cols, intercept, column, partial, gradient_out + c * k);
        }
    }
}

static void weighted_gram(const sx_rows *X, int intercept, const double *curvature, double *gram_out,
                          double *work)
{
    const ptrdiff_t p = X->n_cols, k = p + intercept, width = sx_gram_width(k);
    const ptrdiff_t tile_rows = sx_min(X->n_rows, SX_TILE);
    double ones[SX_TILE], scale[SX_TILE];
    int negative = 0; /* as in sx_pass: roots on both sides where they exist */
    for (ptrdiff_t i = 0; i < X->n_rows; ++i) negative |= curvature[i] < 0.0;
    double *B = work, *A = B + tile_rows * width, *packed = A + tile_rows * width;
    for (ptrdiff_t j = 0; j < k * k; ++j) gram_out[j] = 0.0;
    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - start);
        for (ptrdiff_t i = 0; i < n; ++i) ones[i] = 1.0;
        sx_gram_pack(sx_tile_of(X, start, n, packed), n, p, intercept, width, ones, B);
        if (!negative) sx_gram_roots(n, curvature + start, scale);
        sx_gram_scale(n, width, negative ? curvature + start : scale, B, A);
        sx_gram_add(n, k, width, A, negative ? B : A, gram_out, k);
    }
    sx_gram_mirror(k, gram_out, k);
}

static ptrdiff_t pass_work(const sx_rows *X, ptrdiff_t n_logits, int intercept, int hessian)
{
    return sx_pass_work(X, n_logits, intercept, hessian);
}

static sx_dd binary_rows(ptrdiff_t n_rows, const double *eta, const int32_t *y, const double *weight,
                         double *residual_out, double *curvature_out)
{
    double nll[SX_TILE], ones[SX_TILE];
    sx_sum total;
    sx_sum_clear(&total);
    for (ptrdiff_t start = 0; start < n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, n_rows - start);
        sx_binary_tile(n, eta + start, y + start, sx_tile_weights(weight, start, n, ones), nll,
                       residual_out + start, curvature_out + start);
        sx_sum_add_tile(&total, nll);
    }
    return sx_sum_total(&total);
}

static sx_dd softmax_rows(ptrdiff_t n_rows, ptrdiff_t n_logits, const double *eta, const int32_t *y,
                          const double *weight, double *residual_out, double *curvature_out,
                          double *work)
{
    const ptrdiff_t m = n_logits;
    double nll[SX_TILE], ones[SX_TILE], curvature[SX_TILE];
    sx_softmax_tile tile;
    double *logits = work, *p = logits + m * SX_TILE;
    double *others = p + m * SX_TILE, *residual = others + m * SX_TILE;
    sx_sum total;
    sx_sum_clear(&total);
    for (ptrdiff_t start = 0; start < n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, n_rows - start);
        const double *w = sx_tile_weights(weight, start, n, ones);
        sx_to_columns(n, m, eta + start * m, logits);
        sx_softmax_forward(n, m, logits, &tile, p, others);
        sx_softmax_nll(n, logits, y + start, &tile, nll);
        for (ptrdiff_t i = 0; i < SX_TILE; ++i) nll[i] = i < n ? w[i] * nll[i] : 0.0;
        sx_sum_add_tile(&total, nll);
        sx_softmax_residual(n, m, p, others, y + start, w, residual);
        sx_to_rows(n, m, residual, residual_out + start * m);
        for (ptrdiff_t c = 0; c < m; ++c) {
            for (ptrdiff_t d = c; d < m; ++d) {
                sx_softmax_curvature(n, c, d, p, others, w, curvature);
                for (ptrdiff_t i = 0; i < n; ++i) {
                    double *row = curvature_out + (start + i) * m * m;
                    row[c * m + d] = row[d * m + c] = curvature[i];
                }
            }
        }
    }
    return sx_sum_total(&total);
}

static sx_dd binary_pass(const sx_rows *X, const sx_model *model, double *gradient_out,
                         double *hessian_out, double *work)
{
    return sx_pass(1, X, model, gradient_out, hessian_out, work);
}

static sx_dd softmax_pass(const sx_rows *X, const sx_model *model, double *gradient_out,
                          double *hessian_out, double *work)
{
    return sx_pass(0, X, model, gradient_out, hessian_out, work);
}

static sx_line binary_line(ptrdiff_t n, double step, const double *eta, const double *slope,
                           const int32_t *y, const double *weight)
{
    return sx_line_sums(1, n, 1, step, eta, slope, y, weight, NULL);
}

static sx_line softmax_line(ptrdiff_t n, ptrdiff_t n_logits, double step, const double *eta,
                            const double *slope, const int32_t *y, const double *weight, double *work)
{
    return sx_line_sums(0, n, n_logits, step, eta, slope, y, weight, work);
}

#define SX_OPERATIONS(NAME)                                                                          \
    {                                                                                                \
        .name = NAME, .expit = expit, .softmax = softmax, .rows_work = rows_work,                    \
        .column_largest = column_largest, .linear_predictor = linear_predictor,                      \
        .transpose_product = transpose_product, .weighted_gram = weighted_gram,                      \
        .pass_work = pass_work, .binary_rows = binary_rows, .softmax_rows = softmax_rows,            \
        .binary_pass = binary_pass, .softmax_pass = softmax_pass, .binary_line = binary_line,        \
        .softmax_line = softmax_line                                                                 \
    }

#endif /* SX_OPERATIONS_H */
