/* The weighted Gram matrix G = [1 X]' diag(h) [1 X], one tile of rows after the other.
 *
 * A tile is copied twice, into L2: B = [1 X] and A = diag(h) B, both padded with zero columns to a
 * multiple of SX_GRAM_COLS.  The micro-kernel then holds SX_GRAM_ROWS x SX_GRAM_COLS outputs in registers
 * and runs down the rows: each output is one chain over all rows, so neither the size of the register
 * tile nor the vector width changes a bit.  Only tiles that touch the upper triangle are computed;
 * sx_gram_mirror fills the rest.
 *
 * Cost: n k^2 flops for k = intercept + p.
 */
#ifndef SX_GRAM_H
#define SX_GRAM_H

#include "sx_linear.h"

#if defined(__GNUC__) && !defined(SX_VECTOR_BYTES)
#define SX_VECTOR_BYTES 16
#endif
#if defined(__GNUC__)
typedef double sx_vector __attribute__((vector_size(SX_VECTOR_BYTES), aligned(8), may_alias));
#else
typedef double sx_vector;
#define SX_VECTOR_BYTES 8
#endif

#define SX_VECTOR_LENGTH ((ptrdiff_t)(SX_VECTOR_BYTES / sizeof(double)))
#ifndef SX_GRAM_ROWS
#define SX_GRAM_ROWS 4
#define SX_GRAM_VECTORS 2
#endif
#define SX_GRAM_COLS (SX_GRAM_VECTORS * SX_VECTOR_LENGTH)
/* Columns are padded so that any tile of any instruction set stays inside. */
#define SX_GRAM_PAD 32

SX_INLINE ptrdiff_t sx_gram_width(ptrdiff_t k)
{
    return (k + SX_GRAM_PAD - 1) / SX_GRAM_PAD * SX_GRAM_PAD;
}

/* B = [1 X], rows of `width` doubles. */
SX_INLINE void sx_gram_pack(sx_tile rows, ptrdiff_t n, ptrdiff_t p, int intercept, ptrdiff_t width,
                            double *restrict B)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        double *restrict b = B + i * width;
        const double *restrict x = rows.data + i * rows.stride;
        if (intercept) b[0] = 1.0;
        for (ptrdiff_t j = 0; j < p; ++j) b[intercept + j] = x[j];
        for (ptrdiff_t j = intercept + p; j < width; ++j) b[j] = 0.0;
    }
}

/* A = diag(h) B */
SX_INLINE void sx_gram_scale(ptrdiff_t n, ptrdiff_t width, const double *restrict h,
                             const double *restrict B, double *restrict A)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t j = 0; j < width; ++j) A[i * width + j] = h[i] * B[i * width + j];
}

/* g[r][c] += sum_i a[i][r] b[i][c] for r < SX_GRAM_ROWS, c < SX_GRAM_COLS, g with row stride ldg. */
SX_INLINE void sx_gram_micro(ptrdiff_t n, ptrdiff_t width, const double *restrict a,
                             const double *restrict b, double *restrict g, ptrdiff_t ldg)
{
    sx_vector sum[SX_GRAM_ROWS][SX_GRAM_VECTORS];
    for (int r = 0; r < SX_GRAM_ROWS; ++r)
        for (int v = 0; v < SX_GRAM_VECTORS; ++v)
            sum[r][v] = *(const sx_vector *)(g + r * ldg + v * SX_VECTOR_LENGTH);
    for (ptrdiff_t i = 0; i < n; ++i) {
        for (int v = 0; v < SX_GRAM_VECTORS; ++v) {
            const sx_vector x = *(const sx_vector *)(b + i * width + v * SX_VECTOR_LENGTH);
            for (int r = 0; r < SX_GRAM_ROWS; ++r) sum[r][v] += a[i * width + r] * x;
        }
    }
    for (int r = 0; r < SX_GRAM_ROWS; ++r)
        for (int v = 0; v < SX_GRAM_VECTORS; ++v)
            *(sx_vector *)(g + r * ldg + v * SX_VECTOR_LENGTH) = sum[r][v];
}

/* The same where the register tile hangs over the edge of G: rows x cols of it exist. */
static void sx_gram_edge(ptrdiff_t n, ptrdiff_t width, const double *a, const double *b, double *g,
                         ptrdiff_t ldg, ptrdiff_t rows, ptrdiff_t cols)
{
    double whole[SX_GRAM_ROWS * SX_GRAM_COLS];
    for (ptrdiff_t r = 0; r < SX_GRAM_ROWS; ++r)
        for (ptrdiff_t c = 0; c < SX_GRAM_COLS; ++c)
            whole[r * SX_GRAM_COLS + c] = r < rows && c < cols ? g[r * ldg + c] : 0.0;
    sx_gram_micro(n, width, a, b, whole, SX_GRAM_COLS);
    for (ptrdiff_t r = 0; r < rows; ++r)
        for (ptrdiff_t c = 0; c < cols; ++c) g[r * ldg + c] = whole[r * SX_GRAM_COLS + c];
}

/* Upper triangle of G += A'B over one tile; G is k x k with row stride ldg. */
SX_KERNEL void sx_gram_add(ptrdiff_t n, ptrdiff_t k, ptrdiff_t width, const double *restrict A,
                           const double *restrict B, double *restrict G, ptrdiff_t ldg)
{
    for (ptrdiff_t j = 0; j < k; j += SX_GRAM_ROWS) {
        const ptrdiff_t rows = sx_min(SX_GRAM_ROWS, k - j);
        for (ptrdiff_t l = j / SX_GRAM_COLS * SX_GRAM_COLS; l < k; l += SX_GRAM_COLS) {
            const ptrdiff_t cols = sx_min(SX_GRAM_COLS, k - l);
            if (rows == SX_GRAM_ROWS && cols == SX_GRAM_COLS)
                sx_gram_micro(n, width, A + j, B + l, G + j * ldg + l, ldg);
            else
                sx_gram_edge(n, width, A + j, B + l, G + j * ldg + l, ldg, rows, cols);
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
