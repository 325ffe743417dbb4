/* Exact values: the functions of one number and of rows of logits against 50 digits (values_table.h). */
#include "inputs.h"
#include "values_table.h"

/* Bounds in ulp, those of tests/kernels/test_accuracy.py.  A sum of logits may cancel: it is held to the ulp
 * of its larger part. */
#define ULP_EXP 1.0
#define ULP_EXPIT 0.75
#define ULP_LOG 1.5
#define ULP_TANH 1.0
#define ULP_CURVATURE 1.25
#define ULP_P 2.25
#define ULP_LOG_P 1.75
#define ULP_SUM 2.0

static double ulp_of(double x)
{
    const int field = (int)(bits_of(x) >> 52 & 0x7ff);
    if (field > 52) return power_of_two(field - 1023 - 52);
    return from_bits((uint64_t)1 << (field > 1 ? field - 1 : 0)); /* a subnormal: one bit */
}

static double ulps_off(double got, exact wanted)
{
    if (got == wanted.nearest) return fabs(wanted.rest); /* inf too */
    return fabs((got - wanted.nearest) / ulp_of(wanted.nearest) - wanted.rest);
}

#define CHECK_ULP(got, wanted, bound, place, ...) \
    CHECK(ulps_off(got, wanted) <= (bound), "%g ulp, allowed %g: %a, not %a, at " place, \
          ulps_off(got, wanted), (double)(bound), (double)(got), (wanted).nearest, __VA_ARGS__)

static exact negative(exact a) { return (exact){-a.nearest, -a.rest}; }

static void functions_of_one_number(const sx_kernels *K)
{
    double *x = doubles(NUMBERS), *out = doubles(NUMBERS);
    for (ptrdiff_t i = 0; i < NUMBERS; ++i) x[i] = numbers[i].x;
#define EACH(FUNCTION, BOUND) \
    K->FUNCTION(NUMBERS, x, out); \
    for (ptrdiff_t i = 0; i < NUMBERS; ++i) \
    CHECK_ULP(out[i], numbers[i].FUNCTION, BOUND, #FUNCTION "(%a) on %s", x[i], K->name)
    EACH(exp, ULP_EXP);
    EACH(expit, ULP_EXPIT);
    EACH(log_expit, ULP_LOG);
    EACH(log1pexp, ULP_LOG);
    EACH(tanh, ULP_TANH);
#undef EACH
}

static void binary_rows_one_by_one(const sx_kernels *K)
{
    double *x = doubles(1), *residual = doubles(1), *curvature = doubles(1);
    int32_t *y = codes(1);
    for (ptrdiff_t i = 0; i < NUMBERS; ++i) {
        for (y[0] = 0; y[0] < 2; ++y[0]) {
            x[0] = numbers[i].x;
            const sx_dd nll = K->binary_rows(1, x, y, NULL, residual, curvature);
            /* -log p = log(1 + e^x) for class 0 and -log expit(x) for class 1; p - 1 = -expit(-x) */
            CHECK_ULP(nll.high, y[0] ? negative(numbers[i].log_expit) : numbers[i].log1pexp, ULP_LOG,
                      "nll(%a), y = %d, on %s", x[0], (int)y[0], K->name);
            CHECK(nll.low == 0.0, "nll(%a) on %s leaves %a", x[0], K->name, nll.low);
            CHECK_ULP(residual[0], y[0] ? negative(numbers[i ^ 1].expit) : numbers[i].expit, ULP_EXPIT,
                      "residual(%a), y = %d, on %s", x[0], (int)y[0], K->name);
            CHECK_ULP(curvature[0], numbers[i].curvature, ULP_CURVATURE, "curvature(%a) on %s", x[0],
                      K->name);
        }
    }
}

static void rows_of_logits(const sx_kernels *K)
{
    double *sum = doubles(1), *out = doubles(WIDEST);
    int32_t *y = codes(1);
    for (ptrdiff_t i = 0; i < ROWS; ++i) {
        const ptrdiff_t n = rows[i].K;
        const int mark = memory_used;
        double *logit = doubles(n), *work = doubles(K->logits_work(n)), top = -INFINITY;
        for (ptrdiff_t k = 0; k < n; ++k) logit[k] = rows[i].logit[k];
        for (ptrdiff_t k = 0; k < n; ++k) top = logit[k] > top ? logit[k] : top;
        const sx_rows logits = {logit, 1, n, n, 1};
        const sx_rows_out to = {out, n, 1}, nowhere = {NULL, 0, 0};

        K->logsumexp(&logits, sum, work);
        const double scale = fmax(fabs(top), fabs(rows[i].sum.nearest));
        CHECK_NEAR(sum[0], rows[i].sum.nearest, ULP_SUM * ulp_of(scale), "row %td on %s", i, K->name);
        K->softmax(&logits, to, work);
        for (ptrdiff_t k = 0; k < n; ++k)
            CHECK_ULP(out[k], rows[i].p[k], ULP_P, "p[%td] of row %td on %s", k, i, K->name);
        K->log_softmax(&logits, to, work);
        for (ptrdiff_t k = 0; k < n; ++k)
            CHECK_ULP(out[k], rows[i].log_p[k], ULP_LOG_P, "log p[%td] of row %td on %s", k, i, K->name);
        for (y[0] = 0; y[0] < n; ++y[0]) {
            const exact nll = negative(rows[i].log_p[y[0]]);
            CHECK_ULP(K->cross_entropy(&logits, y, NULL, nowhere, work).high, nll, ULP_LOG_P,
                      "row %td, y = %d, on %s", i, (int)y[0], K->name);
            CHECK_ULP(K->cross_entropy(&logits, y, NULL, to, work).high, nll, ULP_LOG_P,
                      "row %td, y = %d, on %s", i, (int)y[0], K->name);
            for (ptrdiff_t k = 0; k < n; ++k)
                CHECK_ULP(out[k], k == y[0] ? negative(rows[i].others[k]) : rows[i].p[k], ULP_P,
                          "gradient[%td] of row %td, y = %d, on %s", k, i, (int)y[0], K->name);
        }
        release(mark);
    }
}

/* Rows whose first logit is 0 are rows of a model with a reference class. */
static void rows_of_a_model(const sx_kernels *K)
{
    double residual[WIDEST], curvature[WIDEST * WIDEST];
    int32_t *y = codes(1);
    for (ptrdiff_t i = 0; i < ROWS; ++i) {
        const ptrdiff_t m = rows[i].K - 1;
        if (rows[i].logit[0] != 0.0 || m == 0) continue;
        const int mark = memory_used;
        double *eta = doubles(m), *work = doubles(K->rows_work(m));
        for (ptrdiff_t c = 0; c < m; ++c) eta[c] = rows[i].logit[c + 1];
        for (y[0] = 0; y[0] <= m; ++y[0]) {
            const sx_dd nll = K->softmax_rows(1, m, eta, y, NULL, residual, curvature, work);
            CHECK_ULP(nll.high, negative(rows[i].log_p[y[0]]), ULP_LOG_P, "row %td, y = %d, on %s", i,
                      (int)y[0], K->name);
            for (ptrdiff_t c = 0; c < m; ++c)
                CHECK_ULP(residual[c], c + 1 == y[0] ? negative(rows[i].others[c + 1]) : rows[i].p[c + 1],
                          ULP_P, "residual[%td] of row %td, y = %d, on %s", c, i, (int)y[0], K->name);
        }
        release(mark);
    }
}

/* The test's own ruler: from a subnormal to the largest double. */
static void the_ruler(const sx_kernels *K)
{
    CHECK_SAME(ulp_of(0.0), 0x1p-1074, "%s", K->name);
    CHECK_SAME(ulp_of(0x1p-1074), 0x1p-1074, "%s", K->name);
    CHECK_SAME(ulp_of(0x1.8p-1022), 0x1p-1074, "%s", K->name);
    CHECK_SAME(ulp_of(-0x1p-1021), 0x1p-1073, "%s", K->name);
    CHECK_SAME(ulp_of(0x1p-969), 0x1p-1021, "%s", K->name);
    CHECK_SAME(ulp_of(1.5), 0x1p-52, "%s", K->name);
    CHECK_SAME(ulp_of(-0x1.fffffffffffffp1023), 0x1p971, "%s", K->name);
}

int main(void)
{
    on_each_target(the_ruler);
    on_each_target(functions_of_one_number);
    on_each_target(binary_rows_one_by_one);
    on_each_target(rows_of_logits);
    on_each_target(rows_of_a_model);
    return check_end("values");
}
