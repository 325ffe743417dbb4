/* The linear layer: forward eta = b_0 + X b, backward gradient = [1 X]' residual.
 *
 * Both keep the order of their sums a function of the problem alone:
 *   a dot product runs in SX_LANES partial sums, element j in lane j mod SX_LANES, merged in one fixed
 *   tree: any vector width gives the same bits;
 *   a gradient is one chain over the SX_TILE rows of a tile, vectorised over the columns.
 */
#ifndef SX_LINEAR_H
#define SX_LINEAR_H

#include "sx_base.h"

/* x'b */
SX_INLINE double sx_dot(ptrdiff_t n, const double *restrict x, const double *restrict b)
{
    double lane[SX_LANES] = {0.0};
    ptrdiff_t j = 0;
    for (; j + SX_LANES <= n; j += SX_LANES)
        for (int l = 0; l < SX_LANES; ++l) lane[l] += x[j + l] * b[j + l];
    for (int l = 0; j + l < n; ++l) lane[l] += x[j + l] * b[j + l];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
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
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double z = b_0 + sx_dot(p, rows.data + i * rows.stride, b);
        eta[i] = offset ? z + offset[i * offset_stride] : z;
    }
}

/* gradient += [1 X]' residual over one tile; `partial` is work space of intercept + p. */
SX_INLINE void sx_linear_backward(sx_tile rows, ptrdiff_t n, ptrdiff_t p, int intercept,
                                  const double *restrict residual, double *restrict partial,
                                  double *restrict gradient)
{
    double *restrict g = partial + intercept;
    for (ptrdiff_t j = 0; j < p + intercept; ++j) partial[j] = 0.0;
    if (intercept)
        for (ptrdiff_t i = 0; i < n; ++i) partial[0] += residual[i];
    ptrdiff_t i = 0;
    for (; i + 4 <= n; i += 4) { /* four rows at a time, still one chain: g is loaded a quarter as often */
        const double *restrict x0 = rows.data + i * rows.stride;
        const double *restrict x1 = x0 + rows.stride;
        const double *restrict x2 = x1 + rows.stride;
        const double *restrict x3 = x2 + rows.stride;
        for (ptrdiff_t j = 0; j < p; ++j)
            g[j] = (((g[j] + residual[i] * x0[j]) + residual[i + 1] * x1[j]) +
                    residual[i + 2] * x2[j]) + residual[i + 3] * x3[j];
    }
    for (; i < n; ++i) {
        const double *restrict x = rows.data + i * rows.stride;
        for (ptrdiff_t j = 0; j < p; ++j) g[j] += residual[i] * x[j];
    }
    for (ptrdiff_t j = 0; j < p + intercept; ++j) gradient[j] += partial[j];
}

#endif /* SX_LINEAR_H */
