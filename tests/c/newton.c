/* The Cholesky factor and whole small fits: residuals, laws, statuses, work space of exact size. */
#include "inputs.h"
#include "solvers/sx_cholesky.h"

static const ptrdiff_t ORDERS[] = {1, 2, 5, LANES - 1, LANES, LANES + 1, 17, 31, 40};

/* A'A + 1 in columns of very different units: positive definite, row and column j times 2^(+-9 j). */
static double *definite(ptrdiff_t n, uint64_t seed)
{
    double *A = doubles(n * n), *H = doubles(n * n);
    for (ptrdiff_t i = 0; i < n * n; ++i) A[i] = next_signed(&seed);
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t j = 0; j < n; ++j) {
            double sum = i == j;
            for (ptrdiff_t l = 0; l < n; ++l) sum += A[l * n + i] * A[l * n + j];
            H[i * n + j] = sum * power_of_two((int)((i % 2 ? 9 : -9) * i)) * power_of_two((int)((j % 2 ? 9 : -9) * j));
        }
    return H;
}

static double unit_of(ptrdiff_t j) { return power_of_two((int)((j % 2 ? 9 : -9) * j)); }

/* H H^-1 = 1 and H x = v in units of the columns; the inverse is symmetric to the bit. */
static void cholesky(void)
{
    for (size_t o = 0; o < sizeof ORDERS / sizeof *ORDERS; ++o) {
        const ptrdiff_t n = ORDERS[o];
        const int mark = memory_used;
        const double *H = definite(n, 100 + (uint64_t)n);
        const sx_cholesky f = sx_cholesky_in(n, doubles(sx_cholesky_work(n)));
        double *v = doubles(n), *x = doubles(n), *inverse = doubles(n * n), condition;
        uint64_t s = 9;
        for (ptrdiff_t j = 0; j < n; ++j) v[j] = next_signed(&s) * unit_of(j);
        CHECK(sx_cholesky_factor(&f, H) == -1, "n %td", n);
        sx_cholesky_solve(&f, v, x);
        for (ptrdiff_t i = 0; i < n; ++i) {
            double sum = 0.0, size = 0.0;
            for (ptrdiff_t j = 0; j < n; ++j) sum += H[i * n + j] * x[j], size += fabs(H[i * n + j] * x[j]);
            CHECK_NEAR(sum, v[i], (double)(8 * n) * 0x1p-53 * size, "row %td, n %td", i, n);
        }
        sx_cholesky_inverse(&f, H, inverse, &condition);
        CHECK(condition >= 1.0 && condition < 1e6, "%g, n %td", condition, n);
        for (ptrdiff_t i = 0; i < n; ++i)
            for (ptrdiff_t j = 0; j < n; ++j) {
                double sum = 0.0, size = 0.0;
                for (ptrdiff_t l = 0; l < n; ++l) {
                    sum += H[i * n + l] * inverse[l * n + j];
                    size += fabs(H[i * n + l] * inverse[l * n + j]);
                }
                CHECK_NEAR(sum, (double)(i == j), (double)(8 * n) * 0x1p-53 * condition * size, "%td %td, n %td", i,
                           j, n);
                CHECK_SAME(inverse[i * n + j], inverse[j * n + i], "%td %td, n %td", i, j, n);
            }
        release(mark);
    }
}

/* The row that depends on those before it; a diagonal that is no size. */
static void not_definite(void)
{
    const double dependent[9] = {4.0, 2.0, 6.0, 2.0, 5.0, 7.0, 6.0, 7.0, 13.0}; /* row 2 = row 0 + row 1 */
    const double negative[4] = {1.0, 2.0, 2.0, 1.0}, zero[4] = {1.0, 0.0, 0.0, 0.0};
    const double odd[4] = {(double)NAN, 0.0, 0.0, 1.0}, off[4] = {1.0, (double)NAN, (double)NAN, 1.0};
    const sx_cholesky three = sx_cholesky_in(3, doubles(sx_cholesky_work(3)));
    const sx_cholesky two = sx_cholesky_in(2, doubles(sx_cholesky_work(2)));
    CHECK(sx_cholesky_factor(&three, dependent) == 2, "of order %d", 3);
    CHECK(sx_cholesky_factor(&two, negative) == 1, "of order %d", 2);
    CHECK(sx_cholesky_factor(&two, zero) == 1, "of order %d", 2);
    CHECK(sx_cholesky_factor(&two, odd) == 0, "of order %d", 2);
    CHECK(sx_cholesky_factor(&two, off) == 1, "of order %d", 2);
    release(0);
}

/* 1 / S as solvers/factor.py chooses it: e = f / 2 to even, d = g 2^f. */
static void scales(void)
{
    for (int e = -1022; e <= 1023; ++e) {
        int f;
        const double d = 1.5 * power_of_two(e), half = (double)(frexp(d, &f), f) / 2.0;
        CHECK_SAME(sx_cholesky_unscale(d), ldexp(1.0, -(int)nearbyint(half)), "2^%d", e);
    }
}

typedef struct {
    double *coef, *numbers, *gradient, *hessian, *inverse;
    int32_t status;
} fit;

static fit fit_of(const sx_kernels *K, const sx_rows *X, const sx_model *model, double l2)
{
    const ptrdiff_t size = model->n_logits * (X->n_cols + model->intercept);
    fit r = {doubles(size), doubles(SX_NEWTON_NUMBERS), doubles(size), doubles(size * size), doubles(size * size), -1};
    const sx_newton_answer answer = {r.coef, r.numbers, r.gradient, r.hessian, r.inverse};
    sx_newton_task task = {*model, l2, 1e-12, 100};
    task.model.coef = NULL;
    r.status = K->newton(X, &task, &answer, doubles(K->newton_work(X, model->n_logits, model->intercept)));
    return r;
}

#define SHAPE "n %td, p %td, m %td, intercept %d, on %s"
#define SHAPE_OF(q, K) (q)->n, (q)->p, (q)->m, (q)->intercept, (K)->name

/* The estimate is one: the gradient of a pass there, and the penalty's, vanish in standard errors. */
static void stationary(const sx_kernels *K, const problem *q, double l2, const fit *r)
{
    const ptrdiff_t size = q->m * q->k;
    double *g = doubles(size), *work = doubles(K->pass_work(&q->X, q->m, 1)), square = 0.0;
    sx_model model = q->model;
    model.coef = r->coef;
    const sx_dd nll = (q->m == 1 ? K->binary_pass : K->softmax_pass)(&q->X, &model, g, NULL, work);
    CHECK(r->status == SX_NEWTON_TOLERANCE || r->status == SX_NEWTON_ROUNDING, "%d, " SHAPE, r->status,
          SHAPE_OF(q, K));
    CHECK_NEAR(nll.high, r->numbers[SX_NEWTON_NLL_HIGH], 0x1p-40 * nll.high, SHAPE, SHAPE_OF(q, K));
    for (ptrdiff_t j = q->intercept; j < q->k; ++j)
        for (ptrdiff_t c = 0; c < q->m; ++c) {
            double mean = 0.0;
            for (ptrdiff_t d = 0; q->m > 1 && d < q->m; ++d) mean += r->coef[d * q->k + j] / (double)(q->m + 1);
            g[c * q->k + j] += l2 * (r->coef[c * q->k + j] - mean);
        }
    for (ptrdiff_t i = 0; i < size; ++i)
        for (ptrdiff_t j = 0; j < size; ++j) square += g[i] * r->inverse[i * size + j] * g[j];
    CHECK(fabs(square) < 1e-22, "%g, " SHAPE, square, SHAPE_OF(q, K));
}

static const ptrdiff_t ROWS_OF[] = {40, TILE, 2 * TILE + 37}, COLUMNS_OF[] = {0, 1, 3, LANES - 1, LANES, LANES + 1};

static void fits(const sx_kernels *K)
{
    for (size_t a = 0; a < sizeof ROWS_OF / sizeof *ROWS_OF; ++a)
        for (size_t b = 0; b < sizeof COLUMNS_OF / sizeof *COLUMNS_OF; ++b)
            for (ptrdiff_t m = 1; m < 4; ++m)
                for (int intercept = COLUMNS_OF[b] == 0; intercept < 2; ++intercept) {
                    const int mark = memory_used;
                    const double l2 = m == 2 || ROWS_OF[a] == 40 ? 0.5 : 0.0;
                    problem q = problem_of(ROWS_OF[a], COLUMNS_OF[b], m, intercept, (int)(a % 2), 3);
                    const fit r = fit_of(K, &q.X, &q.model, l2);
                    stationary(K, &q, l2, &r);

                    /* columns of a Fortran array: the same bits */
                    double *turned = doubles(q.n * q.p);
                    for (ptrdiff_t i = 0; i < q.n * q.p; ++i) turned[i % q.p * q.n + i / q.p] = q.X.data[i];
                    const sx_rows columns = {turned, q.n, q.p, 1, q.n};
                    const fit s = fit_of(K, &columns, &q.model, l2);
                    CHECK_SAME_ALL(m * q.k, s.coef, r.coef, SHAPE, SHAPE_OF(&q, K));
                    CHECK_SAME_ALL(SX_NEWTON_NUMBERS, s.numbers, r.numbers, SHAPE, SHAPE_OF(&q, K));

                    /* weights of another scale: the same bits, and nu R does not change */
                    double *weight = doubles(q.n);
                    for (ptrdiff_t i = 0; i < q.n; ++i)
                        weight[i] = (q.model.weight ? q.model.weight[i] : 1.0) * power_of_two(-600);
                    q.model.weight = weight;
                    const fit t = fit_of(K, &q.X, &q.model, l2 * power_of_two(-600));
                    CHECK_SAME_ALL(m * q.k, t.coef, r.coef, SHAPE, SHAPE_OF(&q, K));
                    CHECK_SAME(t.numbers[SX_NEWTON_DECREMENT], r.numbers[SX_NEWTON_DECREMENT] * power_of_two(-300),
                               SHAPE, SHAPE_OF(&q, K));
                    CHECK_SAME(t.numbers[SX_NEWTON_ROW_NORM], r.numbers[SX_NEWTON_ROW_NORM] * power_of_two(300),
                               SHAPE, SHAPE_OF(&q, K));
                    release(mark);
                }
}

/* Rows of weight 0 are as if they were not there, to the bit, whatever they hold. */
static void weight_zero(const sx_kernels *K)
{
    for (ptrdiff_t m = 1; m < 4; ++m) {
        const problem q = problem_of(200, 5, m, 1, 1, 8);
        double *X = doubles(200 * 5), *weight = doubles(200), *offset = doubles(200 * m), *all = doubles(200);
        int32_t *y = codes(200);
        ptrdiff_t kept = 0;
        for (ptrdiff_t i = 0; i < 200; ++i) {
            all[i] = i % 3 == 1 || i == 199 ? 0.0 : q.model.weight[i];
            if (all[i] == 0.0) {
                ((double *)(uintptr_t)q.X.data)[i * 5] = (double)NAN;
                continue;
            }
            for (ptrdiff_t j = 0; j < 5; ++j) X[kept * 5 + j] = q.X.data[i * 5 + j];
            for (ptrdiff_t c = 0; c < m; ++c) offset[kept * m + c] = q.model.offset[i * m + c];
            y[kept] = q.model.y[i], weight[kept++] = all[i];
        }
        sx_model with = q.model, without = {m, 1, NULL, y, weight, offset};
        const sx_rows rows = {X, kept, 5, 5, 1};
        with.weight = all;
        const fit r = fit_of(K, &q.X, &with, 0.0), s = fit_of(K, &rows, &without, 0.0);
        CHECK(r.status == SX_NEWTON_TOLERANCE || r.status == SX_NEWTON_ROUNDING, "%d, m %td", r.status, m);
        CHECK_SAME_ALL(m * q.k, r.coef, s.coef, "m %td", m);
        CHECK_SAME_ALL(SX_NEWTON_NUMBERS, r.numbers, s.numbers, "m %td", m);
        CHECK_SAME_ALL(m * q.k * m * q.k, r.inverse, s.inverse, "m %td", m);
    }
}

static void statuses(const sx_kernels *K)
{
    const double line[] = {-3.0, -2.0, -1.0, 1.0, 2.0, 3.0}, twice[] = {1, 1, 2, 2, -1, -1, 3, 3, -2, -2, 0, 0};
    const int32_t sides[] = {0, 0, 0, 1, 1, 1}, same[] = {1, 1, 1, 1, 1, 1}, mixed[] = {0, 1, 0, 1, 0, 1};
    const double nothing[] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0}, odd[] = {0.0, 1.0, (double)NAN, 2.0, 1.0, 3.0};
    const sx_rows one = {line, 6, 1, 1, 1}, two = {twice, 6, 2, 2, 1}, empty = {line, 0, 1, 1, 1};
    const sx_rows not_finite = {odd, 6, 1, 1, 1};
    const sx_model separated = {1, 1, NULL, sides, NULL, NULL}, absent = {1, 1, NULL, same, NULL, NULL};
    const sx_model weightless = {1, 1, NULL, mixed, nothing, NULL}, plain = {1, 1, NULL, mixed, NULL, NULL};
    const sx_model third = {2, 1, NULL, mixed, NULL, NULL};
    CHECK(fit_of(K, &one, &separated, 0.0).status == SX_NEWTON_SEPARATED, "on %s", K->name);
    CHECK(fit_of(K, &one, &separated, 0.1).status == SX_NEWTON_TOLERANCE, "on %s", K->name);
    CHECK(fit_of(K, &one, &absent, 0.0).status == SX_NEWTON_ABSENT, "on %s", K->name);
    CHECK(fit_of(K, &one, &third, 0.0).status == SX_NEWTON_ABSENT, "on %s", K->name);
    CHECK(fit_of(K, &one, &weightless, 0.0).status == SX_NEWTON_ABSENT, "on %s", K->name);
    CHECK(fit_of(K, &empty, &plain, 0.0).status == SX_NEWTON_ABSENT, "on %s", K->name);
    CHECK(fit_of(K, &two, &plain, 0.0).status == SX_NEWTON_HAND_OVER, "on %s", K->name);
    CHECK(fit_of(K, &not_finite, &plain, 0.0).status == SX_NEWTON_HAND_OVER, "on %s", K->name);
    CHECK(isnan(fit_of(K, &two, &plain, 0.0).coef[0]), "on %s", K->name);
}

int main(void)
{
    cholesky();
    not_definite();
    scales();
    on_each_target(fits);
    on_each_target(weight_zero);
    on_each_target(statuses);
    return check_end("newton");
}
