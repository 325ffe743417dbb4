/* The linear layer: forward eta = b_0 + X b, backward gradient = [1 X]' residual.
 *
 * The order of every sum is a function of the shape alone, so any vector width gives the same bits:
 *
 *   dot product   SX_LANES partial sums, merged in one fixed tree.  Column j goes to lane j mod SX_LANES; the
 *                 last p mod SX_LANES columns go to the lanes they have in the last SX_LANES columns, where
 *                 the others meet a coefficient of zero.
 *   gradient      one chain over the rows of a tile for each column.
 *
 * Rows shorter than SX_LANES are plain chains.
 */
#ifndef SX_LINEAR_H
#define SX_LINEAR_H

#include "sx_base.h"
#include "sx_vector.h"

/* Rows whose dot products run side by side, to hide the latency of a chain. */
#define SX_DOT_ROWS 4
/* Vectors of a gradient held in registers while a tile of rows runs past. */
#define SX_BACKWARD_VECTORS 8
/* Columns up to which the next tile of rows is fetched ahead. */
#define SX_PREFETCH_COLUMNS 32
#define SX_LANE_VECTORS (SX_LANES / SX_VECTOR_LENGTH)

/* ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7)) */
SX_INLINE double sx_merge_lanes(const double *l)
{
    return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
}

/* The same for the lanes of four rows, one after the other. */
SX_INLINE void sx_merge_four_lanes(const double *l, double *out)
{
#if SX_HAVE_SHUFFLE
    typedef double quad __attribute__((vector_size(32), aligned(8), may_alias));
    quad q[4]; /* l0 + l4, l1 + l5, l2 + l6, l3 + l7 of each row */
    for (int r = 0; r < 4; ++r) q[r] = *(const quad *)(l + 8 * r) + *(const quad *)(l + 8 * r + 4);
    const quad a = __builtin_shufflevector(q[0], q[1], 0, 1, 4, 5) +
                   __builtin_shufflevector(q[0], q[1], 2, 3, 6, 7);
    const quad b = __builtin_shufflevector(q[2], q[3], 0, 1, 4, 5) +
                   __builtin_shufflevector(q[2], q[3], 2, 3, 6, 7);
    *(quad *)out = __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
#else
    for (int r = 0; r < 4; ++r) out[r] = sx_merge_lanes(l + 8 * r);
#endif
}

/* out_r = x_r'b for n_rows rows of n >= SX_LANES columns, `stride` apart.  `tail` holds the coefficients of the
 * last SX_LANES columns, zero where they have been met before. */
SX_INLINE void sx_dot_rows(const int n_rows, ptrdiff_t n, const double *restrict x, ptrdiff_t stride,
                           const double *restrict b, const double *restrict tail, double *restrict out)
{
    sx_vector sum[SX_DOT_ROWS][SX_LANE_VECTORS];
    const ptrdiff_t whole = n / SX_LANES * SX_LANES;
    for (int r = 0; r < n_rows; ++r)
        for (int v = 0; v < SX_LANE_VECTORS; ++v) sum[r][v] = sx_broadcast(0.0);
    for (ptrdiff_t j = 0; j < whole; j += SX_LANES) {
        for (int v = 0; v < SX_LANE_VECTORS; ++v) {
            const ptrdiff_t at = j + v * SX_VECTOR_LENGTH;
            const sx_vector y = sx_load(b + at);
            for (int r = 0; r < n_rows; ++r)
                sum[r][v] = SX_VECTOR_FMA(sx_load(x + r * stride + at), y, sum[r][v]);
        }
    }
    if (whole < n) {
        for (int v = 0; v < SX_LANE_VECTORS; ++v) {
            const sx_vector y = sx_load(tail + v * SX_VECTOR_LENGTH);
            const ptrdiff_t at = n - SX_LANES + v * SX_VECTOR_LENGTH;
            for (int r = 0; r < n_rows; ++r)
                sum[r][v] = SX_VECTOR_FMA(sx_load(x + r * stride + at), y, sum[r][v]);
        }
    }
    double lanes[SX_DOT_ROWS * SX_LANES];
    for (int r = 0; r < n_rows; ++r)
        for (int v = 0; v < SX_LANE_VECTORS; ++v)
            sx_store(lanes + r * SX_LANES + v * SX_VECTOR_LENGTH, sum[r][v]);
    if (n_rows == SX_DOT_ROWS)
        sx_merge_four_lanes(lanes, out);
    else
        for (int r = 0; r < n_rows; ++r) out[r] = sx_merge_lanes(lanes + r * SX_LANES);
}

/* eta_i = x_i'b, i < n_rows, for rows shorter than SX_LANES. */
SX_INLINE void sx_dot_short(ptrdiff_t n_rows, ptrdiff_t n, const double *restrict x, ptrdiff_t stride,
                            const double *restrict b, double *restrict eta)
{
    for (ptrdiff_t i = 0; i < n_rows; ++i) {
        double sum = 0.0;
        for (ptrdiff_t j = 0; j < n; ++j) sum = SX_FMA(x[i * stride + j], b[j], sum);
        eta[i] = sum;
    }
}

/* One tile of rows with unit column stride: X itself where it has that, else a copy in `packed`. */
typedef struct {
    const double *data;
    ptrdiff_t stride;
} sx_tile;

SX_INLINE sx_tile sx_tile_of(const sx_rows *X, ptrdiff_t start, ptrdiff_t n, double *restrict packed)
{
    const double *from = X->data + start * X->row_stride;
    if (X->col_stride == 1) return (sx_tile){from, X->row_stride};
    for (ptrdiff_t j = 0; j < X->n_cols; ++j)
        for (ptrdiff_t i = 0; i < n; ++i)
            packed[i * X->n_cols + j] = from[i * X->row_stride + j * X->col_stride];
    return (sx_tile){packed, X->n_cols};
}

/* eta_i = ((b_0 + x_i'b) + offset_i), i < n.  coef has the intercept first when `intercept` is set;
 * offset (stride in elements) may be NULL. */
SX_INLINE void sx_linear_forward(sx_tile rows, ptrdiff_t n, ptrdiff_t p, int intercept,
                                 const double *restrict coef, const double *restrict offset,
                                 ptrdiff_t offset_stride, double *restrict eta)
{
    const double *b = intercept ? coef + 1 : coef;
    const double b_0 = intercept ? coef[0] : 0.0;
    ptrdiff_t i = 0;
    if (p < SX_LANES) {
        sx_dot_short(n, p, rows.data, rows.stride, b, eta);
    } else {
        double tail[SX_LANES];
        for (ptrdiff_t l = 0; l < SX_LANES; ++l)
            tail[l] = l < SX_LANES - p % SX_LANES ? 0.0 : b[p - SX_LANES + l];
        for (; i + SX_DOT_ROWS <= n; i += SX_DOT_ROWS)
            sx_dot_rows(SX_DOT_ROWS, p, rows.data + i * rows.stride, rows.stride, b, tail, eta + i);
        for (; i < n; ++i)
            sx_dot_rows(1, p, rows.data + i * rows.stride, rows.stride, b, tail, eta + i);
    }
    for (i = 0; i < n; ++i) eta[i] = b_0 + eta[i];
    if (offset)
        for (i = 0; i < n; ++i) eta[i] += offset[i * offset_stride];
}

/* g_c = sum_i r_i x_ic over n rows, in registers, for n_vectors vectors of columns: one after the other, but
 * the last one starts at column `last`, which may repeat columns of the one before.  The row `ahead` elements
 * further on is asked for. */
SX_INLINE void sx_backward_panel(const int n_vectors, ptrdiff_t n, const double *restrict x,
                                 ptrdiff_t stride, ptrdiff_t last, ptrdiff_t ahead,
                                 const double *restrict residual, double *restrict g)
{
    sx_vector sum[SX_BACKWARD_VECTORS];
    for (int v = 0; v < n_vectors; ++v) sum[v] = sx_broadcast(0.0);
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double *row = x + i * stride;
        const sx_vector r = sx_broadcast(residual[i]);
        if (ahead)
            for (int v = 0; v < n_vectors; ++v) SX_PREFETCH(row + ahead + v * SX_VECTOR_LENGTH);
        for (int v = 0; v < n_vectors - 1; ++v)
            sum[v] = SX_VECTOR_FMA(r, sx_load(row + v * SX_VECTOR_LENGTH), sum[v]);
        sum[n_vectors - 1] = SX_VECTOR_FMA(r, sx_load(row + last), sum[n_vectors - 1]);
    }
    for (int v = 0; v < n_vectors - 1; ++v) sx_store(g + v * SX_VECTOR_LENGTH, sum[v]);
    sx_store(g + last, sum[n_vectors - 1]);
}

/* g = X' residual over one tile. */
SX_INLINE void sx_backward_columns(sx_tile rows, ptrdiff_t n, ptrdiff_t p, const double *restrict residual,
                                   double *restrict g)
{
    if (p < SX_VECTOR_LENGTH) {
        for (ptrdiff_t j = 0; j < p; ++j) {
            double sum = 0.0;
            for (ptrdiff_t i = 0; i < n; ++i) sum = SX_FMA(residual[i], rows.data[i * rows.stride + j], sum);
            g[j] = sum;
        }
        return;
    }
    /* Where a tile is small, fetch the next one while this one is worked on: 2,000,000 x 20 went from 14.8 to
     * 12.6 ms, with 9.7 ms for reading alone; 500,000 x 100, whose tile fills the cache, from 12.0 to 14.0. */
    const ptrdiff_t ahead = p <= SX_PREFETCH_COLUMNS ? SX_TILE * rows.stride : 0;
    for (ptrdiff_t j = 0; j < p; j += SX_BACKWARD_VECTORS * SX_VECTOR_LENGTH) {
        const ptrdiff_t left = sx_min(p - j, SX_BACKWARD_VECTORS * SX_VECTOR_LENGTH);
        const ptrdiff_t last = left - SX_VECTOR_LENGTH; /* negative: the last vector starts before j */
        const double *x = rows.data + j;
        switch ((left + SX_VECTOR_LENGTH - 1) / SX_VECTOR_LENGTH) {
        case 1: sx_backward_panel(1, n, x, rows.stride, last, ahead, residual, g + j); break;
        case 2: sx_backward_panel(2, n, x, rows.stride, last, ahead, residual, g + j); break;
        case 3: sx_backward_panel(3, n, x, rows.stride, last, ahead, residual, g + j); break;
        case 4: sx_backward_panel(4, n, x, rows.stride, last, ahead, residual, g + j); break;
        case 5: sx_backward_panel(5, n, x, rows.stride, last, ahead, residual, g + j); break;
        case 6: sx_backward_panel(6, n, x, rows.stride, last, ahead, residual, g + j); break;
        case 7: sx_backward_panel(7, n, x, rows.stride, last, ahead, residual, g + j); break;
        default: sx_backward_panel(8, n, x, rows.stride, last, ahead, residual, g + j); break;
        }
    }
}

/* gradient += [1 X]' residual over one tile; `partial` is work space of p. */
SX_INLINE void sx_linear_backward(sx_tile rows, ptrdiff_t n, ptrdiff_t p, int intercept,
                                  const double *restrict residual, double *restrict partial,
                                  double *restrict gradient)
{
    sx_backward_columns(rows, n, p, residual, partial);
    if (intercept) {
        double sum = 0.0;
        for (ptrdiff_t i = 0; i < n; ++i) sum += residual[i];
        gradient[0] += sum;
    }
    for (ptrdiff_t c = 0; c < p; ++c) gradient[intercept + c] += partial[c];
}

#endif /* SX_LINEAR_H */
