/* The rows of a small fit as it wants them: those that count, with weights of about 1.
 *
 *     w' = 4^-h w,   1 <= max w' < 4
 *
 * A power of four is exact, and so is its square root: whatever scale the weights have, the fit sees the same bits,
 * and what is known of the fit is scaled back at the end.  Rows of weight 0 are left out by copying the others; rows
 * without a unit column stride are copied, too.  Else X is read where it lies.
 */
#ifndef SX_SMALL_ROWS_H
#define SX_SMALL_ROWS_H

#include "../kernels/sx_linear.h"
#include "../kernels/sx_types.h"

typedef struct {
    sx_rows X;
    sx_model model; /* `coef` is not set */
    double total;   /* sum of w' */
    double least;   /* min of w' */
    double down;    /* 2^-h: of two factors, for 4^-h alone may be out of range */
    double up;      /* 2^h */
    int every_class;
} sx_small_rows;

SX_INLINE ptrdiff_t sx_small_rows_work(const sx_rows *X, ptrdiff_t n_logits)
{
    /* X, offset, weight, codes and indices (4 and 8 bytes), classes seen */
    return X->n_rows * (X->n_cols + n_logits + 3) + 2 * n_logits + 4;
}

/* max sign x_i over weights (sign 1) or scaled weights (sign -1, their minimum), at least 0 and -4, which none falls
 * short of; in lanes that need not wait for each other.  A nan is passed over. */
SX_INLINE double sx_small_rows_most(ptrdiff_t n, const double *restrict x, double sign)
{
    double lane[SX_LANES], most = sign > 0.0 ? 0.0 : -4.0;
    ptrdiff_t i = 0;
    for (int l = 0; l < SX_LANES; ++l) lane[l] = most;
    for (; i + SX_LANES <= n; i += SX_LANES)
        for (int l = 0; l < SX_LANES; ++l) lane[l] = sign * x[i + l] > lane[l] ? sign * x[i + l] : lane[l];
    for (; i < n; ++i) lane[i % SX_LANES] = sign * x[i] > lane[i % SX_LANES] ? sign * x[i] : lane[i % SX_LANES];
    for (int l = 0; l < SX_LANES; ++l) most = lane[l] > most ? lane[l] : most;
    return most;
}

/* 2^-h and 2^h, for a weight > 0 between 4^h and 4^(h+1). */
SX_INLINE void sx_small_rows_scale(double largest, sx_small_rows *rows)
{
    const int tiny = largest < 0x1p-1022;
    const double normal = tiny ? largest * 0x1p+100 : largest;
    const uint64_t exponent = (sx_bits(normal) >> 52) + 1025 - (tiny ? 100 : 0); /* + 2048: even where it is */
    const uint64_t h = exponent / 2;                                             /* + 1024 */
    rows->down = sx_from_bits((1023 + 1024 - h) << 52);
    rows->up = sx_from_bits((h - 1) << 52);
}

/* The rows that `index` names, one after the other. */
SX_INLINE void sx_small_rows_copy(const sx_rows *X, const sx_model *model, ptrdiff_t count,
                                  const ptrdiff_t *restrict index, double *restrict x, double *restrict offset,
                                  int32_t *restrict y)
{
    const ptrdiff_t p = X->n_cols, m = model->n_logits;
    for (ptrdiff_t j = 0; j < p; ++j)
        for (ptrdiff_t i = 0; i < count; ++i) x[i * p + j] = X->data[index[i] * X->row_stride + j * X->col_stride];
    for (ptrdiff_t i = 0; model->offset && i < count; ++i)
        for (ptrdiff_t c = 0; c < m; ++c) offset[i * m + c] = model->offset[index[i] * m + c];
    for (ptrdiff_t i = 0; i < count; ++i) y[i] = model->y[index[i]];
}

SX_INLINE int sx_small_rows_every_class(const sx_model *model, ptrdiff_t n, int32_t *restrict seen)
{
    const ptrdiff_t K = model->n_logits + 1;
    int every = 1;
    if (K == 2) {
        ptrdiff_t ones = 0;
        for (ptrdiff_t i = 0; i < n; ++i) ones += model->y[i];
        return ones > 0 && ones < n;
    }
    for (ptrdiff_t c = 0; c < K; ++c) seen[c] = 0;
    for (ptrdiff_t i = 0; i < n; ++i)
        if (model->y[i] >= 0 && model->y[i] < K) seen[model->y[i]] = 1;
    for (ptrdiff_t c = 0; c < K; ++c) every &= seen[c];
    return every;
}

/* `work`: sx_small_rows_work doubles, which the result points into. */
SX_KERNEL sx_small_rows sx_small_rows_of(const sx_rows *X, const sx_model *model, double *work)
{
    const ptrdiff_t n = X->n_rows, p = X->n_cols, m = model->n_logits;
    double *const x = work, *const offset = x + n * p, *const weight = offset + n * m;
    ptrdiff_t *const index = (ptrdiff_t *)(void *)(weight + n);
    int32_t *const y = (int32_t *)(void *)(weight + 2 * n), *const seen = y + n;
    sx_small_rows rows = {*X, *model, (double)n, 1.0, 1.0, 1.0, 0};
    ptrdiff_t count = n;
    if (model->weight) {
        const double largest = sx_small_rows_most(n, model->weight, 1.0);
        if (!(largest > 0.0)) {
            rows.total = 0.0;
            return rows;
        }
        count = 0;
        sx_small_rows_scale(largest, &rows);
        for (ptrdiff_t i = 0; i < n; ++i) { /* a nan counts: it must not get lost */
            index[count] = i;
            count += model->weight[i] != 0.0;
        }
        for (ptrdiff_t i = 0; i < count; ++i) weight[i] = model->weight[index[i]] * rows.down * rows.down;
        rows.least = -sx_small_rows_most(count, weight, -1.0);
        rows.total = sx_sum_lanes(count, weight);
        rows.model.weight = weight;
    } else if (X->col_stride != 1) {
        for (ptrdiff_t i = 0; i < n; ++i) index[i] = i;
    }
    if (count < n || X->col_stride != 1) {
        sx_small_rows_copy(X, model, count, index, x, offset, y);
        rows.X = (sx_rows){x, count, p, p, 1};
        rows.model.y = y;
        if (model->offset) rows.model.offset = offset;
    }
    rows.every_class = sx_small_rows_every_class(&rows.model, count, seen);
    return rows;
}

#endif /* SX_SMALL_ROWS_H */
