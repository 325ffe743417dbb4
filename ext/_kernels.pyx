"""The compiled backend: unpack memoryviews, release the GIL, call C.  No arithmetic.

Every function is described in sigmax/kernels/interface.py.  Shapes are checked, because a wrong one would
read memory that is not ours; class codes are not.
"""

from os import environ as _environ

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc

from sx_targets cimport (
    SX_FIRTH_NUMBERS,
    SX_NEWTON_NUMBERS,
    SX_TILE,
    sx_dd,
    sx_environment,
    sx_environment_enter,
    sx_environment_leave,
    sx_firth_answer,
    sx_firth_task,
    sx_kernels,
    sx_kernels_here,
    sx_line,
    sx_model,
    sx_refined,
    sx_newton_answer,
    sx_newton_task,
    sx_rows,
    sx_rows_out,
)


cdef extern from *:
    """
    #ifndef SIGMAX_SOURCE_HASH
    #error "build through setup.py: it defines SIGMAX_SOURCE_HASH"
    #endif
    #define SX_STRINGIFY_(x) #x
    #define SX_STRINGIFY(x) SX_STRINGIFY_(x)
    static const char *const sx_source_hash = SX_STRINGIFY(SIGMAX_SOURCE_HASH);
    """
    const char *const sx_source_hash


cdef dict ranks():
    """The instruction sets that this machine can run, best first, with their ranks."""
    cdef int rank = 0
    found = {}
    while sx_kernels_here(rank) != NULL:
        found[(<bytes> sx_kernels_here(rank).name).decode()] = rank
        rank += 1
    return found


cdef const sx_kernels *chosen() except NULL:
    """The target that SIGMAX_ISA names, else the best one."""
    here = ranks()
    name = _environ.get("SIGMAX_ISA") or ISAS[0]
    if name not in here:
        raise ValueError(f"SIGMAX_ISA must be one of {', '.join(here)} on this machine; got {name!r}")
    return sx_kernels_here(here[name])


#: the instruction sets that this machine can run, best first
ISAS = tuple(ranks())
cdef const sx_kernels *K = chosen()

BACKEND = "compiled"
ISA = (<bytes> K.name).decode()
THREADED = True
TILE_ROWS = SX_TILE
#: hash of the sources this file was compiled from; sigmax.kernels refuses any other
SOURCE_HASH = (<bytes> sx_source_hash).decode()


cdef int expect_strides(str name, Py_ssize_t row_stride, Py_ssize_t col_stride) except -1:
    if row_stride % <Py_ssize_t> sizeof(double) or col_stride % <Py_ssize_t> sizeof(double):
        raise ValueError(f"strides of {name} must be multiples of 8 bytes")
    return 0


cdef sx_rows rows_of(str name, const double[:, :] X) except *:
    cdef sx_rows rows
    expect_strides(name, X.strides[0], X.strides[1])
    rows.data = NULL
    if X.shape[0] and X.shape[1]:
        rows.data = &X[0, 0]
    rows.n_rows = X.shape[0]
    rows.n_cols = X.shape[1]
    rows.row_stride = X.strides[0] // <Py_ssize_t> sizeof(double)
    rows.col_stride = X.strides[1] // <Py_ssize_t> sizeof(double)
    return rows


cdef sx_rows_out rows_out_of(str name, double[:, :] out, Py_ssize_t n_rows, Py_ssize_t n_cols) except *:
    cdef sx_rows_out rows
    expect_strides(name, out.strides[0], out.strides[1])
    expect(f"rows of {name}", out.shape[0], n_rows)
    expect(f"columns of {name}", out.shape[1], n_cols)
    rows.data = NULL
    if n_rows and n_cols:
        rows.data = &out[0, 0]
    rows.row_stride = out.strides[0] // <Py_ssize_t> sizeof(double)
    rows.col_stride = out.strides[1] // <Py_ssize_t> sizeof(double)
    return rows


cdef int expect_classes(Py_ssize_t n_classes) except -1:
    if n_classes < 1:
        raise ValueError("columns of logits must be at least 1; got 0")
    return 0


cdef inline const double *vector_or_null(const double[::1] x) noexcept nogil:
    if x is None or x.shape[0] == 0:
        return NULL
    return &x[0]


cdef inline const double *matrix_or_null(const double[:, ::1] x) noexcept nogil:
    if x is None or x.shape[0] == 0 or x.shape[1] == 0:
        return NULL
    return &x[0, 0]


cdef inline double *out_or_null(double[:, ::1] x) noexcept nogil:
    if x is None or x.shape[0] == 0 or x.shape[1] == 0:
        return NULL
    return &x[0, 0]


cdef inline const int32_t *codes_or_null(const int32_t[::1] y) noexcept nogil:
    if y.shape[0] == 0:
        return NULL
    return &y[0]


cdef double *scratch(Py_ssize_t n) except NULL:
    cdef double *work = <double *> malloc((n + 1) * sizeof(double))
    if work == NULL:
        raise MemoryError(f"sigmax kernel work space of {n} doubles")
    return work


cdef int expect(str name, Py_ssize_t got, Py_ssize_t wanted) except -1:
    if got != wanted:
        raise ValueError(f"{name} must be {wanted}; got {got}")
    return 0


cdef int expect_weight(const double[::1] weight, Py_ssize_t n) except -1:
    if weight is not None:
        expect("length of weight", weight.shape[0], n)
    return 0


cdef int expect_offset(const double[:, ::1] offset, Py_ssize_t n, Py_ssize_t m) except -1:
    if offset is not None:
        expect("rows of offset", offset.shape[0], n)
        expect("columns of offset", offset.shape[1], m)
    return 0


cdef int elementwise(
    void (*function)(Py_ssize_t, const double *, double *) noexcept nogil,
    const double[::1] x,
    double[::1] out,
) except -1:
    cdef sx_environment caller
    expect("length of out", out.shape[0], x.shape[0])
    if x.shape[0]:
        with nogil:
            caller = sx_environment_enter()
            function(x.shape[0], &x[0], &out[0])
            sx_environment_leave(caller)
    return 0


def exp(const double[::1] x not None, double[::1] out not None):
    elementwise(K.exp, x, out)


def expit(const double[::1] x not None, double[::1] out not None):
    elementwise(K.expit, x, out)


def log_expit(const double[::1] x not None, double[::1] out not None):
    elementwise(K.log_expit, x, out)


def log1pexp(const double[::1] x not None, double[::1] out not None):
    elementwise(K.log1pexp, x, out)


def tanh(const double[::1] x not None, double[::1] out not None):
    elementwise(K.tanh, x, out)


def tanh_slope(const double[::1] x not None, double[::1] out not None):
    elementwise(K.tanh_slope, x, out)


def logsumexp(const double[:, :] logits not None, double[::1] out not None):
    cdef sx_rows rows = rows_of("logits", logits)
    cdef sx_environment caller
    expect("length of out", out.shape[0], rows.n_rows)
    expect_classes(rows.n_cols)
    if not rows.n_rows:
        return
    cdef double *work = scratch(K.logits_work(rows.n_cols))
    with nogil:
        caller = sx_environment_enter()
        K.logsumexp(&rows, &out[0], work)
        sx_environment_leave(caller)
        free(work)


cdef int rowwise(
    void (*function)(const sx_rows *, sx_rows_out, double *) noexcept nogil,
    str name,
    const double[:, :] logits,
    double[:, :] out,
) except -1:
    cdef sx_rows rows = rows_of("logits", logits)
    cdef sx_rows_out rows_out = rows_out_of(name, out, rows.n_rows, rows.n_cols)
    cdef sx_environment caller
    expect_classes(rows.n_cols)
    cdef double *work = scratch(K.logits_work(rows.n_cols))
    with nogil:
        caller = sx_environment_enter()
        if rows.n_rows:
            function(&rows, rows_out, work)
        sx_environment_leave(caller)
        free(work)
    return 0


def softmax(const double[:, :] logits not None, double[:, :] p_out not None):
    rowwise(K.softmax, "p_out", logits, p_out)


def log_softmax(const double[:, :] logits not None, double[:, :] out not None):
    rowwise(K.log_softmax, "out", logits, out)


def cross_entropy(
    const double[:, :] logits not None,
    const int32_t[::1] y not None,
    double[:, :] gradient_out,
    *,
    const double[::1] weight=None,
):
    cdef sx_rows rows = rows_of("logits", logits)
    cdef sx_rows_out rows_out
    cdef sx_environment caller
    cdef sx_dd nll
    rows_out.data = NULL
    rows_out.row_stride = rows_out.col_stride = 0
    if gradient_out is not None:
        rows_out = rows_out_of("gradient_out", gradient_out, rows.n_rows, rows.n_cols)
    expect("length of y", y.shape[0], rows.n_rows)
    expect_weight(weight, rows.n_rows)
    expect_classes(rows.n_cols)
    cdef double *work = scratch(K.logits_work(rows.n_cols))
    with nogil:
        caller = sx_environment_enter()
        nll = K.cross_entropy(&rows, codes_or_null(y), vector_or_null(weight), rows_out, work)
        sx_environment_leave(caller)
        free(work)
    return nll.high, nll.low


def column_largest(const double[:, :] X not None, double[::1] largest_out not None):
    cdef sx_environment caller
    cdef sx_rows rows = rows_of("X", X)
    cdef int finite
    expect("length of largest_out", largest_out.shape[0], rows.n_cols)
    if rows.n_cols == 0:
        return True
    with nogil:
        caller = sx_environment_enter()
        finite = K.column_largest(&rows, &largest_out[0])
        sx_environment_leave(caller)
    return bool(finite)


def group_rows(
    const double[:, :] X not None,
    const int64_t[::1] key not None,
    int64_t[::1] index_out not None,
    int64_t[::1] first_out not None,
):
    cdef sx_environment caller
    cdef sx_rows rows = rows_of("X", X)
    cdef Py_ssize_t most = first_out.shape[0], groups
    expect("length of key", key.shape[0], rows.n_rows)
    expect("length of index_out", index_out.shape[0], rows.n_rows)
    if not rows.n_rows:
        return 0
    if not most:
        return -1
    cdef double *work = scratch(K.group_work(most))
    with nogil:
        caller = sx_environment_enter()
        groups = K.group_rows(&rows, &key[0], most, &index_out[0], &first_out[0], work)
        sx_environment_leave(caller)
        free(work)
    return groups


def linear_predictor(
    const double[:, :] X not None,
    const double[:, ::1] coef not None,
    double[:, ::1] eta_out not None,
    *,
    bint intercept,
    const double[:, ::1] offset=None,
):
    cdef sx_environment caller
    cdef sx_rows rows = rows_of("X", X)
    cdef sx_model model
    model.n_logits = coef.shape[0]
    model.intercept = intercept
    model.coef = matrix_or_null(coef)
    model.y = NULL
    model.weight = NULL
    model.offset = matrix_or_null(offset)
    expect("columns of coef", coef.shape[1], rows.n_cols + intercept)
    expect("rows of eta_out", eta_out.shape[0], rows.n_rows)
    expect("columns of eta_out", eta_out.shape[1], model.n_logits)
    expect_offset(offset, rows.n_rows, model.n_logits)
    cdef double *work = scratch(K.pass_work(&rows, model.n_logits, 0))
    with nogil:
        caller = sx_environment_enter()
        K.linear_predictor(&rows, &model, out_or_null(eta_out), work)
        sx_environment_leave(caller)
        free(work)


def transpose_product(
    const double[:, :] X not None,
    const double[:, ::1] residual not None,
    double[:, ::1] gradient_out not None,
    *,
    bint intercept,
):
    cdef sx_environment caller
    cdef sx_rows rows = rows_of("X", X)
    cdef Py_ssize_t m = residual.shape[1]
    expect("rows of residual", residual.shape[0], rows.n_rows)
    expect("rows of gradient_out", gradient_out.shape[0], m)
    expect("columns of gradient_out", gradient_out.shape[1], rows.n_cols + intercept)
    cdef double *work = scratch(K.pass_work(&rows, m, 0))
    with nogil:
        caller = sx_environment_enter()
        K.transpose_product(
            &rows, intercept, m, matrix_or_null(residual), out_or_null(gradient_out), work
        )
        sx_environment_leave(caller)
        free(work)


def matrix_product(
    const double[:, :] A not None,
    const double[:, :] B not None,
    double[:, ::1] out not None,
    *,
    const double[::1] bias=None,
):
    cdef sx_environment caller
    cdef sx_rows left = rows_of("A", A), right = rows_of("B", B)
    expect("rows of B", right.n_rows, left.n_cols)
    if right.n_cols > 1 and right.col_stride != 1:
        raise ValueError(f"rows of B must be contiguous, a column stride of 1; got {right.col_stride}")
    expect("rows of out", out.shape[0], left.n_rows)
    expect("columns of out", out.shape[1], right.n_cols)
    if bias is not None:
        expect("length of bias", bias.shape[0], right.n_cols)
    if not left.n_rows or not right.n_cols:
        return
    with nogil:
        caller = sx_environment_enter()
        K.matrix_product(&left, &right, vector_or_null(bias), &out[0, 0])
        sx_environment_leave(caller)


def weighted_gram(
    const double[:, :] X not None,
    const double[::1] curvature not None,
    double[:, ::1] gram_out not None,
    *,
    bint intercept,
):
    cdef sx_environment caller
    cdef sx_rows rows = rows_of("X", X)
    cdef Py_ssize_t k = rows.n_cols + intercept
    expect("length of curvature", curvature.shape[0], rows.n_rows)
    expect("rows of gram_out", gram_out.shape[0], k)
    expect("columns of gram_out", gram_out.shape[1], k)
    cdef double *work = scratch(K.pass_work(&rows, 2, 1))
    with nogil:
        caller = sx_environment_enter()
        K.weighted_gram(&rows, intercept, vector_or_null(curvature), out_or_null(gram_out), work)
        sx_environment_leave(caller)
        free(work)


def binary_rows(
    const double[:, ::1] eta not None,
    const int32_t[::1] y not None,
    double[:, ::1] residual_out not None,
    double[:, ::1] curvature_out not None,
    *,
    const double[::1] weight=None,
):
    cdef sx_environment caller
    cdef Py_ssize_t n = eta.shape[0]
    cdef sx_dd nll
    expect("columns of eta", eta.shape[1], 1)
    expect("length of y", y.shape[0], n)
    expect("rows of residual_out", residual_out.shape[0], n)
    expect("columns of residual_out", residual_out.shape[1], 1)
    expect("rows of curvature_out", curvature_out.shape[0], n)
    expect("columns of curvature_out", curvature_out.shape[1], 1)
    expect_weight(weight, n)
    with nogil:
        caller = sx_environment_enter()
        nll = K.binary_rows(
            n, matrix_or_null(eta), codes_or_null(y), vector_or_null(weight),
            out_or_null(residual_out), out_or_null(curvature_out),
        )
        sx_environment_leave(caller)
    return nll.high, nll.low


def softmax_rows(
    const double[:, ::1] eta not None,
    const int32_t[::1] y not None,
    double[:, ::1] residual_out not None,
    double[:, :, ::1] curvature_out not None,
    *,
    const double[::1] weight=None,
):
    cdef sx_environment caller
    cdef Py_ssize_t n = eta.shape[0], m = eta.shape[1]
    cdef sx_dd nll
    expect("length of y", y.shape[0], n)
    expect("rows of residual_out", residual_out.shape[0], n)
    expect("columns of residual_out", residual_out.shape[1], m)
    expect("rows of curvature_out", curvature_out.shape[0], n)
    expect("first classes of curvature_out", curvature_out.shape[1], m)
    expect("second classes of curvature_out", curvature_out.shape[2], m)
    expect_weight(weight, n)
    cdef double *curvature = &curvature_out[0, 0, 0] if n and m else NULL
    cdef double *work = scratch(K.rows_work(m))
    with nogil:
        caller = sx_environment_enter()
        nll = K.softmax_rows(
            n, m, matrix_or_null(eta), codes_or_null(y), vector_or_null(weight),
            out_or_null(residual_out), curvature, work,
        )
        sx_environment_leave(caller)
        free(work)
    return nll.high, nll.low


cdef tuple fused_pass(
    bint binary,
    const double[:, :] X,
    const int32_t[::1] y,
    const double[:, ::1] coef,
    double[:, ::1] gradient_out,
    double[:, ::1] hessian_out,
    bint intercept,
    const double[::1] weight,
    const double[:, ::1] offset,
):
    cdef sx_environment caller
    cdef sx_rows rows = rows_of("X", X)
    cdef Py_ssize_t n = rows.n_rows, m = coef.shape[0], k = rows.n_cols + intercept
    cdef sx_model model
    cdef sx_dd nll
    if binary:
        expect("rows of coef", m, 1)
    expect("columns of coef", coef.shape[1], k)
    expect("length of y", y.shape[0], n)
    expect_weight(weight, n)
    expect_offset(offset, n, m)
    if gradient_out is not None:
        expect("rows of gradient_out", gradient_out.shape[0], m)
        expect("columns of gradient_out", gradient_out.shape[1], k)
    if hessian_out is not None:
        expect("rows of hessian_out", hessian_out.shape[0], m * k)
        expect("columns of hessian_out", hessian_out.shape[1], m * k)
    model.n_logits = m
    model.intercept = intercept
    model.coef = matrix_or_null(coef)
    model.y = codes_or_null(y)
    model.weight = vector_or_null(weight)
    model.offset = matrix_or_null(offset)
    cdef double *gradient = out_or_null(gradient_out)
    cdef double *hessian = out_or_null(hessian_out)
    cdef double *work = scratch(K.pass_work(&rows, m, hessian != NULL))
    with nogil:
        caller = sx_environment_enter()
        if binary:
            nll = K.binary_pass(&rows, &model, gradient, hessian, work)
        else:
            nll = K.softmax_pass(&rows, &model, gradient, hessian, work)
        sx_environment_leave(caller)
        free(work)
    return nll.high, nll.low


def binary_pass(
    const double[:, :] X not None,
    const int32_t[::1] y not None,
    const double[:, ::1] coef not None,
    double[:, ::1] gradient_out,
    double[:, ::1] hessian_out,
    *,
    bint intercept,
    const double[::1] weight=None,
    const double[:, ::1] offset=None,
):
    return fused_pass(True, X, y, coef, gradient_out, hessian_out, intercept, weight, offset)


def softmax_pass(
    const double[:, :] X not None,
    const int32_t[::1] y not None,
    const double[:, ::1] coef not None,
    double[:, ::1] gradient_out,
    double[:, ::1] hessian_out,
    *,
    bint intercept,
    const double[::1] weight=None,
    const double[:, ::1] offset=None,
):
    return fused_pass(False, X, y, coef, gradient_out, hessian_out, intercept, weight, offset)


cdef double jeffreys(
    bint binary,
    const double[:, :] X,
    const double[:, ::1] coef,
    const double[:, ::1] root,
    double[:, ::1] gradient_out,
    bint intercept,
    const double[::1] weight,
    const double[:, ::1] offset,
) except? -1.0:
    cdef sx_environment caller
    cdef sx_rows rows = rows_of("X", X)
    cdef Py_ssize_t n = rows.n_rows, m = coef.shape[0], k = rows.n_cols + intercept
    cdef sx_model model
    cdef double largest
    if binary:
        expect("rows of coef", m, 1)
    expect("columns of coef", coef.shape[1], k)
    expect("rows of root", root.shape[0], m * k)
    expect("columns of root", root.shape[1], m * k)
    expect("rows of gradient_out", gradient_out.shape[0], m)
    expect("columns of gradient_out", gradient_out.shape[1], k)
    expect_weight(weight, n)
    expect_offset(offset, n, m)
    model.n_logits = m
    model.intercept = intercept
    model.coef = matrix_or_null(coef)
    model.y = NULL
    model.weight = vector_or_null(weight)
    model.offset = matrix_or_null(offset)
    cdef double *gradient = out_or_null(gradient_out)
    cdef const double *factor = matrix_or_null(root)
    cdef double *work = scratch(K.jeffreys_work(&rows, m, intercept))
    with nogil:
        caller = sx_environment_enter()
        if binary:
            largest = K.binary_jeffreys(&rows, &model, factor, gradient, work)
        else:
            largest = K.softmax_jeffreys(&rows, &model, factor, gradient, work)
        sx_environment_leave(caller)
        free(work)
    return largest


def binary_jeffreys(
    const double[:, :] X not None,
    const double[:, ::1] coef not None,
    const double[:, ::1] root not None,
    double[:, ::1] gradient_out not None,
    *,
    bint intercept,
    const double[::1] weight=None,
    const double[:, ::1] offset=None,
):
    return jeffreys(True, X, coef, root, gradient_out, intercept, weight, offset)


def softmax_jeffreys(
    const double[:, :] X not None,
    const double[:, ::1] coef not None,
    const double[:, ::1] root not None,
    double[:, ::1] gradient_out not None,
    *,
    bint intercept,
    const double[::1] weight=None,
    const double[:, ::1] offset=None,
):
    return jeffreys(False, X, coef, root, gradient_out, intercept, weight, offset)


cdef sx_model model_in_dd(
    sx_rows rows,
    const double[:, ::1] coef,
    const double[:, ::1] coef_low,
    bint intercept,
    const double[:, ::1] offset,
) except *:
    """The model without y and weight, the shapes of what is given checked."""
    cdef sx_model model
    model.n_logits = coef.shape[0]
    model.intercept = intercept
    model.coef = matrix_or_null(coef)
    model.y = NULL
    model.weight = NULL
    model.offset = matrix_or_null(offset)
    expect("columns of coef", coef.shape[1], rows.n_cols + intercept)
    if coef_low is not None:
        expect("rows of coef_low", coef_low.shape[0], coef.shape[0])
        expect("columns of coef_low", coef_low.shape[1], coef.shape[1])
    expect_offset(offset, rows.n_rows, model.n_logits)
    return model


def linear_predictor_dd(
    const double[:, :] X not None,
    const double[:, ::1] coef not None,
    const double[:, ::1] coef_low,
    double[:, ::1] eta_out not None,
    double[:, ::1] eta_low_out,
    *,
    bint intercept,
    const double[:, ::1] offset=None,
):
    cdef sx_environment caller
    cdef sx_rows rows = rows_of("X", X)
    cdef sx_model model = model_in_dd(rows, coef, coef_low, intercept, offset)
    expect("rows of eta_out", eta_out.shape[0], rows.n_rows)
    expect("columns of eta_out", eta_out.shape[1], model.n_logits)
    if eta_low_out is not None:
        expect("rows of eta_low_out", eta_low_out.shape[0], rows.n_rows)
        expect("columns of eta_low_out", eta_low_out.shape[1], model.n_logits)
    cdef double *work = scratch(K.refine_work(&rows, model.n_logits))
    with nogil:
        caller = sx_environment_enter()
        K.linear_predictor_dd(
            &rows, &model, matrix_or_null(coef_low), out_or_null(eta_out), out_or_null(eta_low_out), work
        )
        sx_environment_leave(caller)
        free(work)


cdef tuple refine(
    bint binary,
    const double[:, :] X,
    const int32_t[::1] y,
    const double[:, ::1] coef,
    const double[:, ::1] coef_low,
    double[:, ::1] gradient_out,
    double[:, ::1] gradient_low_out,
    double[::1] largest_out,
    bint intercept,
    const double[::1] weight,
    const double[:, ::1] offset,
):
    cdef sx_environment caller
    cdef sx_rows rows = rows_of("X", X)
    if binary:
        expect("rows of coef", coef.shape[0], 1)
    cdef sx_model model = model_in_dd(rows, coef, coef_low, intercept, offset)
    cdef double *largest = NULL
    cdef sx_refined found
    expect("length of y", y.shape[0], rows.n_rows)
    expect_weight(weight, rows.n_rows)
    expect("rows of gradient_out", gradient_out.shape[0], coef.shape[0])
    expect("columns of gradient_out", gradient_out.shape[1], coef.shape[1])
    expect("rows of gradient_low_out", gradient_low_out.shape[0], coef.shape[0])
    expect("columns of gradient_low_out", gradient_low_out.shape[1], coef.shape[1])
    if largest_out is not None:
        expect("length of largest_out", largest_out.shape[0], rows.n_cols)
        if rows.n_cols:
            largest = &largest_out[0]
    model.y = codes_or_null(y)
    model.weight = vector_or_null(weight)
    cdef double *gradient = out_or_null(gradient_out)
    cdef double *gradient_low = out_or_null(gradient_low_out)
    cdef double *work = scratch(K.refine_work(&rows, model.n_logits))
    with nogil:
        caller = sx_environment_enter()
        if binary:
            found = K.binary_refine(
                &rows, &model, matrix_or_null(coef_low), gradient, gradient_low, largest, work
            )
        else:
            found = K.softmax_refine(
                &rows, &model, matrix_or_null(coef_low), gradient, gradient_low, largest, work
            )
        sx_environment_leave(caller)
        free(work)
    return (found.nll.high, found.nll.low), found.spread


def binary_refine(
    const double[:, :] X not None,
    const int32_t[::1] y not None,
    const double[:, ::1] coef not None,
    const double[:, ::1] coef_low,
    double[:, ::1] gradient_out not None,
    double[:, ::1] gradient_low_out not None,
    double[::1] largest_out,
    *,
    bint intercept,
    const double[::1] weight=None,
    const double[:, ::1] offset=None,
):
    return refine(
        True, X, y, coef, coef_low, gradient_out, gradient_low_out, largest_out, intercept, weight, offset
    )


def softmax_refine(
    const double[:, :] X not None,
    const int32_t[::1] y not None,
    const double[:, ::1] coef not None,
    const double[:, ::1] coef_low,
    double[:, ::1] gradient_out not None,
    double[:, ::1] gradient_low_out not None,
    double[::1] largest_out,
    *,
    bint intercept,
    const double[::1] weight=None,
    const double[:, ::1] offset=None,
):
    return refine(
        False, X, y, coef, coef_low, gradient_out, gradient_low_out, largest_out, intercept, weight, offset
    )


cdef tuple line_sums(
    bint binary,
    const double[:, ::1] eta,
    const double[:, ::1] slope,
    const int32_t[::1] y,
    double step,
    const double[::1] weight,
):
    cdef sx_environment caller
    cdef Py_ssize_t n = eta.shape[0], m = eta.shape[1]
    cdef sx_line line
    if binary:
        expect("columns of eta", m, 1)
    expect("rows of slope", slope.shape[0], n)
    expect("columns of slope", slope.shape[1], m)
    expect("length of y", y.shape[0], n)
    expect_weight(weight, n)
    cdef double *work = scratch(K.rows_work(m))
    with nogil:
        caller = sx_environment_enter()
        if binary:
            line = K.binary_line(
                n, step, matrix_or_null(eta), matrix_or_null(slope), codes_or_null(y),
                vector_or_null(weight),
            )
        else:
            line = K.softmax_line(
                n, m, step, matrix_or_null(eta), matrix_or_null(slope), codes_or_null(y),
                vector_or_null(weight), work,
            )
        sx_environment_leave(caller)
        free(work)
    return (line.change.high, line.change.low), line.first, line.second


def binary_line(
    const double[:, ::1] eta not None,
    const double[:, ::1] slope not None,
    const int32_t[::1] y not None,
    double step,
    *,
    const double[::1] weight=None,
):
    return line_sums(True, eta, slope, y, step, weight)


def softmax_line(
    const double[:, ::1] eta not None,
    const double[:, ::1] slope not None,
    const int32_t[::1] y not None,
    double step,
    *,
    const double[::1] weight=None,
):
    return line_sums(False, eta, slope, y, step, weight)


cdef int expect_square(str name, const double[:, :, ::1] x, Py_ssize_t count, Py_ssize_t size) except -1:
    if x is not None:
        expect(f"matrices of {name}", x.shape[0], count)
        expect(f"rows of {name}", x.shape[1], size)
        expect(f"columns of {name}", x.shape[2], size)
    return 0


cdef Py_ssize_t largest_group(const int64_t[::1] starts, Py_ssize_t count, Py_ssize_t n) except -1:
    """Rows of the largest group, once all are seen to lie inside X."""
    cdef Py_ssize_t b, largest = 0
    expect("length of starts", starts.shape[0], count + 1)
    for b in range(count):
        if not 0 <= starts[b] <= starts[b + 1] <= n:
            raise ValueError(f"starts must rise from 0 to {n}; starts[{b}] and starts[{b + 1}] do not")
        largest = max(largest, starts[b + 1] - starts[b])
    return largest


def newton_many(
    const double[:, :] X not None,
    const int32_t[::1] y not None,
    double[:, :, ::1] coef_out not None,
    double[:, ::1] numbers_out not None,
    int32_t[::1] status_out not None,
    *,
    bint intercept,
    double tol,
    Py_ssize_t max_iter,
    const int64_t[::1] starts=None,
    const double[:, ::1] weight=None,
    const double[:, ::1] offset=None,
    const double[::1] l2=None,
    const double[:, :, ::1] start=None,
    double[:, ::1] gradient_out=None,
    double[:, :, ::1] hessian_out=None,
    double[:, :, ::1] inverse_out=None,
):
    cdef sx_environment caller
    cdef sx_rows rows = rows_of("X", X), group = rows
    cdef Py_ssize_t B = coef_out.shape[0], m = coef_out.shape[1], k = rows.n_cols + intercept, size = m * k
    cdef Py_ssize_t b, first = 0, weights_apart = 0
    cdef sx_newton_task task
    cdef sx_newton_answer answer
    cdef const double *weights = matrix_or_null(weight)
    cdef const double *offsets = matrix_or_null(offset)
    cdef const int32_t *y_data = codes_or_null(y)
    expect("columns of coef_out", coef_out.shape[2], k)
    expect("length of y", y.shape[0], rows.n_rows)
    expect("rows of numbers_out", numbers_out.shape[0], B)
    expect("columns of numbers_out", numbers_out.shape[1], SX_NEWTON_NUMBERS)
    expect("length of status_out", status_out.shape[0], B)
    if m < 1 or k < 1:
        raise ValueError(f"coef_out must have a coefficient for each problem; got {m} logits of {k}")
    if weight is not None:
        expect("columns of weight", weight.shape[1], rows.n_rows)
        if weight.shape[0] != 1:
            expect("rows of weight", weight.shape[0], B)
            weights_apart = rows.n_rows
    expect_offset(offset, rows.n_rows, m)
    if l2 is not None:
        expect("length of l2", l2.shape[0], B)
    if start is not None:
        expect("problems of start", start.shape[0], B)
        expect("rows of start", start.shape[1], m)
        expect("columns of start", start.shape[2], k)
    if gradient_out is not None:
        expect("rows of gradient_out", gradient_out.shape[0], B)
        expect("columns of gradient_out", gradient_out.shape[1], size)
    expect_square("hessian_out", hessian_out, B, size)
    expect_square("inverse_out", inverse_out, B, size)
    if starts is not None:
        group.n_rows = largest_group(starts, B, rows.n_rows)
    if B == 0:
        return
    task.model.n_logits, task.model.intercept = m, intercept
    task.tol, task.max_iter = tol, max_iter
    cdef double *work = scratch(K.newton_work(&group, m, intercept))
    with nogil:
        caller = sx_environment_enter()
        for b in range(B):
            if starts is not None:
                first = starts[b]
                group.n_rows = starts[b + 1] - first
            group.data = rows.data + first * rows.row_stride if rows.data != NULL else NULL
            task.model.y = y_data + first if y_data != NULL else NULL
            task.model.weight = weights + b * weights_apart + first if weights != NULL else NULL
            task.model.offset = offsets + first * m if offsets != NULL else NULL
            task.model.coef = &start[b, 0, 0] if start is not None else NULL
            task.l2 = l2[b] if l2 is not None else 0.0
            answer.coef = &coef_out[b, 0, 0]
            answer.numbers = &numbers_out[b, 0]
            answer.gradient = &gradient_out[b, 0] if gradient_out is not None else NULL
            answer.hessian = &hessian_out[b, 0, 0] if hessian_out is not None else NULL
            answer.inverse = &inverse_out[b, 0, 0] if inverse_out is not None else NULL
            status_out[b] = K.newton(&group, &task, &answer, work)
        sx_environment_leave(caller)
        free(work)


def firth_small(
    const double[:, :] X not None,
    const int32_t[::1] y not None,
    double[::1] coef_out not None,
    double[::1] numbers_out not None,
    double[:, ::1] vectors_out not None,
    double[:, ::1] hessian_out not None,
    double[:, ::1] inverse_out not None,
    *,
    bint intercept,
    double tol,
    double score,
    double share,
    const double[::1] weight=None,
    const double[:, ::1] offset=None,
    const double[::1] start=None,
):
    cdef sx_environment caller
    cdef sx_rows rows = rows_of("X", X)
    cdef Py_ssize_t k = rows.n_cols + intercept
    cdef sx_firth_task task
    cdef sx_firth_answer answer
    cdef int32_t status
    if k < 1:
        raise ValueError("a fit needs a coefficient; got none")
    expect("length of y", y.shape[0], rows.n_rows)
    expect("length of coef_out", coef_out.shape[0], k)
    expect("length of numbers_out", numbers_out.shape[0], SX_FIRTH_NUMBERS)
    expect("rows of vectors_out", vectors_out.shape[0], 4)
    expect("columns of vectors_out", vectors_out.shape[1], k)
    expect("rows of hessian_out", hessian_out.shape[0], k)
    expect("columns of hessian_out", hessian_out.shape[1], k)
    expect("rows of inverse_out", inverse_out.shape[0], k)
    expect("columns of inverse_out", inverse_out.shape[1], k)
    expect_weight(weight, rows.n_rows)
    expect_offset(offset, rows.n_rows, 1)
    if start is not None:
        expect("length of start", start.shape[0], k)
    task.model.n_logits, task.model.intercept = 1, intercept
    task.model.coef = vector_or_null(start)
    task.model.y = codes_or_null(y)
    task.model.weight = vector_or_null(weight)
    task.model.offset = matrix_or_null(offset)
    task.tol, task.score, task.share = tol, score, share
    answer.coef = &coef_out[0]
    answer.numbers = &numbers_out[0]
    answer.gradient = &vectors_out[0, 0]
    answer.pull = &vectors_out[1, 0]
    answer.diagonal = &vectors_out[2, 0]
    answer.farthest = &vectors_out[3, 0]
    answer.hessian = &hessian_out[0, 0]
    answer.inverse = &inverse_out[0, 0]
    cdef double *work = scratch(K.firth_work(&rows, intercept))
    with nogil:
        caller = sx_environment_enter()
        status = K.firth(&rows, &task, &answer, work)
        sx_environment_leave(caller)
        free(work)
    return status
