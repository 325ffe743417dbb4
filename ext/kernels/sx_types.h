/* What the kernels take and return. */
#ifndef SX_TYPES_H
#define SX_TYPES_H

#include <stddef.h>
#include <stdint.h>

/* Rows of the design.  Element (i, j) is data[i * row_stride + j * col_stride], strides in elements:
 * C order, Fortran order, slices and broadcast rows are all read in place. */
typedef struct {
    const double *data;
    ptrdiff_t n_rows;
    ptrdiff_t n_cols;
    ptrdiff_t row_stride;
    ptrdiff_t col_stride;
} sx_rows;

/* Rows that are written; element (i, j) is data[i * row_stride + j * col_stride]. */
typedef struct {
    double *data;
    ptrdiff_t row_stride;
    ptrdiff_t col_stride;
} sx_rows_out;

/* A model and its data besides X. */
typedef struct {
    ptrdiff_t n_logits;
    int intercept;
    const double *coef;   /* n_logits x k */
    const int32_t *y;     /* n class codes */
    const double *weight; /* n, or NULL for ones */
    const double *offset; /* n x n_logits, or NULL */
} sx_model;

/* An unevaluated sum high + low. */
typedef struct {
    double high;
    double low;
} sx_dd;

/* Sums of change, first and second along eta + step * slope: sx_binary_line_tile, sx_softmax_line_tile. */
typedef struct {
    sx_dd change;
    double first;
    double second;
} sx_line;

/* NLL and spread of a refinement: sx_refine.h. */
typedef struct {
    sx_dd nll;
    double spread;
} sx_refined;

#endif /* SX_TYPES_H */
