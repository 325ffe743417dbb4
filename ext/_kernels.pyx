"""The compiled backend: unpack memoryviews, release the GIL, call C.  No arithmetic.

Every function is described in sigmax/kernels/interface.py.  Shapes are checked, because a wrong one would
read memory that is not ours; class codes are not.
"""

from os import environ as _environ

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc

from sx_targets cimport (
    SX_TILE,
    sx_dd,
    sx_environment,
    sx_environment_enter,
    sx_environment_leave,
    sx_kernels,
    sx_kernels_here,
    sx_line,
    sx_model,
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
