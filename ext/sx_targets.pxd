"""C declarations of ext/targets/targets.h."""

from libc.stdint cimport int32_t, int64_t


cdef extern from "targets/targets.h" nogil:
    ctypedef struct sx_rows:
        const double *data
        Py_ssize_t n_rows
        Py_ssize_t n_cols
        Py_ssize_t row_stride
        Py_ssize_t col_stride

    ctypedef struct sx_rows_out:
        double *data
        Py_ssize_t row_stride
        Py_ssize_t col_stride

    ctypedef struct sx_model:
        Py_ssize_t n_logits
        int intercept
        const double *coef
        const int32_t *y
        const double *weight
        const double *offset

    ctypedef struct sx_dd:
        double high
        double low

    ctypedef struct sx_line:
        sx_dd change
        double first
        double second

    ctypedef struct sx_refined:
        sx_dd nll
        double spread
    ctypedef struct sx_newton_task:
        sx_model model
        double l2
        double tol
        Py_ssize_t max_iter

    ctypedef struct sx_newton_answer:
        double *coef
        double *numbers
        double *gradient
        double *hessian
        double *inverse

    enum:
        SX_NEWTON_NUMBERS

    ctypedef struct sx_firth_task:
        sx_model model
        double tol
        double score
        double share

    ctypedef struct sx_firth_answer:
        double *coef
        double *numbers
        double *gradient
        double *pull
        double *hessian
        double *inverse
        double *diagonal
        double *farthest

    enum:
        SX_FIRTH_NUMBERS

    ctypedef struct sx_kernels:
        const char *name

        void (*exp)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*expit)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*log_expit)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*log1pexp)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*tanh)(Py_ssize_t n, const double *x, double *out) noexcept nogil
        void (*tanh_slope)(Py_ssize_t n, const double *x, double *out) noexcept nogil

        Py_ssize_t (*logits_work)(Py_ssize_t n_classes) noexcept nogil
        void (*logsumexp)(const sx_rows *logits, double *out, double *work) noexcept nogil
        void (*softmax)(const sx_rows *logits, sx_rows_out p_out, double *work) noexcept nogil
        void (*log_softmax)(const sx_rows *logits, sx_rows_out out, double *work) noexcept nogil
        sx_dd (*cross_entropy)(
            const sx_rows *logits, const int32_t *y, const double *weight, sx_rows_out gradient_out,
            double *work
        ) noexcept nogil

        int (*column_largest)(const sx_rows *X, double *largest_out) noexcept nogil
        Py_ssize_t (*group_work)(Py_ssize_t most) noexcept nogil
        Py_ssize_t (*group_rows)(
            const sx_rows *X, const int64_t *key, Py_ssize_t most, int64_t *index_out, int64_t *first_out,
            double *work
        ) noexcept nogil
        void (*linear_predictor)(
            const sx_rows *X, const sx_model *model, double *eta_out, double *work
        ) noexcept nogil
        void (*transpose_product)(
            const sx_rows *X, int intercept, Py_ssize_t n_logits,
            const double *residual, double *gradient_out, double *work
        ) noexcept nogil
        void (*matrix_product)(
            const sx_rows *A, const sx_rows *B, const double *bias, double *out
        ) noexcept nogil
        void (*weighted_gram)(
            const sx_rows *X, int intercept, const double *curvature, double *gram_out, double *work
        ) noexcept nogil
        Py_ssize_t (*pass_work)(const sx_rows *X, Py_ssize_t n_logits, int hessian) noexcept nogil

        Py_ssize_t (*rows_work)(Py_ssize_t n_logits) noexcept nogil
        sx_dd (*binary_rows)(
            Py_ssize_t n, const double *eta, const int32_t *y, const double *weight,
            double *residual_out, double *curvature_out
        ) noexcept nogil
        sx_dd (*softmax_rows)(
            Py_ssize_t n, Py_ssize_t n_logits, const double *eta, const int32_t *y,
            const double *weight, double *residual_out, double *curvature_out, double *work
        ) noexcept nogil

        sx_dd (*binary_pass)(
            const sx_rows *X, const sx_model *model, double *gradient_out, double *hessian_out,
            double *work
        ) noexcept nogil
        sx_dd (*softmax_pass)(
            const sx_rows *X, const sx_model *model, double *gradient_out, double *hessian_out,
            double *work
        ) noexcept nogil

        Py_ssize_t (*jeffreys_work)(const sx_rows *X, Py_ssize_t n_logits, int intercept) noexcept nogil
        double (*binary_jeffreys)(
            const sx_rows *X, const sx_model *model, const double *root, double *gradient_out, double *work
        ) noexcept nogil
        double (*softmax_jeffreys)(
            const sx_rows *X, const sx_model *model, const double *root, double *gradient_out, double *work
        ) noexcept nogil

        Py_ssize_t (*refine_work)(const sx_rows *X, Py_ssize_t n_logits) noexcept nogil
        void (*linear_predictor_dd)(
            const sx_rows *X, const sx_model *model, const double *coef_low, double *eta_out,
            double *eta_low_out, double *work
        ) noexcept nogil
        sx_refined (*binary_refine)(
            const sx_rows *X, const sx_model *model, const double *coef_low, double *gradient_out,
            double *gradient_low_out, double *largest_out, double *work
        ) noexcept nogil
        sx_refined (*softmax_refine)(
            const sx_rows *X, const sx_model *model, const double *coef_low, double *gradient_out,
            double *gradient_low_out, double *largest_out, double *work
        ) noexcept nogil

        sx_line (*binary_line)(
            Py_ssize_t n, double step, const double *eta, const double *slope,
            const int32_t *y, const double *weight
        ) noexcept nogil
        sx_line (*softmax_line)(
            Py_ssize_t n, Py_ssize_t n_logits, double step, const double *eta, const double *slope,
            const int32_t *y, const double *weight, double *work
        ) noexcept nogil

        Py_ssize_t (*newton_work)(const sx_rows *X, Py_ssize_t n_logits, int intercept) noexcept nogil
        int32_t (*newton)(
            const sx_rows *X, const sx_newton_task *task, const sx_newton_answer *answer, double *work
        ) noexcept nogil

        Py_ssize_t (*firth_work)(const sx_rows *X, int intercept) noexcept nogil
        int32_t (*firth)(
            const sx_rows *X, const sx_firth_task *task, const sx_firth_answer *answer, double *work
        ) noexcept nogil

    const sx_kernels *sx_kernels_here(int rank)


cdef extern from "kernels/sx_base.h":
    const Py_ssize_t SX_TILE


cdef extern from "targets/environment.h" nogil:
    ctypedef struct sx_environment:
        pass

    sx_environment sx_environment_enter() noexcept
    void sx_environment_leave(sx_environment caller) noexcept
