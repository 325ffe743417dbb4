/* The product of two matrices, out = A B + bias.
 *
 *     out_ij = bias_j + sum_l a_il b_lj
 *
 * summed in panels of l, of about the same depth, as few as have SX_PRODUCT_DEPTH at most: one chain of FMA for each
 * output and panel, the first one from bias_j or 0 on, the others from 0 on and added one after the other.  A chain over
 * thousands of rows would round at the size of its sum thousands of times.  Neither the register tile nor the vector
 * width changes a bit on a target with FMA.
 *
 * The micro-kernel holds up to SX_PRODUCT_ROWS x SX_PRODUCT_VECTORS vectors of outputs in registers and runs down l:
 * rows of A are broadcast numbers, whatever their strides.  A panel of B, SX_PRODUCT_DEPTH rows as wide as a register
 * tile, stays in the first cache while the rows of A run past; it is copied onto the stack, dense, where enough rows
 * follow to pay for that.
 *
 * Cost: 2 n k m flops.  |error| <= (d + c) u (|bias_j| + sum_l |a_il b_lj|), u = 2^-53, to first order, with c panels of
 * depth d at most: d = k, c = 1 up to 128.
 */
#ifndef SX_PRODUCT_H
#define SX_PRODUCT_H

#include "sx_base.h"
#include "sx_vector.h"

/* The register tile.  With three vectors, tiles of about the same width have two at least where the product is wider
 * than one: the last vector, which may lie over another, lies over one of its own tile. */
#ifndef SX_PRODUCT_ROWS
#define SX_PRODUCT_ROWS 3
#endif
#define SX_PRODUCT_VECTORS 3
#define SX_PRODUCT_COLS (SX_PRODUCT_VECTORS * SX_VECTOR_LENGTH)
/* Rows of a panel of B, which is part of what the outputs are: with 24 columns half of a first cache of 48 KiB. */
#define SX_PRODUCT_DEPTH 128
/* Rows of A that meet one panel after the other, from the second cache. */
#define SX_PRODUCT_BLOCK 256
/* Rows of A from which a panel is copied. */
#define SX_PRODUCT_PACK 48

/* What one register tile takes: rows of A, a panel of B as its rows lie, what the chains begin with (one row for
 * all: the bias or zeros), the outputs, and whether the chains are added to what stands there.  The last vector
 * starts at column `last`, over the one before it where the width is no multiple of a vector.
 *
 * The strides of A and B are in bytes: of one in numbers, GCC 12 makes two loops, one for a stride of 1, and where
 * they meet it keeps the outputs in memory, which costs half the rate. */
typedef struct {
    const char *a;
    ptrdiff_t a_row;
    ptrdiff_t a_col;
    const char *b;
    ptrdiff_t b_row;
    const double *start;
    double *out;
    ptrdiff_t ldo;
    ptrdiff_t last;
    int adds;
} sx_product_tile;

SX_INLINE void sx_product_micro(const int n_rows, const int n_vectors, ptrdiff_t depth, const sx_product_tile *t)
{
    sx_vector sum[SX_PRODUCT_ROWS][SX_PRODUCT_VECTORS];
    ptrdiff_t at[SX_PRODUCT_VECTORS];
    const char *a = t->a, *b = t->b;
    for (int v = 0; v < n_vectors; ++v) at[v] = v < n_vectors - 1 ? v * SX_VECTOR_LENGTH : t->last;
    for (int r = 0; r < n_rows; ++r)
        for (int v = 0; v < n_vectors; ++v) sum[r][v] = sx_load(t->start + at[v]);
    for (ptrdiff_t l = 0; l < depth; ++l, a += t->a_col, b += t->b_row) {
        sx_vector x[SX_PRODUCT_VECTORS];
        for (int v = 0; v < n_vectors; ++v) x[v] = sx_load((const double *)(const void *)b + at[v]);
        for (int r = 0; r < n_rows; ++r) {
            const sx_vector y = sx_broadcast(*(const double *)(const void *)(a + r * t->a_row));
            for (int v = 0; v < n_vectors; ++v) sum[r][v] = SX_VECTOR_FMA(y, x[v], sum[r][v]);
        }
    }
    for (int r = 0; r < n_rows; ++r) {
        double *const out = t->out + r * t->ldo;
        if (t->adds) /* all of a row before any is stored: vectors may overlap */
            for (int v = 0; v < n_vectors; ++v) sum[r][v] = sx_load(out + at[v]) + sum[r][v];
        for (int v = 0; v < n_vectors; ++v) sx_store(out + at[v], sum[r][v]);
    }
}

/* A function for each size of a register tile: registers of its own. */
#define SX_PRODUCT_KERNEL(ROWS, VECTORS)                                                                \
    SX_KERNEL void sx_product_##ROWS##_##VECTORS(ptrdiff_t depth, const sx_product_tile *t)             \
    {                                                                                                   \
        sx_product_micro(ROWS, VECTORS, depth, t);                                                      \
    }
#define SX_PRODUCT_KERNELS(ROWS) SX_PRODUCT_KERNEL(ROWS, 1) SX_PRODUCT_KERNEL(ROWS, 2) SX_PRODUCT_KERNEL(ROWS, 3)
#define SX_PRODUCT_CASE(ROWS, VECTORS) SX_PRODUCT_VECTORS * ((ROWS) - 1) + (VECTORS)
#define SX_PRODUCT_CASES(ROWS)                                                                          \
    case SX_PRODUCT_CASE(ROWS, 1): sx_product_##ROWS##_1(depth, t); break;                              \
    case SX_PRODUCT_CASE(ROWS, 2): sx_product_##ROWS##_2(depth, t); break;                              \
    case SX_PRODUCT_CASE(ROWS, 3): sx_product_##ROWS##_3(depth, t); break;

SX_PRODUCT_KERNELS(1)
SX_PRODUCT_KERNELS(2)
SX_PRODUCT_KERNELS(3)
#if SX_PRODUCT_ROWS > 3
SX_PRODUCT_KERNELS(4)
#endif
#if SX_PRODUCT_ROWS > 4
SX_PRODUCT_KERNELS(5)
SX_PRODUCT_KERNELS(6)
SX_PRODUCT_KERNELS(7)
SX_PRODUCT_KERNELS(8)
#endif

/* n_rows rows of n_vectors vectors. */
SX_INLINE void sx_product_rows(ptrdiff_t n_rows, ptrdiff_t n_vectors, ptrdiff_t depth, const sx_product_tile *t)
{
    switch (SX_PRODUCT_CASE(n_rows, n_vectors)) {
        SX_PRODUCT_CASES(1)
        SX_PRODUCT_CASES(2)
        SX_PRODUCT_CASES(3)
#if SX_PRODUCT_ROWS > 3
        SX_PRODUCT_CASES(4)
#endif
#if SX_PRODUCT_ROWS > 4
        SX_PRODUCT_CASES(5)
        SX_PRODUCT_CASES(6)
        SX_PRODUCT_CASES(7)
        SX_PRODUCT_CASES(8)
#endif
    }
}

/* One after the other down n rows, in tiles of about the same height. */
SX_INLINE void sx_product_column(ptrdiff_t n_vectors, ptrdiff_t n, ptrdiff_t depth, sx_product_tile t)
{
    for (ptrdiff_t tiles = (n + SX_PRODUCT_ROWS - 1) / SX_PRODUCT_ROWS; tiles > 0; --tiles) {
        const ptrdiff_t rows = (n + tiles - 1) / tiles;
        sx_product_rows(rows, n_vectors, depth, &t);
        t.a += rows * t.a_row;
        t.out += rows * t.ldo;
        n -= rows;
    }
}

/* A product narrower than a vector: outputs, a tile at a time, and their start in rows of a whole vector. */
SX_INLINE void sx_product_narrow(ptrdiff_t n, ptrdiff_t depth, ptrdiff_t cols, sx_product_tile t)
{
    double whole[SX_PRODUCT_ROWS * SX_VECTOR_LENGTH], start[SX_VECTOR_LENGTH];
    sx_product_tile one = t;
    memset(whole, 0, sizeof whole);
    memset(start, 0, sizeof start);
    memcpy(start, t.start, (size_t)cols * sizeof *start);
    one.start = start;
    one.out = whole;
    one.ldo = SX_VECTOR_LENGTH;
    for (ptrdiff_t i = 0; i < n; i += SX_PRODUCT_ROWS) {
        const ptrdiff_t rows = sx_min(SX_PRODUCT_ROWS, n - i);
        double *const out = t.out + i * t.ldo;
        one.a = t.a + i * t.a_row;
        for (ptrdiff_t r = 0; r < rows; ++r)
            if (t.adds) memcpy(whole + r * SX_VECTOR_LENGTH, out + r * t.ldo, (size_t)cols * sizeof *out);
        sx_product_rows(rows, 1, depth, &one);
        for (ptrdiff_t r = 0; r < rows; ++r)
            memcpy(out + r * t.ldo, whole + r * SX_VECTOR_LENGTH, (size_t)cols * sizeof *out);
    }
}

/* `depth` rows of a panel, n_vectors vectors each, of which the last starts at `last`. */
SX_INLINE void sx_product_pack(ptrdiff_t n_vectors, ptrdiff_t depth, const double *restrict b, ptrdiff_t ldb,
                               ptrdiff_t last, double *restrict panel)
{
    for (ptrdiff_t l = 0; l < depth; ++l)
        for (ptrdiff_t v = 0; v < n_vectors; ++v) {
            const ptrdiff_t at = v < n_vectors - 1 ? v * SX_VECTOR_LENGTH : last;
            sx_store(panel + l * SX_PRODUCT_COLS + at, sx_load(b + l * ldb + at));
        }
}

/* The same of rows that are shorter than a vector, padded with zeros. */
SX_INLINE void sx_product_pack_narrow(ptrdiff_t depth, ptrdiff_t cols, const double *restrict b, ptrdiff_t ldb,
                                      double *restrict panel)
{
    for (ptrdiff_t l = 0; l < depth; ++l)
        for (ptrdiff_t j = 0; j < SX_VECTOR_LENGTH; ++j)
            panel[l * SX_PRODUCT_COLS + j] = j < cols ? b[l * ldb + j] : 0.0;
}

/* out = A B + bias; A with any strides, rows of B and of out dense.  bias may be NULL; out overlaps no other. */
SX_KERNEL void sx_product(const sx_rows *A, const sx_rows *B, const double *bias, double *out)
{
    const ptrdiff_t n = A->n_rows, k = A->n_cols, m = B->n_cols, bytes = sizeof(double);
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
                double *const to = out + i * m + j;
                const double *const start = l == 0 && bias ? bias + j : zeros;
                const double *const a = A->data + i * A->row_stride + l * A->col_stride;
                sx_product_tile t = {(const char *)a, bytes * A->row_stride, bytes * A->col_stride,
                                     (const char *)b, bytes * B->row_stride, start, to, m,
                                     narrow ? 0 : cols - SX_VECTOR_LENGTH, l > 0};
                if (narrow || rows >= SX_PRODUCT_PACK) {
                    if (narrow)
                        sx_product_pack_narrow(depth, cols, b, B->row_stride, panel);
                    else
                        sx_product_pack(n_vectors, depth, b, B->row_stride, t.last, panel);
                    t.b = (const char *)panel;
                    t.b_row = bytes * SX_PRODUCT_COLS;
                }
                if (narrow)
                    sx_product_narrow(rows, depth, cols, t);
                else
                    sx_product_column(n_vectors, rows, depth, t);
                j += cols;
                vectors -= n_vectors;
            }
        }
        l += depth;
    }
}

#endif /* SX_PRODUCT_H */
