/* The gradient in double-double, [1 X]' residual, summed over a whole block of rows, and the largest |x_ij| on the way:
 * see sx_linear_dd.h.
 */
#ifndef SX_BACKWARD_DD_H
#define SX_BACKWARD_DD_H

#include "sx_linear_dd.h"

/* Doubles that hold one word of a column sum of p columns.  p >= SX_LANES: vectors of columns one after the other, the
 * last one of the last columns, so that it may repeat some of those before it, bits and all.  Else: SX_LANES for each
 * column. */
SX_INLINE ptrdiff_t sx_dd_sums_length(ptrdiff_t p)
{
    return p < SX_LANES ? p * SX_LANES : (p + SX_VECTOR_LENGTH - 1) / SX_VECTOR_LENGTH * SX_VECTOR_LENGTH;
}

/* high_c + low_c += sum_i r_i x_ic over n rows, and largest_c = max(largest_c, |x_ic|) where it is not NULL, for
 * n_vectors vectors of columns, the last of which starts at column `last`.  The row `ahead` bytes further on is asked
 * for. */
SX_INLINE void sx_backward_panel_dd(const int n_vectors, const int sizes, ptrdiff_t n, const double *restrict x,
                                    ptrdiff_t stride, ptrdiff_t last, uintptr_t ahead, const double *restrict r,
                                    double *restrict high, double *restrict low, double *restrict largest)
{
    sx_vector sum[SX_BACKWARD_VECTORS], rest[SX_BACKWARD_VECTORS], size[SX_BACKWARD_VECTORS];
    for (int v = 0; v < n_vectors; ++v) {
        sum[v] = sx_load(high + v * SX_VECTOR_LENGTH);
        rest[v] = sx_load(low + v * SX_VECTOR_LENGTH);
        if (sizes) size[v] = sx_load(largest + v * SX_VECTOR_LENGTH);
    }
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double *row = x + i * stride;
        const sx_vector a = sx_broadcast(r[i]);
        if (ahead)
            for (int v = 0; v < n_vectors; ++v) SX_PREFETCH((uintptr_t)(row + v * SX_VECTOR_LENGTH) + ahead);
        for (int v = 0; v < n_vectors; ++v) {
            const sx_vector c = sx_load(row + (v < n_vectors - 1 ? v * SX_VECTOR_LENGTH : last));
            sx_add_product(sum + v, rest + v, a, c);
            if (sizes) size[v] = SX_VECTOR_MAX(sx_vector_abs(c), size[v]);
        }
    }
    for (int v = 0; v < n_vectors; ++v) {
        sx_store(high + v * SX_VECTOR_LENGTH, sum[v]);
        sx_store(low + v * SX_VECTOR_LENGTH, rest[v]);
        if (sizes) sx_store(largest + v * SX_VECTOR_LENGTH, size[v]);
    }
}

/* The same for columns j < p < SX_LANES of a tile, and residuals padded with zeros as they are. */
SX_INLINE void sx_backward_columns_dd(const int sizes, const sx_dd_tile *tile, const double *restrict r,
                                      double *restrict high, double *restrict low, double *restrict largest)
{
    for (ptrdiff_t j = 0; j < tile->p; ++j) {
        for (ptrdiff_t v = j * SX_LANES; v < (j + 1) * SX_LANES; v += SX_VECTOR_LENGTH) {
            sx_vector sum = sx_load(high + v), rest = sx_load(low + v), size = sx_broadcast(0.0);
            if (sizes) size = sx_load(largest + v);
            for (ptrdiff_t i = v % SX_LANES; i < tile->n; i += SX_LANES) {
                const sx_vector c = sx_load(tile->columns + j * SX_TILE + i);
                sx_add_product(&sum, &rest, sx_load(r + i), c);
                if (sizes) size = SX_VECTOR_MAX(sx_vector_abs(c), size);
            }
            sx_store(high + v, sum);
            sx_store(low + v, rest);
            if (sizes) sx_store(largest + v, size);
        }
    }
}

/* The panels of a tile for p >= SX_LANES. */
SX_INLINE void sx_backward_panels_dd(const int sizes, const sx_dd_tile *tile, const double *restrict r,
                                     double *restrict high, double *restrict low, double *restrict largest)
{
    const ptrdiff_t p = tile->p, n = tile->n, stride = tile->rows.stride;
    const uintptr_t ahead = p <= SX_PREFETCH_COLUMNS ? (uintptr_t)stride * (SX_TILE * sizeof(double)) : 0;
    ptrdiff_t vectors = (p + SX_VECTOR_LENGTH - 1) / SX_VECTOR_LENGTH;
    ptrdiff_t panels = (vectors + SX_BACKWARD_VECTORS - 1) / SX_BACKWARD_VECTORS;
    for (ptrdiff_t j = 0; j < p; --panels) { /* panels of about the same width */
        const ptrdiff_t n_vectors = (vectors + panels - 1) / panels;
        const ptrdiff_t width = sx_min(p - j, n_vectors * SX_VECTOR_LENGTH), last = width - SX_VECTOR_LENGTH;
        const double *x = tile->rows.data + j;
        double *s = high + j, *t = low + j, *l = sizes ? largest + j : NULL;
        switch (n_vectors) {
        case 1: sx_backward_panel_dd(1, sizes, n, x, stride, last, ahead, r, s, t, l); break;
        case 2: sx_backward_panel_dd(2, sizes, n, x, stride, last, ahead, r, s, t, l); break;
        case 3: sx_backward_panel_dd(3, sizes, n, x, stride, last, ahead, r, s, t, l); break;
#if SX_BACKWARD_VECTORS > 3
        case 4: sx_backward_panel_dd(4, sizes, n, x, stride, last, ahead, r, s, t, l); break;
        case 5: sx_backward_panel_dd(5, sizes, n, x, stride, last, ahead, r, s, t, l); break;
        default: sx_backward_panel_dd(6, sizes, n, x, stride, last, ahead, r, s, t, l); break;
#endif
        }
        j += width;
        vectors -= n_vectors;
    }
}

/* high + low += X' r over one tile, in words of sx_dd_sums_length; r is padded with zeros to whole SX_LANES.  Where
 * `largest` is not NULL it becomes the largest of itself and |x_ij|. */
SX_KERNEL void sx_linear_backward_dd(const sx_dd_tile *tile, const double *restrict r, double *restrict high,
                                     double *restrict low, double *restrict largest)
{
    if (tile->p < SX_LANES && largest)
        sx_backward_columns_dd(1, tile, r, high, low, largest);
    else if (tile->p < SX_LANES)
        sx_backward_columns_dd(0, tile, r, high, low, NULL);
    else if (largest)
        sx_backward_panels_dd(1, tile, r, high, low, largest);
    else
        sx_backward_panels_dd(0, tile, r, high, low, NULL);
}

/* Where column c of p >= SX_LANES columns lies among the words of its sums. */
SX_INLINE ptrdiff_t sx_dd_sums_place(ptrdiff_t p, ptrdiff_t c)
{
    const ptrdiff_t last = sx_dd_sums_length(p) - SX_VECTOR_LENGTH; /* the last vector: the last columns */
    return c < last ? c : last + c - (p - SX_VECTOR_LENGTH);
}

/* Sums of p columns out of their words: rounded, and the rest. */
SX_INLINE void sx_dd_sums_total(ptrdiff_t p, const double *high, const double *low, double *out, double *out_low)
{
    for (ptrdiff_t c = 0; c < p; ++c) {
        const ptrdiff_t at = p < SX_LANES ? c * SX_LANES : sx_dd_sums_place(p, c);
        sx_dd sum = {high[at], low[at]};
        if (p < SX_LANES) sum = sx_merge_lanes_dd(high + at, low + at);
        sum = sx_dd_rounded(sum);
        out[c] = sum.high;
        out_low[c] = sum.low;
    }
}

SX_INLINE void sx_dd_sums_largest(ptrdiff_t p, const double *largest, double *out)
{
    for (ptrdiff_t c = 0; c < p; ++c) {
        const ptrdiff_t at = p < SX_LANES ? c * SX_LANES : sx_dd_sums_place(p, c);
        out[c] = largest[at];
        for (ptrdiff_t l = 1; p < SX_LANES && l < SX_LANES; ++l)
            out[c] = largest[at + l] > out[c] ? largest[at + l] : out[c];
    }
}

#endif /* SX_BACKWARD_DD_H */
