/* One pass for the refinement of an optimum: what bounds its accuracy in double-double, the rest as in sx_pass.h.
 *
 *     eta + low = [1 X] (b + b_low) + offset                                   sx_linear_dd.h
 *     NLL       = sum_i w_i (nll(y_i, eta_i) + sum_k r_ik low_ik)              rows at the high word, and their linear
 *     residual  = w_i (r_ik + sum_l p_k ([k = l] - p_l) low_il)                change: what is left out is some low^2
 *     gradient  = [1 X]' residual                                              sx_backward_dd.h
 *     spread    = sum_i w_i |r_i|'W_i^-1|r_i|,  r_k = p_k - [y = k],  W_kl = p_k ([k = l] - p_l),  k, l >= 1
 *               = binary: sum_i w_i lambda_i / (1 - lambda_i)
 *
 * The inverse of W = diag(p) - p p' is diag(1 / p) + 1 1' / p_0.  With |dr_k| <= c |r_k| for all rows, and the Hessian
 * H = Z'W Z, d = Z' dr has d'H^-1 d <= dr'W^-1 dr <= c^2 spread: the error of the gradient in standard errors.
 */
#ifndef SX_REFINE_H
#define SX_REFINE_H

#include "sx_backward_dd.h"
#include "sx_pass.h"

/* nll and residual of n rows of the binary model at eta + low, and lambda / (1 - lambda), each times its weight;
 * padded with zeros to SX_LANES. */
SX_INLINE void sx_binary_refine_tile(ptrdiff_t n, const double *restrict eta, const double *restrict low,
                                     const int32_t *restrict y, const double *restrict weight, double *restrict nll,
                                     double *restrict residual, double *restrict spread)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        const sx_logit a = sx_logit_of(eta[i]);
        const double minus_m = sx_negate_if(y[i], eta[i]);
        const double lambda = minus_m <= 0.0 ? a.small : a.big;
        const double other = minus_m <= 0.0 ? a.big : a.small; /* 1 - lambda */
        const double r = sx_negate_if(y[i], lambda);
        nll[i] = weight[i] * (((minus_m > 0.0 ? minus_m : 0.0) + a.log1p_t) + r * low[i]);
        residual[i] = weight[i] * (r + a.curvature * low[i]);
        spread[i] = weight[i] == 0.0 ? 0.0 : weight[i] * (lambda / other);
    }
    for (ptrdiff_t i = n; i % SX_LANES; ++i) nll[i] = residual[i] = spread[i] = 0.0;
}

/* Columns of one word for each class of a tile. */
typedef struct {
    double *z; /* logits, then E, then the residual */
    double *E_low;
    double *p;   /* times 2^512, as E */
    double *low; /* of z */
} sx_refine_columns;

/* w |r|'W^-1|r| of n rows, from p.  With y = 0 it is R / p_0, else R + (p_0 + R)^2 / p_y + (p_0 + 2 R)^2 / p_0, where
 * R is the sum of p_k over k other than 0 and y: nothing cancels, and all are times 2^512, so that nothing is a
 * subnormal.  A row counts 0 where all classes but y are below exp(SX_EXP_LEAST), inf where only the reference is. */
SX_INLINE void sx_softmax_spread(ptrdiff_t n, ptrdiff_t K, const double *restrict p, const int32_t *restrict y,
                                 const double *restrict weight, double *restrict spread)
{
    const double infinity = sx_from_bits(0x7ff0000000000000u);
    double R[SX_TILE], p_y[SX_TILE];
    for (ptrdiff_t i = 0; i < n; ++i) R[i] = 0.0, p_y[i] = p[i];
    for (ptrdiff_t k = 1; k < K; ++k)
        for (ptrdiff_t i = 0; i < n; ++i) {
            const double p_k = p[k * SX_TILE + i];
            R[i] += y[i] == k ? 0.0 : p_k;
            p_y[i] = y[i] == k ? p_k : p_y[i];
        }
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double p_0 = p[i], sum = p_0 + R[i], twice = sum + R[i], half = 0x1p-256;
        const double ratio_y = sum / p_y[i] * half, ratio_0 = (y[i] ? twice : R[i]) / p_0 * half;
        const double true_class = ratio_y * (sum * half), reference = ratio_0 * (twice * half);
        const double value = y[i] ? R[i] * SX_EXP_REST + (true_class + reference) : ratio_0 * 0x1p+256;
        const int beyond = (p_0 < 0x1p-980) & (R[i] > (double)K * p_0);
        spread[i] = weight[i] == 0.0 ? 0.0 : weight[i] * (beyond ? infinity : value);
    }
}

/* The low words relative to that of the likeliest class, of which p may round to 1; in place. */
SX_INLINE void sx_softmax_low(ptrdiff_t n, ptrdiff_t K, const sx_softmax_tile *restrict tile, double *restrict low)
{
    double low_q[SX_TILE];
    for (ptrdiff_t i = 0; i < n; ++i) low[i] = low_q[i] = 0.0;
    for (ptrdiff_t k = 1; k < K; ++k)
        for (ptrdiff_t i = 0; i < n; ++i) low_q[i] = tile->which[i] == (double)k ? low[k * SX_TILE + i] : low_q[i];
    for (ptrdiff_t k = 0; k < K; ++k)
        for (ptrdiff_t i = 0; i < n; ++i) low[k * SX_TILE + i] -= low_q[i];
}

/* nll, residual and spread of n rows of K classes at z + low, each times its weight; c.z holds the residual then. */
SX_INLINE void sx_softmax_refine_tile(ptrdiff_t n, ptrdiff_t K, const int32_t *y, const double *weight,
                                      sx_refine_columns c, const sx_ahead *ahead, double *nll, double *spread)
{
    sx_softmax_tile tile;
    double mean[SX_TILE], change[SX_TILE];
    sx_softmax_true(n, SX_TILE, c.z, y, nll);
    sx_softmax_forward(n, K, SX_TILE, c.z, &tile, c.z, c.E_low, ahead);
    sx_softmax_nll(n, n, nll, weight, &tile, nll);
    sx_softmax_low(n, K, &tile, c.low);
    /* mean = sum_k p_k low_k: the class q adds nothing; the change of nll is mean - low_y */
    for (ptrdiff_t i = 0; i < n; ++i) mean[i] = 0.0;
    for (ptrdiff_t k = 0; k < K; ++k)
        for (ptrdiff_t i = 0; i < n; ++i) {
            const ptrdiff_t at = k * SX_TILE + i;
            c.p[at] = sx_softmax_p_lifted(&tile, i, c.z[at], c.E_low[at]);
            mean[i] += c.p[at] * SX_EXP_REST * c.low[at];
        }
    for (ptrdiff_t i = 0; i < n; ++i) change[i] = mean[i] - c.low[y[i] * SX_TILE + i];
    for (ptrdiff_t i = 0; i < n; ++i) nll[i] += weight[i] * change[i];
    sx_softmax_residual(n, 1, K, SX_TILE, y, weight, &tile, c.E_low, c.z);
    for (ptrdiff_t k = 1; k < K; ++k)
        for (ptrdiff_t i = 0; i < n; ++i) {
            const ptrdiff_t at = k * SX_TILE + i;
            c.z[at] += weight[i] * (c.p[at] * SX_EXP_REST * (c.low[at] - mean[i]));
        }
    sx_softmax_spread(n, K, c.p, y, weight, spread);
    for (ptrdiff_t i = n; i % SX_LANES; ++i) {
        nll[i] = spread[i] = 0.0;
        for (ptrdiff_t k = 1; k < K; ++k) c.z[k * SX_TILE + i] = 0.0;
    }
}

/* Work space of a refinement, in doubles: what its parts are, and how long all of them. */
typedef struct {
    sx_refine_columns columns;
    double *high, *low; /* sums of X' residual, `length` for each logit */
    double *largest;    /* `length` */
    double *zeros;      /* one coef_low */
    double *packed;     /* a tile of X: sx_dd_tile_of */
    sx_sum *intercept;  /* one for each logit */
    ptrdiff_t length;
    ptrdiff_t total;
} sx_refine_space;

SX_INLINE sx_refine_space sx_refine_space_of(const sx_rows *X, ptrdiff_t n_logits, double *work)
{
    const ptrdiff_t columns = (n_logits + 1) * SX_TILE, p = X->n_cols;
    sx_refine_space space;
    ptrdiff_t at = 0;
    space.length = sx_dd_sums_length(p);
    space.columns.z = sx_part(work, at), at += columns;
    space.columns.E_low = sx_part(work, at), at += columns;
    space.columns.p = sx_part(work, at), at += columns;
    space.columns.low = sx_part(work, at), at += columns;
    space.high = sx_part(work, at), at += n_logits * space.length;
    space.low = sx_part(work, at), at += n_logits * space.length;
    space.largest = sx_part(work, at), at += space.length;
    space.zeros = sx_part(work, at), at += n_logits * (p + 1);
    space.packed = sx_part(work, at), at += sx_dd_tile_space(X);
    space.intercept = (sx_sum *)sx_part(work, at), at += n_logits * (ptrdiff_t)(sizeof(sx_sum) / sizeof(double));
    space.total = at;
    return space;
}

/* coef_low, or as many zeros. */
SX_INLINE const double *sx_refine_low(const double *coef_low, const sx_rows *X, ptrdiff_t n_logits, double *zeros)
{
    if (coef_low) return coef_low;
    memset(zeros, 0, (size_t)(n_logits * (X->n_cols + 1)) * sizeof *zeros);
    return zeros;
}

SX_INLINE void sx_refine_clear(sx_refine_space *space, ptrdiff_t n_logits)
{
    for (ptrdiff_t i = 0; i < n_logits * space->length; ++i) space->high[i] = space->low[i] = 0.0;
    for (ptrdiff_t i = 0; i < space->length; ++i) space->largest[i] = 0.0;
    for (ptrdiff_t h = 0; h < n_logits; ++h) sx_sum_clear(space->intercept + h);
}

/* Add SX_LANES-padded terms. */
SX_INLINE void sx_refine_add(sx_sum *sum, ptrdiff_t n, double *term)
{
    for (ptrdiff_t i = (n + SX_LANES - 1) / SX_LANES * SX_LANES; i < SX_TILE; ++i) term[i] = 0.0;
    sx_sum_add_tile(sum, term);
}

/* The sums of all logits into gradient + gradient_low (n_logits x k), largest (p) where it is wanted. */
SX_INLINE void sx_refine_finish(const sx_refine_space *space, ptrdiff_t p, int intercept, ptrdiff_t n_logits,
                                double *gradient, double *gradient_low, double *largest)
{
    if (p + intercept == 0) return; /* no coefficients, and perhaps no arrays */
    for (ptrdiff_t h = 0; h < n_logits; ++h) {
        double *g = gradient + h * (p + intercept), *g_low = gradient_low + h * (p + intercept);
        if (intercept) {
            const sx_dd sum = sx_sum_total(space->intercept + h);
            g[0] = sum.high;
            g_low[0] = sum.low;
        }
        sx_dd_sums_total(p, space->high + h * space->length, space->low + h * space->length, g + intercept,
                         g_low + intercept);
    }
    if (largest) sx_dd_sums_largest(p, space->largest, largest);
}

/* gradient and gradient_low (n_logits * k) are overwritten, and largest (p) unless it is NULL. */
SX_INLINE sx_refined sx_refine(const int binary, const sx_rows *X, const sx_model *model, const double *coef_low,
                               double *gradient, double *gradient_low, double *largest, double *work)
{
    const int intercept = model->intercept;
    const ptrdiff_t p = X->n_cols, n_logits = model->n_logits, K = n_logits + 1;
    sx_refine_space space = sx_refine_space_of(X, n_logits, work);
    const double *b_low = sx_refine_low(coef_low, X, n_logits, space.zeros);
    const sx_refine_columns c = space.columns;
    double nll[SX_TILE], spread[SX_TILE], ones[SX_TILE], *const residual = c.z + SX_TILE, *const low = c.low + SX_TILE;
    double *const eta = binary ? c.E_low : residual; /* softmax: residuals take the place of logits */
    sx_sum total, total_spread;
    sx_sum_clear(&total);
    sx_sum_clear(&total_spread);
    sx_refine_clear(&space, n_logits);
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) ones[i] = 1.0;

    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - start);
        const sx_dd_tile tile = sx_dd_tile_of(X, start, n, space.packed);
        const int32_t *y = model->y + start;
        const double *weight = model->weight ? model->weight + start : ones;
        const double *offset = model->offset ? model->offset + start * n_logits : NULL;
        sx_linear_forward_dd(n_logits, &tile, intercept, model->coef, b_low, offset, eta, low);
        if (binary) {
            for (ptrdiff_t i = 0; i < n; i += SX_PREFETCH_ROWS) {
                const ptrdiff_t part = sx_min(SX_PREFETCH_ROWS, n - i);
                sx_prefetch_rows(tile.rows, i + SX_TILE, part, p);
                sx_binary_refine_tile(part, eta + i, low + i, y + i, weight + i, nll + i, residual + i, spread + i);
            }
        } else {
            const sx_ahead ahead = sx_pass_ahead(X, start + n, K);
            sx_reference_column(c.z);
            sx_softmax_refine_tile(n, K, y, weight, c, &ahead, nll, spread);
        }
        sx_refine_add(&total, n, nll);
        sx_refine_add(&total_spread, n, spread);
        for (ptrdiff_t h = 0; h < n_logits; ++h) {
            double *r = residual + h * SX_TILE;
            sx_linear_backward_dd(&tile, r, space.high + h * space.length, space.low + h * space.length,
                                  largest && h == 0 ? space.largest : NULL);
            if (intercept) sx_refine_add(space.intercept + h, n, r);
        }
    }
    sx_refine_finish(&space, p, intercept, n_logits, gradient, gradient_low, largest);
    return (sx_refined){sx_sum_total(&total), sx_sum_total(&total_spread).high};
}

/* eta + eta_low (n_logits in a row) of all rows; eta_low may be NULL. */
SX_INLINE void sx_predict_dd(const sx_rows *X, const sx_model *model, const double *coef_low, double *eta,
                             double *eta_low, double *work)
{
    const ptrdiff_t m = model->n_logits;
    const sx_refine_space space = sx_refine_space_of(X, m, work);
    const double *b_low = sx_refine_low(coef_low, X, m, space.zeros);
    const sx_rows_out out = {eta, m, 1}, out_low = {eta_low, m, 1};
    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - start);
        const sx_dd_tile tile = sx_dd_tile_of(X, start, n, space.packed);
        sx_linear_forward_dd(m, &tile, model->intercept, model->coef, b_low,
                             model->offset ? model->offset + start * m : NULL, space.columns.z, space.columns.low);
        sx_to_rows(space.columns.z, SX_TILE, m, n, &out, start);
        if (eta_low) sx_to_rows(space.columns.low, SX_TILE, m, n, &out_low, start);
    }
}

#endif /* SX_REFINE_H */
