/* The weighted Gram matrix G = X' diag(h) X, one tile of rows after the other.
 *
 * A tile is copied once, into L2, padded with zero columns: A = diag(sqrt(h)) X, G += A'A.  Where h can be
 * negative (two classes of a softmax) it takes two copies, B = X and A = diag(h) X, G += A'B.  The
 * micro-kernel holds SX_GRAM_ROWS x SX_GRAM_VECTORS vectors of outputs in registers and runs down the rows: each
 * output is one chain over all rows, so neither the size of the register tile nor the vector width changes a
 * bit.  Only tiles that touch the upper triangle are computed; sx_gram_mirror fills the rest.
 *
 * Cost: n p^2 flops.
 */
#ifndef SX_GRAM_H
#define SX_GRAM_H

#include <math.h>

#include "sx_linear.h"
#include "sx_vector.h"

/* The register tile: SX_GRAM_ROWS x up to SX_GRAM_VECTORS vectors.  Any target's tile divides the padding. */
#ifndef SX_GRAM_ROWS
#define SX_GRAM_ROWS 4
#define SX_GRAM_VECTORS 2
#endif
#define SX_GRAM_COLS (SX_GRAM_VECTORS * SX_VECTOR_LENGTH)
#define SX_GRAM_PAD 8

/* Rows that run past a register tile before the next one takes its place: as many tiles of rows as fit into
 * SX_GRAM_PANEL doubles of L2, so that loading and storing the outputs is spread over more of them (p = 20: 13.4 to
 * 11.8 ns a row).  An output is one chain over all rows either way.  Half-length vectors, which leave less of a small G
 * to padding, were slower: they have half the rate. */
#define SX_GRAM_PANEL 16384
/* Doubles of X that are fetched into L2 meanwhile, at most. */
#define SX_GRAM_AHEAD 32768
SX_INLINE ptrdiff_t sx_gram_panel_rows(ptrdiff_t width)
{
    const ptrdiff_t tiles = SX_GRAM_PANEL / (SX_TILE * (width > 0 ? width : 1));
    return SX_TILE * (tiles < 1 ? 1 : tiles);
}

SX_INLINE ptrdiff_t sx_gram_width(ptrdiff_t k)
{
    return (k + SX_GRAM_PAD - 1) / SX_GRAM_PAD * SX_GRAM_PAD;
}

/* n rows of A = diag(scale) X, n_vectors vectors each, of which the last starts at column `last`. */
SX_INLINE void sx_gram_pack_rows(const ptrdiff_t n_vectors, ptrdiff_t n, const double *restrict x,
                                 ptrdiff_t stride, ptrdiff_t last, ptrdiff_t width,
                                 const double *restrict scale, double *restrict A)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        const sx_vector h = sx_broadcast(scale[i]);
        for (ptrdiff_t v = 0; v < n_vectors; ++v) {
            const ptrdiff_t at = v < n_vectors - 1 ? v * SX_VECTOR_LENGTH : last;
            sx_store(A + i * width + at, h * sx_load(x + i * stride + at));
        }
    }
}

/* The same for rows of p columns, fewer than a vector. */
SX_INLINE void sx_gram_pack_short(const int p, ptrdiff_t n, sx_tile rows, ptrdiff_t width,
                                  const double *restrict scale, double *restrict A)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        for (int j = 0; j < p; ++j) A[i * width + j] = scale[i] * rows.data[i * rows.stride + j];
}

/* A = diag(scale) X, rows of `width` doubles; what lies beyond p in them is left as it is. */
SX_KERNEL void sx_gram_pack(sx_tile rows, ptrdiff_t n, ptrdiff_t p, ptrdiff_t width,
                            const double *restrict scale, double *restrict A)
{
    const ptrdiff_t n_vectors = (p + SX_VECTOR_LENGTH - 1) / SX_VECTOR_LENGTH, last = p - SX_VECTOR_LENGTH;
    if (last < 0) { /* fewer columns than a vector: SX_GRAM_PAD - 1 at most */
        switch (p) {
        case 0: break;
        case 1: sx_gram_pack_short(1, n, rows, width, scale, A); break;
#if SX_VECTOR_BYTES > 16
        case 2: sx_gram_pack_short(2, n, rows, width, scale, A); break;
        case 3: sx_gram_pack_short(3, n, rows, width, scale, A); break;
#endif
#if SX_VECTOR_BYTES > 32
        case 4: sx_gram_pack_short(4, n, rows, width, scale, A); break;
        case 5: sx_gram_pack_short(5, n, rows, width, scale, A); break;
        case 6: sx_gram_pack_short(6, n, rows, width, scale, A); break;
        default: sx_gram_pack_short(7, n, rows, width, scale, A); break;
#endif
        }
        return;
    }
    switch (n_vectors) { /* short rows, without a loop in the loop */
    case 1: sx_gram_pack_rows(1, n, rows.data, rows.stride, last, width, scale, A); break;
    case 2: sx_gram_pack_rows(2, n, rows.data, rows.stride, last, width, scale, A); break;
    case 3: sx_gram_pack_rows(3, n, rows.data, rows.stride, last, width, scale, A); break;
    case 4: sx_gram_pack_rows(4, n, rows.data, rows.stride, last, width, scale, A); break;
    case 5: sx_gram_pack_rows(5, n, rows.data, rows.stride, last, width, scale, A); break;
    case 6: sx_gram_pack_rows(6, n, rows.data, rows.stride, last, width, scale, A); break;
    default: sx_gram_pack_rows(n_vectors, n, rows.data, rows.stride, last, width, scale, A);
    }
}

/* root = sqrt(h), h >= 0. */
SX_INLINE void sx_gram_roots(ptrdiff_t n, const double *h, double *root)
{
    for (ptrdiff_t i = 0; i < n; ++i) root[i] = sqrt(h[i]);
}

/* Memory that is wanted after a Gram matrix, asked for line by line while its rows run past: nothing else needs
 * the memory then.  from = to: nothing. */
typedef struct {
    uintptr_t from;
    uintptr_t to;
} sx_gram_ahead;

/* The next rows of X, up to as many as a panel has, while they fit into L2 beside the copy. */
SX_INLINE sx_gram_ahead sx_gram_ahead_of(const sx_rows *X, ptrdiff_t next, ptrdiff_t panel)
{
    const ptrdiff_t n = sx_min(panel, X->n_rows - next), length = n * X->row_stride;
    if (n <= 0 || X->col_stride != 1 || X->row_stride != X->n_cols || length > SX_GRAM_AHEAD)
        return (sx_gram_ahead){0, 0};
    const uintptr_t from = (uintptr_t)(X->data + next * X->row_stride);
    return (sx_gram_ahead){from, from + (uintptr_t)length * sizeof(double)};
}

/* Rows of a register tile that may hang below it, without its first vector: the last few rows of the triangle, which
 * alone would wait for one addition after the other. */
#define SX_GRAM_EXTRA 4
#define SX_GRAM_ALL (SX_GRAM_ROWS + SX_GRAM_EXTRA)

/* g[r][c] += sum_i a[i][r] b[i][c] for r < SX_GRAM_ROWS, c < n_vectors vectors, g with row stride ldg; and the same for
 * `extra` more rows from the second vector on. */
SX_INLINE void sx_gram_micro(const int n_vectors, const int extra, ptrdiff_t n, ptrdiff_t width,
                             const double *restrict a, const double *restrict b, double *restrict g,
                             ptrdiff_t ldg, sx_gram_ahead *restrict ahead)
{
    sx_vector sum[SX_GRAM_ALL][SX_GRAM_VECTORS];
    /* A step of 0 over b, which is there, where nothing is left: a condition in the loop would cost a third. */
    const uintptr_t step = ahead->from < ahead->to ? SX_CACHE_LINE : 0;
    uintptr_t later = step ? ahead->from : (uintptr_t)b;
    for (int r = 0; r < SX_GRAM_ROWS + extra; ++r)
        for (int v = r >= SX_GRAM_ROWS; v < n_vectors; ++v)
            sum[r][v] = sx_load(g + r * ldg + v * SX_VECTOR_LENGTH);
    for (ptrdiff_t i = 0; i < n; ++i) {
        sx_vector x[SX_GRAM_VECTORS];
        SX_PREFETCH_LATER(later);
        later += step;
        for (int v = 0; v < n_vectors; ++v) x[v] = sx_load(b + i * width + v * SX_VECTOR_LENGTH);
        for (int r = 0; r < SX_GRAM_ROWS + extra; ++r) {
            const sx_vector y = sx_broadcast(a[i * width + r]);
            for (int v = r >= SX_GRAM_ROWS; v < n_vectors; ++v) sum[r][v] = SX_VECTOR_FMA(y, x[v], sum[r][v]);
        }
    }
    if (step) ahead->from = later < ahead->to ? later : ahead->to;
    for (int r = 0; r < SX_GRAM_ROWS + extra; ++r)
        for (int v = r >= SX_GRAM_ROWS; v < n_vectors; ++v)
            sx_store(g + r * ldg + v * SX_VECTOR_LENGTH, sum[r][v]);
}

/* One register tile, n_vectors wide, of which rows x cols lie inside G. */
SX_INLINE void sx_gram_tile(const int n_vectors, const int extra, ptrdiff_t n, ptrdiff_t width, const double *a,
                            const double *b, double *g, ptrdiff_t ldg, ptrdiff_t rows, ptrdiff_t cols,
                            sx_gram_ahead *ahead)
{
    if (rows == SX_GRAM_ROWS + extra && cols == n_vectors * SX_VECTOR_LENGTH) {
        sx_gram_micro(n_vectors, extra, n, width, a, b, g, ldg, ahead);
        return;
    }
    double whole[SX_GRAM_ALL * SX_GRAM_COLS];
    memset(whole, 0, sizeof whole);
    for (ptrdiff_t r = 0; r < rows; ++r) memcpy(whole + r * SX_GRAM_COLS, g + r * ldg, (size_t)cols * sizeof *g);
    sx_gram_micro(n_vectors, extra, n, width, a, b, whole, SX_GRAM_COLS, ahead);
    for (ptrdiff_t r = 0; r < rows; ++r) memcpy(g + r * ldg, whole + r * SX_GRAM_COLS, (size_t)cols * sizeof *g);
}

/* Upper triangle of G += A'B over one tile of rows; G is k x k with row stride ldg. */
SX_KERNEL void sx_gram_add(ptrdiff_t n, ptrdiff_t k, ptrdiff_t width, const double *restrict A,
                           const double *restrict B, double *restrict G, ptrdiff_t ldg, sx_gram_ahead ahead)
{
    for (ptrdiff_t j = 0; j < k; j += SX_GRAM_ROWS) {
        const ptrdiff_t left = k - j, rows = sx_min(SX_GRAM_ROWS, left);
        ptrdiff_t l = j / SX_VECTOR_LENGTH * SX_VECTOR_LENGTH;
        if (SX_GRAM_ROWS == SX_VECTOR_LENGTH && left > SX_GRAM_ROWS && left <= SX_GRAM_ALL) {
            sx_gram_tile(2, SX_GRAM_EXTRA, n, width, A + j, B + j, G + j * ldg + j, ldg, left, left, &ahead);
            return;
        }
        while (l < k) {
            const ptrdiff_t cols = sx_min(SX_GRAM_COLS, k - l);
            const double *a = A + j, *b = B + l;
            double *g = G + j * ldg + l;
            if (cols > 2 * SX_VECTOR_LENGTH)
                sx_gram_tile(SX_GRAM_VECTORS, 0, n, width, a, b, g, ldg, rows, cols, &ahead);
            else if (cols > SX_VECTOR_LENGTH)
                sx_gram_tile(2, 0, n, width, a, b, g, ldg, rows, cols, &ahead);
            else
                sx_gram_tile(1, 0, n, width, a, b, g, ldg, rows, cols, &ahead);
            l += cols;
        }
    }
}

/* Lower triangle = upper triangle. */
SX_INLINE void sx_gram_mirror(ptrdiff_t k, double *restrict G, ptrdiff_t ldg)
{
    for (ptrdiff_t j = 1; j < k; ++j)
        for (ptrdiff_t l = 0; l < j; ++l) G[j * ldg + l] = G[l * ldg + j];
}

#endif /* SX_GRAM_H */
