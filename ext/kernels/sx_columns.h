/* Between rows, as they lie in the arrays of a caller, and columns, as the kernels of a row want them: K columns
 * of `ld` doubles, one row of logits a lane.
 */
#ifndef SX_COLUMNS_H
#define SX_COLUMNS_H

#include "sx_base.h"
#include "sx_vector.h"

/* Rows that the kernels of K classes take at a time: up to SX_TILE, fewer where their columns would leave the
 * first cache.  Nothing is summed over these rows in an order that depends on it. */
#define SX_COLUMNS_ELEMENTS 2048
SX_INLINE ptrdiff_t sx_columns_rows(ptrdiff_t K)
{
    const ptrdiff_t rows = SX_COLUMNS_ELEMENTS / (K > 0 ? K : 1) / SX_LANES * SX_LANES;
    return rows < SX_LANES ? SX_LANES : sx_min(rows, SX_TILE);
}

/* to[c * to_stride + r] = from[r * from_stride + c] for r < rows, c < cols; blocks of 4 x 4 where they fit, the
 * last of them over what is already there. */
SX_INLINE void sx_transpose(ptrdiff_t rows, ptrdiff_t cols, const double *restrict from, ptrdiff_t from_stride,
                            double *restrict to, ptrdiff_t to_stride)
{
#if SX_HAVE_SHUFFLE
    typedef double quad __attribute__((vector_size(32), aligned(8), may_alias));
    if (rows >= 4 && cols >= 4) {
        for (ptrdiff_t r = 0; r < rows; r += 4) {
            if (r + 4 > rows) r = rows - 4;
            for (ptrdiff_t c = 0; c < cols; c += 4) {
                if (c + 4 > cols) c = cols - 4;
                const double *x = from + r * from_stride + c;
                const quad a = *(const quad *)x, b = *(const quad *)(x + from_stride);
                const quad d = *(const quad *)(x + 2 * from_stride), e = *(const quad *)(x + 3 * from_stride);
                const quad ab_even = __builtin_shufflevector(a, b, 0, 4, 2, 6);
                const quad ab_odd = __builtin_shufflevector(a, b, 1, 5, 3, 7);
                const quad de_even = __builtin_shufflevector(d, e, 0, 4, 2, 6);
                const quad de_odd = __builtin_shufflevector(d, e, 1, 5, 3, 7);
                double *z = to + c * to_stride + r;
                *(quad *)z = __builtin_shufflevector(ab_even, de_even, 0, 1, 4, 5);
                *(quad *)(z + to_stride) = __builtin_shufflevector(ab_odd, de_odd, 0, 1, 4, 5);
                *(quad *)(z + 2 * to_stride) = __builtin_shufflevector(ab_even, de_even, 2, 3, 6, 7);
                *(quad *)(z + 3 * to_stride) = __builtin_shufflevector(ab_odd, de_odd, 2, 3, 6, 7);
            }
        }
        return;
    }
#endif
    for (ptrdiff_t c = 0; c < cols; ++c)
        for (ptrdiff_t r = 0; r < rows; ++r) to[c * to_stride + r] = from[r * from_stride + c];
}

/* Memory that a tile will want soon, asked for in parts while its arithmetic goes on: the rows to be read next and
 * those to be written now.  0 where there are none, or where they do not lie side by side. */
typedef struct {
    uintptr_t read;
    uintptr_t write;
    uintptr_t part; /* bytes to ask for at a time */
    ptrdiff_t rows; /* rows of a class between two parts */
} sx_ahead;

SX_INLINE sx_ahead sx_ahead_of(const sx_rows *rows, ptrdiff_t start, ptrdiff_t n, const sx_rows_out *out)
{
    const ptrdiff_t K = rows->n_cols, next = start + n;
    const int reads = rows->col_stride == 1 && rows->row_stride == K && next + n <= rows->n_rows;
    const int writes = out && out->data && out->col_stride == 1 && out->row_stride == K;
    return (sx_ahead){reads ? (uintptr_t)(rows->data + next * K) : 0,
                      writes ? (uintptr_t)(out->data + start * K) : 0, (uintptr_t)n * sizeof(double), n};
}

SX_INLINE void sx_ahead_part(const sx_ahead *ahead, ptrdiff_t part)
{
    const uintptr_t first = (uintptr_t)part * ahead->part;
    for (uintptr_t at = first; at < first + ahead->part; at += SX_CACHE_LINE) {
        if (ahead->read) SX_PREFETCH_LATER(ahead->read + at);
        if (ahead->write) SX_PREFETCH_WRITE(ahead->write + at);
    }
}

/* Columns of n rows of `rows` from row `start` on. */
SX_INLINE void sx_to_columns(const sx_rows *rows, ptrdiff_t start, ptrdiff_t n, double *restrict columns,
                             ptrdiff_t ld)
{
    const double *from = rows->data + start * rows->row_stride;
    if (rows->col_stride == 1) {
        sx_transpose(n, rows->n_cols, from, rows->row_stride, columns, ld);
    } else if (rows->row_stride == 1) {
        for (ptrdiff_t k = 0; k < rows->n_cols; ++k)
            memcpy(columns + k * ld, from + k * rows->col_stride, (size_t)n * sizeof *columns);
    } else {
        for (ptrdiff_t k = 0; k < rows->n_cols; ++k)
            for (ptrdiff_t i = 0; i < n; ++i)
                columns[k * ld + i] = from[i * rows->row_stride + k * rows->col_stride];
    }
}

/* n rows of K from columns, from row `start` of `rows` on. */
SX_INLINE void sx_to_rows(const double *restrict columns, ptrdiff_t ld, ptrdiff_t K, ptrdiff_t n,
                          const sx_rows_out *rows, ptrdiff_t start)
{
    double *to = rows->data + start * rows->row_stride;
    if (rows->col_stride == 1) {
        sx_transpose(K, n, columns, ld, to, rows->row_stride);
    } else if (rows->row_stride == 1) {
        for (ptrdiff_t k = 0; k < K; ++k)
            memcpy(to + k * rows->col_stride, columns + k * ld, (size_t)n * sizeof *columns);
    } else {
        for (ptrdiff_t k = 0; k < K; ++k)
            for (ptrdiff_t i = 0; i < n; ++i)
                to[i * rows->row_stride + k * rows->col_stride] = columns[k * ld + i];
    }
}

/* The column of the reference class: its logit is 0. */
SX_INLINE void sx_reference_column(double *z)
{
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) z[i] = 0.0;
}

#endif /* SX_COLUMNS_H */
