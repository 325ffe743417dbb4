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
/* A whole small fit: what to fit, and how far.  See newton_many in src/sigmax/kernels/interface.py. */
typedef struct {
    sx_model model;      /* `coef` is the start, NULL for zeros */
    double l2;           /* of the penalty, 0 for none */
    double tol;          /* Newton decrement to reach, in standard errors */
    ptrdiff_t max_iter;  /* Newton steps at most */
} sx_newton_task;

/* Why a small fit ended. */
enum {
    SX_NEWTON_TOLERANCE = 0,
    SX_NEWTON_ROUNDING = 1,
    SX_NEWTON_ITERATIONS = 2,
    SX_NEWTON_SEPARATED = 3,
    SX_NEWTON_ABSENT = 4,
    SX_NEWTON_HAND_OVER = 5
};

/* What is known of a small fit besides its arrays. */
enum {
    SX_NEWTON_NLL_HIGH,
    SX_NEWTON_NLL_LOW,
    SX_NEWTON_PENALTY,
    SX_NEWTON_DECREMENT,
    SX_NEWTON_STEPS,
    SX_NEWTON_READS,
    SX_NEWTON_ROW_NORM,
    SX_NEWTON_GRADIENT_ROUNDING,
    SX_NEWTON_TOTAL_WEIGHT,
    SX_NEWTON_CONDITION,
    SX_NEWTON_NUMBERS
};

/* Where the answer goes: gradient, hessian and inverse may be NULL. */
typedef struct {
    double *coef;     /* m k */
    double *numbers;  /* SX_NEWTON_NUMBERS */
    double *gradient; /* m k */
    double *hessian;  /* (m k)^2 */
    double *inverse;  /* (m k)^2 */
} sx_newton_answer;

/* A whole small fit by Firth's bias reduction: see firth_small in src/sigmax/kernels/interface.py. */
typedef struct {
    sx_model model; /* of one logit; `coef` is the start, NULL for zeros */
    double tol;     /* norm of the penalised score to reach, in standard errors */
    double score;   /* its largest element to reach */
    double share;   /* what the prior weighs in units of the weights */
} sx_firth_task;

/* What is known of it besides its arrays. */
enum {
    SX_FIRTH_NLL_HIGH,
    SX_FIRTH_NLL_LOW,
    SX_FIRTH_DECREMENT,
    SX_FIRTH_LARGEST,
    SX_FIRTH_CONDITION,
    SX_FIRTH_STEPS,
    SX_FIRTH_READS,
    SX_FIRTH_NUMBERS
};

/* Where the answer goes. */
typedef struct {
    double *coef;     /* k */
    double *numbers;  /* SX_FIRTH_NUMBERS */
    double *gradient; /* k: of the NLL */
    double *pull;     /* k: of `share` / 2 log det */
    double *hessian;  /* k^2: of the NLL, the information */
    double *inverse;  /* k^2 */
    double *diagonal; /* k: of the Cholesky factor of the information */
    double *farthest; /* k: max_i |x_ij|, 1 for the intercept */
} sx_firth_answer;

#endif /* SX_TYPES_H */
