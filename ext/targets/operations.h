/* The bodies behind the table of targets.h: loops over tiles around the kernels, nothing else.
 * Included once by every target file. */
#ifndef SX_OPERATIONS_H
#define SX_OPERATIONS_H

#include "../kernels/sx_group.h"
#include "../kernels/sx_jeffreys.h"
#include "../kernels/sx_line.h"
#include "../kernels/sx_pass.h"
#include "../kernels/sx_product.h"
#include "../kernels/sx_refine.h"
#include "../kernels/sx_tanh.h"
#include "../solvers/sx_firth.h"
#include "../solvers/sx_newton.h"
#include "targets.h"

static void exponential(ptrdiff_t n, const double *x, double *out)
{
    for (ptrdiff_t i = 0; i < n; ++i) out[i] = sx_exp(x[i]);
}

static void expit(ptrdiff_t n, const double *x, double *out)
{
    for (ptrdiff_t i = 0; i < n; ++i) out[i] = sx_expit(x[i]);
}

static void log_expit(ptrdiff_t n, const double *x, double *out)
{
    for (ptrdiff_t i = 0; i < n; ++i) out[i] = sx_log_expit(x[i]);
}

static void log1pexp(ptrdiff_t n, const double *x, double *out)
{
    for (ptrdiff_t i = 0; i < n; ++i) out[i] = sx_log1pexp(x[i]);
}

static void hyperbolic_tangent(ptrdiff_t n, const double *x, double *out)
{
    for (ptrdiff_t i = 0; i < n; ++i) out[i] = sx_tanh(x[i]);
}

static void hyperbolic_slope(ptrdiff_t n, const double *x, double *out)
{
    for (ptrdiff_t i = 0; i < n; ++i) out[i] = sx_tanh_slope(x[i]);
}

static ptrdiff_t logits_work(ptrdiff_t n_classes) { return 2 * n_classes * sx_columns_rows(n_classes); }

static void logsumexp(const sx_rows *logits, double *out, double *work)
{
    const ptrdiff_t K = logits->n_cols, ld = sx_columns_rows(K);
    sx_softmax_tile tile;
    for (ptrdiff_t start = 0; start < logits->n_rows; start += ld) {
        const ptrdiff_t n = sx_min(ld, logits->n_rows - start);
        const sx_ahead ahead = sx_ahead_of(logits, start, n, NULL);
        sx_to_columns(logits, start, n, work, ld);
        sx_softmax_sum(n, K, ld, work, &tile, NULL, NULL, &ahead);
        sx_softmax_logsumexp(n, &tile, out + start);
        for (ptrdiff_t i = 0; i < n; ++i)
            if (!(out[start + i] - out[start + i] == 0.0)) out[start + i] = sx_logsumexp_infinite(K, ld, work + i);
    }
}

static void softmax(const sx_rows *logits, sx_rows_out p_out, double *work)
{
    const ptrdiff_t K = logits->n_cols, ld = sx_columns_rows(K);
    double *const E_low = work + K * ld;
    sx_softmax_tile tile;
    for (ptrdiff_t start = 0; start < logits->n_rows; start += ld) {
        const ptrdiff_t n = sx_min(ld, logits->n_rows - start);
        const sx_ahead ahead = sx_ahead_of(logits, start, n, &p_out);
        sx_to_columns(logits, start, n, work, ld);
        sx_softmax_forward(n, K, ld, work, &tile, work, E_low, &ahead);
        sx_softmax_p_tile(n, K, ld, &tile, E_low, work);
        sx_to_rows(work, ld, K, n, &p_out, start);
    }
}

static void log_softmax(const sx_rows *logits, sx_rows_out out, double *work)
{
    const ptrdiff_t K = logits->n_cols, ld = sx_columns_rows(K);
    sx_softmax_tile tile;
    for (ptrdiff_t start = 0; start < logits->n_rows; start += ld) {
        const ptrdiff_t n = sx_min(ld, logits->n_rows - start);
        const sx_ahead ahead = sx_ahead_of(logits, start, n, &out);
        sx_to_columns(logits, start, n, work, ld);
        sx_softmax_sum(n, K, ld, work, &tile, NULL, NULL, &ahead);
        sx_softmax_log(n, K, ld, &tile, work);
        sx_to_rows(work, ld, K, n, &out, start);
    }
}

static sx_dd cross_entropy(const sx_rows *logits, const int32_t *y, const double *weight,
                           sx_rows_out gradient_out, double *work)
{
    const ptrdiff_t K = logits->n_cols, ld = sx_columns_rows(K);
    double nll[SX_TILE], ones[SX_TILE], *const E_low = work + K * ld;
    sx_softmax_tile tile;
    sx_sum total;
    sx_sum_clear(&total);
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) ones[i] = 1.0;
    for (ptrdiff_t start = 0; start < logits->n_rows; start += ld) {
        const ptrdiff_t n = sx_min(ld, logits->n_rows - start);
        const double *w = weight ? weight + start : ones;
        const sx_ahead ahead = sx_ahead_of(logits, start, n, &gradient_out);
        sx_to_columns(logits, start, n, work, ld);
        sx_softmax_true(n, ld, work, y + start, nll);
        sx_softmax_forward(n, K, ld, work, &tile, work, E_low, &ahead);
        sx_softmax_nll(n, SX_TILE, nll, w, &tile, nll);
        sx_sum_add_tile(&total, nll);
        if (!gradient_out.data) continue;
        sx_softmax_residual(n, 0, K, ld, y + start, w, &tile, E_low, work);
        sx_to_rows(work, ld, K, n, &gradient_out, start);
    }
    return sx_sum_total(&total);
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

static ptrdiff_t group_work(ptrdiff_t most)
{
    return sx_group_slots(most) * (ptrdiff_t)(sizeof(sx_group_slot) / sizeof(double));
}

static ptrdiff_t group_rows(const sx_rows *X, const int64_t *key, ptrdiff_t most, int64_t *index_out,
                            int64_t *first_out, double *work)
{
    return sx_group_rows(X, key, most, index_out, first_out, (sx_group_slot *)(void *)work);
}

static ptrdiff_t pass_work(const sx_rows *X, ptrdiff_t n_logits, int hessian)
{
    return sx_pass_space_of(X, n_logits, hessian, NULL).total;
}

static void linear_predictor(const sx_rows *X, const sx_model *model, double *eta_out, double *work)
{
    const ptrdiff_t m = model->n_logits;
    const sx_pass_space space = sx_pass_space_of(X, m, 0, work);
    const sx_rows_out rows_out = {eta_out, m, 1};
    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - start);
        const sx_tile rows = sx_tile_of(X, start, n, space.packed);
        sx_linear_forward(m, rows, n, X->n_cols, model->intercept, model->coef,
                          model->offset ? model->offset + start * m : NULL, space.columns[0]);
        sx_to_rows(space.columns[0], SX_TILE, m, n, &rows_out, start);
    }
}

static void transpose_product(const sx_rows *X, int intercept, ptrdiff_t n_logits,
                              const double *residual, double *gradient_out, double *work)
{
    const ptrdiff_t p = X->n_cols, k = p + intercept;
    double column[SX_TILE];
    double *partial = work, *packed = work + 2 * p;
    for (ptrdiff_t j = 0; j < n_logits * k; ++j) gradient_out[j] = 0.0; /* may be empty, and then NULL */
    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - start);
        const sx_tile rows = sx_tile_of(X, start, n, packed);
        for (ptrdiff_t c = 0; c < n_logits; ++c) {
            double *const gradient = gradient_out + c * k;
            for (ptrdiff_t i = 0; i < n; ++i) column[i] = residual[(start + i) * n_logits + c];
            sx_linear_backward(1, rows, n, p, intercept, column, partial, &gradient);
        }
    }
}

static void matrix_product(const sx_rows *A, const sx_rows *B, const double *bias, double *out)
{
    sx_product(A, B, bias, out);
}

static void weighted_gram(const sx_rows *X, int intercept, const double *curvature, double *gram_out,
                          double *work)
{
    const ptrdiff_t p = X->n_cols, k = p + intercept;
    const sx_pass_space space = sx_pass_space_of(X, 2, 1, work);
    double ones[SX_TILE];
    int negative = 0; /* roots on both sides where they exist */
    for (ptrdiff_t i = 0; i < X->n_rows; ++i) negative |= curvature[i] < 0.0;
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) ones[i] = 1.0;
    for (ptrdiff_t j = 0; j < k * k; ++j) gram_out[j] = 0.0;
    memset(space.A, 0, (size_t)(2 * space.copy) * sizeof *space.A); /* and B */
    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - start);
        const sx_tile rows = sx_tile_of(X, start, n, space.packed);
        if (negative) sx_gram_pack(rows, n, p, sx_gram_width(p), ones, space.B);
        sx_pass_block(rows, n, p, intercept, !negative, curvature + start, &space, gram_out, k);
    }
    sx_gram_mirror(k, gram_out, k);
}

static sx_dd binary_rows(ptrdiff_t n_rows, const double *eta, const int32_t *y, const double *weight,
                         double *residual_out, double *curvature_out)
{
    double nll[SX_TILE], ones[SX_TILE];
    sx_sum total;
    sx_sum_clear(&total);
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) ones[i] = 1.0;
    for (ptrdiff_t start = 0; start < n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, n_rows - start);
        sx_binary_tile(n, eta + start, y + start, weight ? weight + start : ones, nll, residual_out + start,
                       curvature_out + start);
        for (ptrdiff_t i = n; i < SX_TILE; ++i) nll[i] = 0.0;
        sx_sum_add_tile(&total, nll);
    }
    return sx_sum_total(&total);
}

static ptrdiff_t rows_work(ptrdiff_t n_logits) { return 5 * (n_logits + 1) * SX_TILE; }

static sx_dd softmax_rows(ptrdiff_t n_rows, ptrdiff_t n_logits, const double *eta, const int32_t *y,
                          const double *weight, double *residual_out, double *curvature_out,
                          double *work)
{
    const ptrdiff_t m = n_logits, K = m + 1, size = K * SX_TILE;
    const sx_rows eta_rows = {eta, n_rows, m, m, 1};
    const sx_rows_out residual_rows = {residual_out, m, 1};
    double nll[SX_TILE], ones[SX_TILE], curvature[SX_TILE];
    sx_softmax_tile tile;
    double *z = work;
    const sx_softmax_words words = {z + size, z + 2 * size, z + 3 * size, z + 4 * size};
    sx_sum total;
    sx_sum_clear(&total);
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) ones[i] = 1.0;
    for (ptrdiff_t start = 0; start < n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, n_rows - start);
        const double *w = weight ? weight + start : ones;
        sx_reference_column(z);
        sx_to_columns(&eta_rows, start, n, z + SX_TILE, SX_TILE);
        sx_softmax_true(n, SX_TILE, z, y + start, nll);
        sx_softmax_forward(n, K, SX_TILE, z, &tile, z, words.p_low, NULL);
        sx_softmax_nll(n, SX_TILE, nll, w, &tile, nll);
        sx_sum_add_tile(&total, nll);
        memcpy(words.p, z, (size_t)size * sizeof *z);
        sx_softmax_residual(n, 1, K, SX_TILE, y + start, w, &tile, words.p_low, z);
        sx_to_rows(z + SX_TILE, SX_TILE, m, n, &residual_rows, start);
        sx_softmax_words_of(n, 1, K, SX_TILE, &tile, words);
        for (ptrdiff_t c = 0; c < m; ++c) {
            for (ptrdiff_t d = c; d < m; ++d) {
                sx_softmax_curvature(n, c + 1, d + 1, SX_TILE, words, w, curvature);
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
    return sx_binary_pass(X, model, gradient_out, hessian_out, work);
}

static sx_dd softmax_pass(const sx_rows *X, const sx_model *model, double *gradient_out,
                          double *hessian_out, double *work)
{
    return sx_softmax_pass(X, model, gradient_out, hessian_out, work);
}

static ptrdiff_t jeffreys_work(const sx_rows *X, ptrdiff_t n_logits, int intercept)
{
    return sx_jeffreys_space_of(X, n_logits, intercept, NULL).total;
}

static double binary_jeffreys(const sx_rows *X, const sx_model *model, const double *root, double *gradient_out,
                              double *work)
{
    return sx_jeffreys(1, X, model, root, gradient_out, work);
}

static double softmax_jeffreys(const sx_rows *X, const sx_model *model, const double *root, double *gradient_out,
                               double *work)
{
    return sx_jeffreys(0, X, model, root, gradient_out, work);
}

static ptrdiff_t refine_work(const sx_rows *X, ptrdiff_t n_logits)
{
    return sx_refine_space_of(X, n_logits, NULL).total;
}

static void linear_predictor_dd(const sx_rows *X, const sx_model *model, const double *coef_low, double *eta_out,
                                double *eta_low_out, double *work)
{
    sx_predict_dd(X, model, coef_low, eta_out, eta_low_out, work);
}

static sx_refined binary_refine(const sx_rows *X, const sx_model *model, const double *coef_low,
                                double *gradient_out, double *gradient_low_out, double *largest_out,
                                double *work)
{
    return sx_refine(1, X, model, coef_low, gradient_out, gradient_low_out, largest_out, work);
}

static sx_refined softmax_refine(const sx_rows *X, const sx_model *model, const double *coef_low,
                                 double *gradient_out, double *gradient_low_out, double *largest_out,
                                 double *work)
{
    return sx_refine(0, X, model, coef_low, gradient_out, gradient_low_out, largest_out, work);
}

static sx_line binary_line(ptrdiff_t n, double step, const double *eta, const double *slope,
                           const int32_t *y, const double *weight)
{
    return sx_binary_line(n, step, eta, slope, y, weight);
}

static sx_line softmax_line(ptrdiff_t n, ptrdiff_t n_logits, double step, const double *eta,
                            const double *slope, const int32_t *y, const double *weight, double *work)
{
    return sx_softmax_line(n, n_logits, step, eta, slope, y, weight, work);
}

/* -- whole small fits: the layers that the solver asks for, binary or softmax -- */

static ptrdiff_t layers_work(const sx_rows *X, ptrdiff_t n_logits)
{
    const ptrdiff_t pass = pass_work(X, n_logits, 1), rows = rows_work(n_logits);
    return pass > rows ? pass : rows;
}

static sx_dd layers_pass(const sx_rows *X, const sx_model *model, double *gradient, double *hessian, double *work)
{
    return (model->n_logits == 1 ? binary_pass : softmax_pass)(X, model, gradient, hessian, work);
}

static sx_line layers_line(const sx_model *model, ptrdiff_t n, double step, const double *eta, const double *slope,
                           double *work)
{
    if (model->n_logits == 1) return binary_line(n, step, eta, slope, model->y, model->weight);
    return softmax_line(n, model->n_logits, step, eta, slope, model->y, model->weight, work);
}

static ptrdiff_t newton_work(const sx_rows *X, ptrdiff_t n_logits, int intercept)
{
    const sx_newton_layers layers = {layers_work, layers_pass, linear_predictor, layers_line};
    return sx_newton_work(&layers, X, n_logits, intercept);
}

static int32_t newton(const sx_rows *X, const sx_newton_task *task, const sx_newton_answer *answer, double *work)
{
    const sx_newton_layers layers = {layers_work, layers_pass, linear_predictor, layers_line};
    return sx_newton(&layers, X, task, answer, work);
}

static ptrdiff_t firth_work(const sx_rows *X, int intercept) { return sx_firth_work(X, intercept); }

static int32_t firth(const sx_rows *X, const sx_firth_task *task, const sx_firth_answer *answer, double *work)
{
    return sx_firth(X, task, answer, work);
}

#define SX_OPERATIONS(NAME)                                                                          \
    {                                                                                                \
        .name = NAME, .exp = exponential, .expit = expit, .log_expit = log_expit, .log1pexp = log1pexp,    \
        .tanh = hyperbolic_tangent, .tanh_slope = hyperbolic_slope,                                        \
        .logits_work = logits_work, .logsumexp = logsumexp, .softmax = softmax,                            \
        .log_softmax = log_softmax, .cross_entropy = cross_entropy, .column_largest = column_largest,      \
        .group_work = group_work, .group_rows = group_rows,                                                \
        .linear_predictor = linear_predictor, .transpose_product = transpose_product,                      \
        .matrix_product = matrix_product,                                                                  \
        .weighted_gram = weighted_gram, .pass_work = pass_work, .rows_work = rows_work,                    \
        .binary_rows = binary_rows, .softmax_rows = softmax_rows, .binary_pass = binary_pass,              \
        .softmax_pass = softmax_pass, .jeffreys_work = jeffreys_work, .binary_jeffreys = binary_jeffreys,  \
        .softmax_jeffreys = softmax_jeffreys, .refine_work = refine_work, .linear_predictor_dd = linear_predictor_dd, \
        .binary_refine = binary_refine, .softmax_refine = softmax_refine, .binary_line = binary_line,      \
        .softmax_line = softmax_line, .newton_work = newton_work, .newton = newton,         \
        .firth_work = firth_work, .firth = firth                         \
    }

#endif /* SX_OPERATIONS_H */
