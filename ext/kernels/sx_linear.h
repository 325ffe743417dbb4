/* The linear layer: forward eta = b_0 + X b, backward gradient = [1 X]' residual.
 *
 * The order of every sum is a function of the shape alone, so any vector width gives the same bits:
 *
 *   dot product   SX_LANES partial sums, merged in one fixed tree.  Column j goes to lane j mod SX_LANES; the
 *                 last p mod SX_LANES columns go to the lanes they have in the last SX_LANES columns, where
 *                 the others meet a coefficient of zero.
 *   gradient      two chains for each column, over the even and the odd rows of a tile, so that one addition need
 *                 not wait for the other.
 *
 * Rows shorter than SX_LANES are plain chains.
 */
#ifndef SX_LINEAR_H
#define SX_LINEAR_H

#include "sx_base.h"
#include "sx_vector.h"

/* Rows whose dot products run side by side, to hide the latency of a chain. */
#define SX_DOT_ROWS 4
/* Vectors of up to two gradients held in registers, two chains each, while a tile of rows runs past. */
#ifndef SX_BACKWARD_VECTORS
#define SX_BACKWARD_VECTORS 3
#endif
/* Columns up to which the next tile of rows is fetched ahead. */
#define SX_PREFETCH_COLUMNS 32
/* Rows of the next tile that are asked for at once between two parts of the arithmetic of this one. */
#define SX_PREFETCH_ROWS 16
#define SX_LANE_VECTORS (SX_LANES / SX_VECTOR_LENGTH)
/* Coefficient vectors that share what is loaded of X; more where a target has registers for them. */
#ifndef SX_DOT_RHS
#define SX_DOT_RHS 1
#endif

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

/* out[h][r] = x_r'b_h for n_rows rows of n >= SX_LANES columns, `stride` apart, and n_rhs vectors b, `ldb` apart, which
 * share what is loaded of x.  `tail` holds the coefficients of the last SX_LANES columns of each b, zero where they have
 * been met before; out has a column of SX_TILE for each b. */
SX_INLINE void sx_dot_rows(const int n_rows, const int n_rhs, ptrdiff_t n, const double *restrict x,
                           ptrdiff_t stride, const double *restrict b, ptrdiff_t ldb,
                           const double *restrict tail, double *restrict out)
{
    sx_vector sum[SX_DOT_RHS][SX_DOT_ROWS][SX_LANE_VECTORS];
    const ptrdiff_t whole = n / SX_LANES * SX_LANES;
    for (int h = 0; h < n_rhs; ++h)
        for (int r = 0; r < n_rows; ++r)
            for (int v = 0; v < SX_LANE_VECTORS; ++v) sum[h][r][v] = sx_broadcast(0.0);
    for (ptrdiff_t j = 0; j < whole; j += SX_LANES) {
        for (int v = 0; v < SX_LANE_VECTORS; ++v) {
            const ptrdiff_t at = j + v * SX_VECTOR_LENGTH;
            for (int r = 0; r < n_rows; ++r) {
                const sx_vector a = sx_load(x + r * stride + at);
                for (int h = 0; h < n_rhs; ++h)
                    sum[h][r][v] = SX_VECTOR_FMA(a, sx_load(b + h * ldb + at), sum[h][r][v]);
            }
        }
    }
    if (whole < n) {
        for (int v = 0; v < SX_LANE_VECTORS; ++v) {
            const ptrdiff_t at = v * SX_VECTOR_LENGTH;
            for (int r = 0; r < n_rows; ++r) {
                const sx_vector a = sx_load(x + r * stride + n - SX_LANES + at);
                for (int h = 0; h < n_rhs; ++h)
                    sum[h][r][v] = SX_VECTOR_FMA(a, sx_load(tail + h * SX_LANES + at), sum[h][r][v]);
            }
        }
    }
    for (int h = 0; h < n_rhs; ++h) {
        double lanes[SX_DOT_ROWS * SX_LANES];
        for (int r = 0; r < n_rows; ++r)
            for (int v = 0; v < SX_LANE_VECTORS; ++v)
                sx_store(lanes + r * SX_LANES + v * SX_VECTOR_LENGTH, sum[h][r][v]);
        if (n_rows == SX_DOT_ROWS)
            sx_merge_four_lanes(lanes, out + h * SX_TILE);
        else
            for (int r = 0; r < n_rows; ++r) out[h * SX_TILE + r] = sx_merge_lanes(lanes + r * SX_LANES);
    }
}

/* eta_i = x_i'b, i < n_rows, for rows of n columns. */
SX_INLINE void sx_dot_short_of(const int n, ptrdiff_t n_rows, const double *restrict x, ptrdiff_t stride,
                               const double *restrict b, double *restrict eta)
{
    for (ptrdiff_t i = 0; i < n_rows; ++i) {
        double sum = 0.0;
        for (int j = 0; j < n; ++j) sum = SX_FMA(x[i * stride + j], b[j], sum);
        eta[i] = sum;
    }
}

/* The same for rows shorter than SX_LANES, without a loop in the loop. */
SX_INLINE void sx_dot_short(ptrdiff_t n_rows, ptrdiff_t n, const double *restrict x, ptrdiff_t stride,
                            const double *restrict b, double *restrict eta)
{
    switch (n) {
    case 0: sx_dot_short_of(0, n_rows, x, stride, b, eta); break;
    case 1: sx_dot_short_of(1, n_rows, x, stride, b, eta); break;
    case 2: sx_dot_short_of(2, n_rows, x, stride, b, eta); break;
    case 3: sx_dot_short_of(3, n_rows, x, stride, b, eta); break;
    case 4: sx_dot_short_of(4, n_rows, x, stride, b, eta); break;
    case 5: sx_dot_short_of(5, n_rows, x, stride, b, eta); break;
    case 6: sx_dot_short_of(6, n_rows, x, stride, b, eta); break;
    default: sx_dot_short_of(7, n_rows, x, stride, b, eta); break;
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

/* Ask for n rows of a later tile, from row `start` on, where tiles are small. */
SX_INLINE void sx_prefetch_rows(sx_tile rows, ptrdiff_t start, ptrdiff_t n, ptrdiff_t p)
{
    if (p > SX_PREFETCH_COLUMNS) return;
    const uintptr_t row = (uintptr_t)rows.stride * sizeof(double), length = (uintptr_t)p * sizeof(double);
    uintptr_t from = (uintptr_t)rows.data + (uintptr_t)start * row;
    if (rows.stride == p) { /* one row after the other: as one piece, lines of two rows once */
        const uintptr_t end = from + (uintptr_t)n * row;
        for (; from < end; from += SX_CACHE_LINE) SX_PREFETCH(from);
        return;
    }
    for (ptrdiff_t i = 0; i < n; ++i, from += row) /* row by row: what lies between them is not wanted */
        for (uintptr_t at = 0; at < length; at += SX_CACHE_LINE) SX_PREFETCH(from + at);
}

/* The dot products of all n rows of a tile. */
SX_INLINE void sx_dot_tile(const int n_rhs, sx_tile rows, ptrdiff_t n, ptrdiff_t p, const double *restrict b,
                           ptrdiff_t ldb, double *restrict eta)
{
    double tail[SX_DOT_RHS * SX_LANES];
    for (int h = 0; h < n_rhs; ++h)
        for (ptrdiff_t l = 0; l < SX_LANES; ++l)
            tail[h * SX_LANES + l] = l < SX_LANES - p % SX_LANES ? 0.0 : b[h * ldb + p - SX_LANES + l];
    ptrdiff_t i = 0;
    for (; i + SX_DOT_ROWS <= n; i += SX_DOT_ROWS)
        sx_dot_rows(SX_DOT_ROWS, n_rhs, p, rows.data + i * rows.stride, rows.stride, b, ldb, tail, eta + i);
    for (; i < n; ++i) sx_dot_rows(1, n_rhs, p, rows.data + i * rows.stride, rows.stride, b, ldb, tail, eta + i);
}

/* eta_hi = ((b_h0 + x_i'b_h) + offset_ih), i < n, a column of SX_TILE for each of n_logits logits.  coef holds their
 * vectors one after the other, the intercept first when `intercept` is set; offset, n_logits in a row, may be NULL. */
SX_KERNEL void sx_linear_forward(ptrdiff_t n_logits, sx_tile rows, ptrdiff_t n, ptrdiff_t p, int intercept,
                                 const double *restrict coef, const double *restrict offset,
                                 double *restrict eta)
{
    const ptrdiff_t k = p + intercept;
    const double *b = intercept ? coef + 1 : coef;
    for (ptrdiff_t h = 0; h < n_logits;) {
        double *columns = eta + h * SX_TILE;
        const ptrdiff_t together = p < SX_LANES ? 1 : sx_min(SX_DOT_RHS, n_logits - h);
        if (p < SX_LANES)
            sx_dot_short(n, p, rows.data, rows.stride, b + h * k, columns);
        else if (together == 1)
            sx_dot_tile(1, rows, n, p, b + h * k, k, columns);
        else
            sx_dot_tile(SX_DOT_RHS, rows, n, p, b + h * k, k, columns);
        h += together;
    }
    for (ptrdiff_t h = 0; h < n_logits; ++h) {
        double *column = eta + h * SX_TILE;
        const double b_0 = intercept ? coef[h * k] : 0.0;
        for (ptrdiff_t i = 0; i < n; ++i) column[i] = b_0 + column[i];
        if (offset)
            for (ptrdiff_t i = 0; i < n; ++i) column[i] += offset[i * n_logits + h];
    }
}

/* g_c = sum_i r_i x_ic over n rows, for one or two columns r of residuals (SX_TILE apart) and their gradients g
 * (`ldg` apart), n_vectors vectors of x: one after the other, but the last one starts at column `last`, which may
 * repeat columns of the one before.  The row `ahead` bytes further on is asked for. */
SX_INLINE void sx_backward_panel(const int n_vectors, const int n_rhs, ptrdiff_t n, const double *restrict x,
                                 ptrdiff_t stride, ptrdiff_t last, uintptr_t ahead, const double *restrict r,
                                 double *restrict g, ptrdiff_t ldg)
{
    sx_vector even[2][SX_BACKWARD_VECTORS], odd[2][SX_BACKWARD_VECTORS];
    for (int h = 0; h < n_rhs; ++h)
        for (int v = 0; v < n_vectors; ++v) even[h][v] = odd[h][v] = sx_broadcast(0.0);
    ptrdiff_t i = 0;
    for (; i + 1 < n; i += 2) {
        const double *row = x + i * stride, *next = row + stride;
        if (ahead)
            for (int v = 0; v < n_vectors; ++v) {
                SX_PREFETCH((uintptr_t)(row + v * SX_VECTOR_LENGTH) + ahead);
                SX_PREFETCH((uintptr_t)(next + v * SX_VECTOR_LENGTH) + ahead);
            }
        for (int v = 0; v < n_vectors; ++v) {
            const ptrdiff_t at = v < n_vectors - 1 ? v * SX_VECTOR_LENGTH : last;
            const sx_vector a = sx_load(row + at), b = sx_load(next + at);
            for (int h = 0; h < n_rhs; ++h) {
                even[h][v] = SX_VECTOR_FMA(sx_broadcast(r[h * SX_TILE + i]), a, even[h][v]);
                odd[h][v] = SX_VECTOR_FMA(sx_broadcast(r[h * SX_TILE + i + 1]), b, odd[h][v]);
            }
        }
    }
    for (int v = 0; v < n_vectors; ++v) {
        const ptrdiff_t at = v < n_vectors - 1 ? v * SX_VECTOR_LENGTH : last;
        for (int h = 0; h < n_rhs; ++h) {
            if (i < n)
                even[h][v] = SX_VECTOR_FMA(sx_broadcast(r[h * SX_TILE + i]), sx_load(x + i * stride + at), even[h][v]);
            sx_store(g + h * ldg + at, even[h][v] + odd[h][v]);
        }
    }
}

/* The same for rows of p columns, fewer than a vector: all chains of a row side by side (one column after the other,
 * each addition waited for the one before it: 4.9 us of a pass over 500 x 5). */
SX_INLINE void sx_backward_short(const int p, const int n_rhs, ptrdiff_t n, sx_tile rows, const double *restrict r,
                                 double *restrict g, ptrdiff_t ldg)
{
    double even[2][8], odd[2][8]; /* p < 8 of each */
    for (int h = 0; h < n_rhs; ++h)
        for (int j = 0; j < p; ++j) even[h][j] = odd[h][j] = 0.0;
    ptrdiff_t i = 0;
    for (; i + 1 < n; i += 2) {
        const double *row = rows.data + i * rows.stride, *next = row + rows.stride;
        for (int h = 0; h < n_rhs; ++h)
            for (int j = 0; j < p; ++j) {
                even[h][j] = SX_FMA(r[h * SX_TILE + i], row[j], even[h][j]);
                odd[h][j] = SX_FMA(r[h * SX_TILE + i + 1], next[j], odd[h][j]);
            }
    }
    for (int h = 0; h < n_rhs; ++h)
        for (int j = 0; j < p; ++j) {
            if (i < n) even[h][j] = SX_FMA(r[h * SX_TILE + i], rows.data[i * rows.stride + j], even[h][j]);
            g[h * ldg + j] = even[h][j] + odd[h][j];
        }
}

/* g = X' r over one tile, for one column r or two. */
SX_INLINE void sx_backward_columns(const int n_rhs, sx_tile rows, ptrdiff_t n, ptrdiff_t p,
                                   const double *restrict r, double *restrict g, ptrdiff_t ldg)
{
    if (p < SX_VECTOR_LENGTH) {
        switch (p) {
        case 0: break;
        case 1: sx_backward_short(1, n_rhs, n, rows, r, g, ldg); break;
#if SX_VECTOR_BYTES > 16
        case 2: sx_backward_short(2, n_rhs, n, rows, r, g, ldg); break;
        case 3: sx_backward_short(3, n_rhs, n, rows, r, g, ldg); break;
#endif
#if SX_VECTOR_BYTES > 32
        case 4: sx_backward_short(4, n_rhs, n, rows, r, g, ldg); break;
        case 5: sx_backward_short(5, n_rhs, n, rows, r, g, ldg); break;
        case 6: sx_backward_short(6, n_rhs, n, rows, r, g, ldg); break;
        default: sx_backward_short(7, n_rhs, n, rows, r, g, ldg); break;
#endif
        }
        return;
    }
    /* Where a tile is small, fetch the next one while this one is worked on: 2,000,000 x 20 went from 14.8 to
     * 12.6 ms, with 9.7 ms for reading alone; 500,000 x 100, whose tile fills the cache, from 12.0 to 14.0. */
    const uintptr_t ahead = p <= SX_PREFETCH_COLUMNS ? (uintptr_t)rows.stride * (SX_TILE * sizeof(double)) : 0;
    ptrdiff_t vectors = (p + SX_VECTOR_LENGTH - 1) / SX_VECTOR_LENGTH;
    ptrdiff_t panels = (vectors + SX_BACKWARD_VECTORS - 1) / SX_BACKWARD_VECTORS;
    for (ptrdiff_t j = 0; j < p; --panels) { /* panels of about the same width */
        const ptrdiff_t n_vectors = (vectors + panels - 1) / panels;
        const ptrdiff_t width = sx_min(p - j, n_vectors * SX_VECTOR_LENGTH);
        const ptrdiff_t last = width - SX_VECTOR_LENGTH; /* negative: the last vector starts before j */
        const double *x = rows.data + j;
        switch (n_vectors) {
        case 1: sx_backward_panel(1, n_rhs, n, x, rows.stride, last, ahead, r, g + j, ldg); break;
        case 2: sx_backward_panel(2, n_rhs, n, x, rows.stride, last, ahead, r, g + j, ldg); break;
        case 3: sx_backward_panel(3, n_rhs, n, x, rows.stride, last, ahead, r, g + j, ldg); break;
#if SX_BACKWARD_VECTORS > 3
        case 4: sx_backward_panel(4, n_rhs, n, x, rows.stride, last, ahead, r, g + j, ldg); break;
        case 5: sx_backward_panel(5, n_rhs, n, x, rows.stride, last, ahead, r, g + j, ldg); break;
        default: sx_backward_panel(6, n_rhs, n, x, rows.stride, last, ahead, r, g + j, ldg); break;
#endif
        }
        j += width;
        vectors -= n_vectors;
    }
}

/* sum_i r_i in SX_LANES partial sums: row i goes to lane i mod SX_LANES. */
SX_INLINE double sx_sum_lanes(ptrdiff_t n, const double *restrict r)
{
    double lane[SX_LANES] = {0.0};
    ptrdiff_t i = 0;
    for (; i + SX_LANES <= n; i += SX_LANES)
        for (int l = 0; l < SX_LANES; ++l) lane[l] += r[i + l];
    for (; i < n; ++i) lane[i % SX_LANES] += r[i];
    return sx_merge_lanes(lane);
}

/* gradient_h += [1 X]' r_h over one tile, for one column of residuals or two, SX_TILE apart; `gradient` holds a
 * pointer for each, `partial` is work space of 2 p. */
SX_KERNEL void sx_linear_backward(const int n_rhs, sx_tile rows, ptrdiff_t n, ptrdiff_t p, int intercept,
                                  const double *restrict r, double *restrict partial, double *const *gradient)
{
    if (n_rhs == 1)
        sx_backward_columns(1, rows, n, p, r, partial, p);
    else
        sx_backward_columns(2, rows, n, p, r, partial, p);
    for (int h = 0; h < n_rhs; ++h) {
        double *g = gradient[h];
        if (intercept) g[0] += sx_sum_lanes(n, r + h * SX_TILE);
        for (ptrdiff_t c = 0; c < p; ++c) g[intercept + c] += partial[h * p + c];
    }
}

#endif /* SX_LINEAR_H */
