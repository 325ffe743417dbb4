/* The product of two matrices, out = A B + bias.
 *
 *     out_ij = bias_j + sum_l a_il b_lj          one chain of FMA over l for each output, from bias_j or 0 on
 *
 * so neither the register tile, nor the panels, nor the vector width changes a bit on a target with FMA.
 *
 * The micro-kernel holds up to SX_PRODUCT_ROWS x SX_PRODUCT_VECTORS vectors of outputs in registers and runs down l:
 * rows of A are broadcast numbers, whatever their strides.  A panel of B, SX_PRODUCT_DEPTH rows of one register tile's
 * width, stays in the first cache while the rows of A run past; it is copied onto the stack, dense, where enough rows
 * follow to pay for that.  Between two panels the outputs wait in memory, and the chains continue.
 *
 * Cost: 2 n k m flops.  |error| <= (k + 1) u (|bias_j| + sum_l |a_il b_lj|), u = 2^-53, to first order.
 */
#ifndef SX_PRODUCT_H
#define SX_PRODUCT_H

#include "sx_base.h"
#include "sx_vector.h"

/* The register tile; at least three vectors, so that no tile of a product as wide as a vector is a broken vector alone. */
#ifndef SX_PRODUCT_ROWS
#define SX_PRODUCT_ROWS 3
#endif
#define SX_PRODUCT_VECTORS 3
#define SX_PRODUCT_COLS (SX_PRODUCT_VECTORS * SX_VECTOR_LENGTH)
/* Rows of a panel of B: with 24 columns half of a first cache of 48 KiB. */
#define SX_PRODUCT_DEPTH 128
/* Rows of A that meet one panel after the other, from the second cache. */
#define SX_PRODUCT_BLOCK 256
/* Rows of A from which a panel is copied. */
#define SX_PRODUCT_PACK 48

/* A pointer that the compiler does not know the step of.  GCC would make a second loop for strides of one number
 * (-fversion-loops-for-strides); the sums of the two meet where these end, and to have them in the same place it stores
 * each one in every turn: half the rate on AVX-512 with GCC 12. */
#if defined(__GNUC__)
#define SX_PRODUCT_HIDE(pointer) __asm__("" : "+r"(pointer))
#else
#define SX_PRODUCT_HIDE(pointer) ((void)(pointer))
#endif

/* What one register tile takes: rows of A, a panel of B as its rows lie, and the outputs.  The last vector starts at
 * column `last`, over the one before it where the width is no multiple of a vector.  start: NULL to continue the chains
 * that wait in `out`; else what they begin with. */
typedef struct {
    const double *a;
    ptrdiff_t row_stride;
    ptrdiff_t col_stride;
    const double *b;
    ptrdiff_t ldb;
    const double *start;
    double *out;
    ptrdiff_t ldo;
    ptrdiff_t last;
} sx_product_tile;

SX_INLINE void sx_product_micro(const int n_rows, const int n_vectors, ptrdiff_t depth, sx_product_tile t)
{
    sx_vector sum[SX_PRODUCT_ROWS][SX_PRODUCT_VECTORS];
    ptrdiff_t at[SX_PRODUCT_VECTORS], row[SX_PRODUCT_ROWS];
    for (int v = 0; v < n_vectors; ++v) at[v] = v < n_vectors - 1 ? v * SX_VECTOR_LENGTH : t.last;
    for (int r = 0; r < n_rows; ++r) row[r] = r * t.row_stride;
    if (t.start)
        for (int r = 0; r < n_rows; ++r)
            for (int v = 0; v < n_vectors; ++v) sum[r][v] = sx_load(t.start + at[v]);
    else
        for (int r = 0; r < n_rows; ++r)
            for (int v = 0; v < n_vectors; ++v) sum[r][v] = sx_load(t.out + r * t.ldo + at[v]);
    const double *a = t.a, *b = t.b;
    for (ptrdiff_t l = 0; l < depth; ++l) {
        sx_vector x[SX_PRODUCT_VECTORS];
        for (int v = 0; v < n_vectors; ++v) x[v] = sx_load(b + at[v]);
        for (int r = 0; r < n_rows; ++r) {
            const sx_vector y = sx_broadcast(a[row[r]]);
            for (int v = 0; v < n_vectors; ++v) sum[r][v] = SX_VECTOR_FMA(y, x[v], sum[r][v]);
        }
        a += t.col_stride;
        b += t.ldb;
        SX_PRODUCT_HIDE(a);
        SX_PRODUCT_HIDE(b);
    }
    for (int r = 0; r < n_rows; ++r)
        for (int v = 0; v < n_vectors; ++v) sx_store(t.out + r * t.ldo + at[v], sum[r][v]);
}

/* n_rows rows, n_vectors vectors: a micro-kernel for each number of rows. */
SX_INLINE void sx_product_rows(const int n_vectors, ptrdiff_t n_rows, ptrdiff_t depth, sx_product_tile t)
{
    switch (n_rows) {
    case 1: sx_product_micro(1, n_vectors, depth, t); break;
    case 2: sx_product_micro(2, n_vectors, depth, t); break;
#if SX_PRODUCT_ROWS > 3
    case 3: sx_product_micro(3, n_vectors, depth, t); break;
#endif
#if SX_PRODUCT_ROWS > 4
    case 4: sx_product_micro(4, n_vectors, depth, t); break;
    case 5: sx_product_micro(5, n_vectors, depth, t); break;
    case 6: sx_product_micro(6, n_vectors, depth, t); break;
    case 7: sx_product_micro(7, n_vectors, depth, t); break;
#endif
    default: sx_product_micro(SX_PRODUCT_ROWS, n_vectors, depth, t);
    }
}

/* One after the other down n rows, in tiles of about the same height. */
SX_KERNEL void sx_product_column(const int n_vectors, ptrdiff_t n, ptrdiff_t depth, sx_product_tile t)
{
    for (ptrdiff_t tiles = (n + SX_PRODUCT_ROWS - 1) / SX_PRODUCT_ROWS; tiles > 0; --tiles) {
        const ptrdiff_t rows = (n + tiles - 1) / tiles;
        switch (n_vectors) {
        case 1: sx_product_rows(1, rows, depth, t); break;
        case 2: sx_product_rows(2, rows, depth, t); break;
        default: sx_product_rows(SX_PRODUCT_VECTORS, rows, depth, t);
        }
        t.a += rows * t.row_stride;
        t.out += rows * t.ldo;
        n -= rows;
    }
}

/* A product narrower than a vector: outputs and their start, a tile at a time, in rows of a whole vector. */
SX_KERNEL void sx_product_narrow(ptrdiff_t n, ptrdiff_t depth, ptrdiff_t cols, sx_product_tile t)
{
    double whole[SX_PRODUCT_ROWS * SX_VECTOR_LENGTH], start[SX_VECTOR_LENGTH];
    sx_product_tile one = t;
    memset(whole, 0, sizeof whole);
    memset(start, 0, sizeof start);
    if (t.start) memcpy(start, t.start, (size_t)cols * sizeof *start), one.start = start;
    one.out = whole;
    one.ldo = SX_VECTOR_LENGTH;
    for (ptrdiff_t i = 0; i < n; i += SX_PRODUCT_ROWS) {
        const ptrdiff_t rows = sx_min(SX_PRODUCT_ROWS, n - i);
        double *const out = t.out + i * t.ldo;
        one.a = t.a + i * t.row_stride;
        for (ptrdiff_t r = 0; !t.start && r < rows; ++r)
            memcpy(whole + r * SX_VECTOR_LENGTH, out + r * t.ldo, (size_t)cols * sizeof *out);
        sx_product_rows(1, rows, depth, one);
        for (ptrdiff_t r = 0; r < rows; ++r)
            memcpy(out + r * t.ldo, whole + r * SX_VECTOR_LENGTH, (size_t)cols * sizeof *out);
    }
}

/* `depth` rows of a panel, n_vectors vectors each, of which the last starts at `last`. */
SX_KERNEL void sx_product_pack(const int n_vectors, ptrdiff_t depth, const double *restrict b, ptrdiff_t ldb,
                               ptrdiff_t last, double *restrict panel)
{
    for (ptrdiff_t l = 0; l < depth; ++l)
        for (int v = 0; v < n_vectors; ++v) {
            const ptrdiff_t at = v < n_vectors - 1 ? v * SX_VECTOR_LENGTH : last;
            sx_store(panel + l * SX_PRODUCT_COLS + at, sx_load(b + l * ldb + at));
        }
}

/* The same of rows that are shorter than a vector, padded with zeros. */
SX_KERNEL void sx_product_pack_narrow(ptrdiff_t depth, ptrdiff_t cols, const double *restrict b, ptrdiff_t ldb,
                                      double *restrict panel)
{
    for (ptrdiff_t l = 0; l < depth; ++l)
        for (ptrdiff_t j = 0; j < SX_VECTOR_LENGTH; ++j)
            panel[l * SX_PRODUCT_COLS + j] = j < cols ? b[l * ldb + j] : 0.0;
}

/* out = A B + bias; A with any strides, rows of B and of out dense.  bias may be NULL.  The outputs overlap no input. */
SX_KERNEL void sx_product(const sx_rows *A, const sx_rows *B, const double *bias, double *out)
{
    const ptrdiff_t n = A->n_rows, k = A->n_cols, m = B->n_cols;
    const ptrdiff_t all = (m + SX_VECTOR_LENGTH - 1) / SX_VECTOR_LENGTH;
    const double zeros[SX_PRODUCT_COLS] = {0.0};
    double panel[SX_PRODUCT_DEPTH * SX_PRODUCT_COLS];
    if (k == 0) /* nothing is added */
        for (ptrdiff_t i = 0; i < n; ++i)
            for (ptrdiff_t j = 0; j < m; ++j) out[i * m + j] = bias ? bias[j] : 0.0;
    for (ptrdiff_t l = 0, depths = (k + SX_PRODUCT_DEPTH - 1) / SX_PRODUCT_DEPTH; l < k; --depths) {
        const ptrdiff_t depth = (k - l + depths - 1) / depths; /* panels of about the same depth */
        for (ptrdiff_t i = 0; i < n; i += SX_PRODUCT_BLOCK) {
            const ptrdiff_t rows = sx_min(SX_PRODUCT_BLOCK, n - i);
            ptrdiff_t vectors = all, tiles = (all + SX_PRODUCT_VECTORS - 1) / SX_PRODUCT_VECTORS;
            for (ptrdiff_t j = 0; j < m; --tiles) { /* and of about the same width */
                const ptrdiff_t n_vectors = (vectors + tiles - 1) / tiles;
                const ptrdiff_t cols = sx_min(m - j, n_vectors * SX_VECTOR_LENGTH);
                const int narrow = cols < SX_VECTOR_LENGTH;
                const double *const b = B->data + l * B->row_stride + j;
                const double *const start = l > 0 ? NULL : bias ? bias + j : zeros;
                sx_product_tile t = {A->data + i * A->row_stride + l * A->col_stride, A->row_stride, A->col_stride, b,
                                     B->row_stride, start, out + i * m + j, m, narrow ? 0 : cols - SX_VECTOR_LENGTH};
                if (narrow || rows >= SX_PRODUCT_PACK) {
                    if (narrow)
                        sx_product_pack_narrow(depth, cols, b, B->row_stride, panel);
                    else
                        sx_product_pack((int)n_vectors, depth, b, B->row_stride, t.last, panel);
                    t.b = panel;
                    t.ldb = SX_PRODUCT_COLS;
                }
                if (narrow)
                    sx_product_narrow(rows, depth, cols, t);
                else
                    sx_product_column((int)n_vectors, rows, depth, t);
                j += cols;
                vectors -= n_vectors;
            }
        }
        l += depth;
    }
}

#endif /* SX_PRODUCT_H */
