/* Laws of the functions of one number and of rows of logits: what holds for any input. */
#include "inputs.h"

enum { N = 3 * TILE + 5 };

static double largest_of(ptrdiff_t n, const double *x)
{
    double top = -INFINITY;
    for (ptrdiff_t i = 0; i < n; ++i) top = x[i] > top ? x[i] : top;
    return top;
}

/* log expit(x) = -log1pexp(-x) exactly; expit(x) + expit(-x) = 1; all increase. */
static void mirrored(const sx_kernels *K)
{
    double *x = doubles(N), *minus = doubles(N), *a = doubles(N), *b = doubles(N), *e = doubles(N);
    uint64_t s = 1;
    for (ptrdiff_t i = 0; i < N; ++i) x[i] = i < 2 * TILE ? awkward(i) : next_of_any_size(&s, -60, 10);
    for (ptrdiff_t i = 0; i < N; ++i) minus[i] = -x[i];
    K->log_expit(N, x, a);
    K->log1pexp(N, minus, b);
    for (ptrdiff_t i = 0; i < N; ++i)
        CHECK(a[i] == -b[i] || (a[i] != a[i] && b[i] != b[i]), "x = %a: %a, %a", x[i], a[i], b[i]);
    K->expit(N, x, a);
    K->expit(N, minus, b);
    K->exp(N, x, e);
    for (ptrdiff_t i = 0; i < N; ++i) {
        if (x[i] != x[i]) {
            CHECK(a[i] != a[i] && e[i] != e[i], "a number of nan on %s: %a, %a", K->name, a[i], e[i]);
            continue;
        }
        CHECK_NEAR(a[i] + b[i], 1.0, 0x1p-52, "x = %a on %s", x[i], K->name);
        CHECK(a[i] >= 0.0 && a[i] <= 1.0 && e[i] >= 0.0, "x = %a on %s: %a, %a", x[i], K->name, a[i], e[i]);
    }
}

/* tanh is odd to the bit, between -1 and 1 and no larger than x; itself below 2^-28; -+1 at infinity, nan for nan. */
static void hyperbolic(const sx_kernels *K)
{
    double *x = doubles(N), *minus = doubles(N), *a = doubles(N), *b = doubles(N);
    const double ends[] = {INFINITY, -INFINITY, 0x1p+1023, -20.0}, ones[] = {1.0, -1.0, 1.0, -1.0};
    uint64_t s = 3;
    for (ptrdiff_t i = 0; i < N; ++i) x[i] = i < AWKWARD ? awkward(i) : next_of_any_size(&s, -40, 6);
    for (ptrdiff_t i = 0; i < N; ++i) minus[i] = -x[i];
    K->tanh(N, x, a);
    K->tanh(N, minus, b);
    for (ptrdiff_t i = 0; i < N; ++i) {
        CHECK_SAME(a[i], -b[i], "x = %a on %s", x[i], K->name);
        if (x[i] != x[i]) continue;
        CHECK(fabs(a[i]) <= fmin(fabs(x[i]), 1.0), "x = %a on %s: %a", x[i], K->name, a[i]);
        if (fabs(x[i]) < 0x1p-28) CHECK_SAME(a[i], x[i], "x = %a on %s", x[i], K->name);
    }
    K->tanh(4, ends, a);
    CHECK_SAME_ALL(4, a, ones, "tanh on %s", K->name);
}

static void at_infinity(const sx_kernels *K)
{
    const double x[] = {INFINITY, -INFINITY},
                 ends[4][2] = {{INFINITY, 0.0}, {1.0, 0.0}, {0.0, -INFINITY}, {INFINITY, 0.0}};
    double out[2];
    K->exp(2, x, out);
    CHECK_SAME_ALL(2, out, ends[0], "exp on %s", K->name);
    K->expit(2, x, out);
    CHECK_SAME_ALL(2, out, ends[1], "expit on %s", K->name);
    K->log_expit(2, x, out);
    CHECK(out[0] == 0.0 && out[1] == -INFINITY, "log_expit on %s: %a, %a", K->name, out[0], out[1]);
    K->log1pexp(2, x, out);
    CHECK_SAME_ALL(2, out, ends[3], "log1pexp on %s", K->name);
}

/* An output may be the array that is read. */
static void in_place(const sx_kernels *K)
{
    void (*const functions[])(ptrdiff_t, const double *, double *) = {K->exp, K->expit, K->log_expit,
                                                                      K->log1pexp, K->tanh, K->tanh_slope};
    for (int f = 0; f < 6; ++f) {
        double *x = doubles(N), *out = doubles(N);
        for (ptrdiff_t i = 0; i < N; ++i) x[i] = awkward(i);
        functions[f](N, x, out);
        functions[f](N, x, x);
        CHECK_SAME_ALL(N, x, out, "function %d on %s", f, K->name);
    }
}

/* Sums over the classes, and the functions of the same rows against each other. */
static void classes(const sx_kernels *K)
{
    static const ptrdiff_t sizes[] = {1, 2, 3, 7, 8, 9, 17, 40};
    for (size_t c = 0; c < sizeof sizes / sizeof *sizes; ++c) {
        const ptrdiff_t k = sizes[c], n = TILE + 3;
        const int mark = memory_used;
        double *logit = doubles(n * k), *p = doubles(n * k), *log_p = doubles(n * k),
               *gradient = doubles(n * k);
        double *sum = doubles(n), *weight = doubles(n), *work = doubles(K->logits_work(k));
        double *back = doubles(n * k);
        int32_t *y = codes(n);
        uint64_t s = 100 + (uint64_t)k;
        for (ptrdiff_t i = 0; i < n * k; ++i) logit[i] = next_of_any_size(&s, -3, 8);
        for (ptrdiff_t i = 0; i < n; ++i) y[i] = (int32_t)next_below(&s, k), weight[i] = next_unit(&s);
        const sx_rows in = {logit, n, k, k, 1};
        K->logsumexp(&in, sum, work);
        K->softmax(&in, (sx_rows_out){p, k, 1}, work);
        K->log_softmax(&in, (sx_rows_out){log_p, k, 1}, work);
        const sx_dd nll = K->cross_entropy(&in, y, weight, (sx_rows_out){gradient, k, 1}, work);
        K->exp(n * k, log_p, back);
        double by_hand = 0.0;
        for (ptrdiff_t i = 0; i < n; ++i) {
            double ones = 0.0, zeros = 0.0;
            for (ptrdiff_t j = 0; j < k; ++j) {
                const ptrdiff_t at = i * k + j;
                ones += p[at];
                zeros += gradient[at];
                CHECK_NEAR(back[at], p[at], p[at] * 0x1p-51 * (2.0 + fabs(log_p[at])) + 0x1p-1070,
                           "row %td, class %td of %td on %s", i, j, k, K->name);
                CHECK_NEAR(logit[at] - sum[i], log_p[at], 0x1p-50 * (fabs(logit[at]) + fabs(sum[i])),
                           "row %td, class %td of %td on %s", i, j, k, K->name);
                if (j != y[i])
                    CHECK_NEAR(gradient[at], weight[i] * p[at], 0x1p-51 * p[at] + 0x1p-1073,
                               "row %td, class %td of %td on %s", i, j, k, K->name);
            }
            CHECK_NEAR(ones, 1.0, (double)(k + 2) * 0x1p-52, "row %td of %td classes on %s", i, k, K->name);
            CHECK_NEAR(zeros, 0.0, (double)(k + 2) * 0x1p-52, "row %td of %td classes on %s", i, k, K->name);
            CHECK(sum[i] >= largest_of(k, logit + i * k), "row %td of %td classes on %s", i, k, K->name);
            by_hand -= weight[i] * log_p[i * k + y[i]];
        }
        CHECK_NEAR(nll.high, by_hand, 0x1p-45 * by_hand, "%td classes on %s", k, K->name);
        CHECK_SAME(K->cross_entropy(&in, y, weight, (sx_rows_out){NULL, 0, 0}, work).high, nll.high,
                   "%td classes, no gradient, on %s", k, K->name);
        if (k == 1) {
            CHECK(nll.high == 0.0 && nll.low == 0.0, "one class on %s costs %a", K->name, nll.high);
            CHECK_SAME_ALL(n, sum, logit, "the sum of one class on %s", K->name);
        }
        release(mark);
    }
}

/* -inf is a class of probability 0; a row with nan or inf, or of -inf alone, has no probabilities. */
static void infinite_logits(const sx_kernels *K)
{
    const double nan_ = (double)NAN;
    const double rows[6][3] = {
        {1.0, -INFINITY, 1.0}, {-INFINITY, -INFINITY, 5.0},       {0.0, nan_, 0.0},
        {0.0, INFINITY, 0.0},  {-INFINITY, -INFINITY, -INFINITY}, {nan_, INFINITY, 0.0}};
    double p[3], log_p[3], gradient[3], sum;
    double *work = doubles(K->logits_work(3));
    for (int r = 0; r < 6; ++r) {
        const sx_rows in = {rows[r], 1, 3, 3, 1};
        K->logsumexp(&in, &sum, work);
        K->softmax(&in, (sx_rows_out){p, 3, 1}, work);
        K->log_softmax(&in, (sx_rows_out){log_p, 3, 1}, work);
        if (r == 3) CHECK(sum == INFINITY, "%a on %s", sum, K->name);
        if (r == 4) CHECK(sum == -INFINITY, "%a on %s", sum, K->name);
        if (r == 2 || r == 5) CHECK(sum != sum, "%a on %s", sum, K->name);
        for (int32_t y = 0; y < 3; ++y) {
            const double nll = K->cross_entropy(&in, &y, NULL, (sx_rows_out){gradient, 3, 1}, work).high;
            const int gone = rows[r][y] == -INFINITY;
            if (r < 2) {
                CHECK(p[y] == (gone     ? 0.0
                               : r == 0 ? 0.5
                                        : 1.0),
                      "p[%d] = %a, row %d on %s", (int)y, p[y], r, K->name);
                CHECK((log_p[y] == -INFINITY) == gone, "log p[%d] = %a, row %d on %s", (int)y, log_p[y], r,
                      K->name);
                CHECK((nll - nll != 0.0) == gone, "nll %a, y = %d, row %d on %s", nll, (int)y, r, K->name);
            } else {
                CHECK(p[y] != p[y] && log_p[y] != log_p[y], "p[%d] = %a, row %d on %s", (int)y, p[y], r,
                      K->name);
                CHECK(!(nll - nll == 0.0), "nll %a, y = %d, row %d on %s", nll, (int)y, r, K->name);
                CHECK(gradient[y] != gradient[y], "gradient %a, y = %d, row %d on %s", gradient[y], (int)y, r,
                      K->name);
            }
        }
    }
}

/* Two classes of a softmax are a binary row; a model's rows are the rows of all classes with a first logit 0.
 */
static void models(const sx_kernels *K)
{
    for (ptrdiff_t m = 1; m < 7; ++m) {
        const int mark = memory_used;
        const problem q = problem_of(N, 0, m, 1, 1, 7);
        double *residual = doubles(N * m), *curvature = doubles(N * m * m), *work = doubles(K->rows_work(m));
        double *all = doubles(N * (m + 1)), *gradient = doubles(N * (m + 1)), *p = doubles(N * (m + 1));
        for (ptrdiff_t i = 0; i < N; ++i)
            for (ptrdiff_t k = 0; k <= m; ++k) all[i * (m + 1) + k] = k ? q.eta[i * m + k - 1] : 0.0;
        const sx_rows in = {all, N, m + 1, m + 1, 1};
        double *more = doubles(K->logits_work(m + 1));
        const double w_max = 3.0;
        const sx_dd nll = K->softmax_rows(N, m, q.eta, q.model.y, q.model.weight, residual, curvature, work);
        const sx_dd same =
            K->cross_entropy(&in, q.model.y, q.model.weight, (sx_rows_out){gradient, m + 1, 1}, more);
        K->softmax(&in, (sx_rows_out){p, m + 1, 1}, more);
        CHECK_NEAR(nll.high, same.high, 0x1p-50 * nll.high, "%td logits on %s", m, K->name);
        for (ptrdiff_t i = 0; i < N; ++i) {
            const double *pi = p + i * (m + 1);
            for (ptrdiff_t c = 0; c < m; ++c) {
                CHECK_NEAR(residual[i * m + c], gradient[i * (m + 1) + c + 1], w_max * 0x1p-50,
                           "row %td, logit %td of %td on %s", i, c, m, K->name);
                for (ptrdiff_t d = 0; d < m; ++d)
                    CHECK_NEAR(curvature[(i * m + c) * m + d],
                               q.model.weight[i] * pi[c + 1] * ((double)(c == d) - pi[d + 1]),
                               w_max * 0x1p-50, "row %td, logits %td %td of %td on %s", i, c, d, m, K->name);
            }
        }
        if (m == 1) {
            double *r = doubles(N), *h = doubles(N);
            const sx_dd binary = K->binary_rows(N, q.eta, q.model.y, q.model.weight, r, h);
            CHECK_NEAR(binary.high, nll.high, 0x1p-50 * nll.high, "binary on %s", K->name);
            for (ptrdiff_t i = 0; i < N; ++i) {
                CHECK_NEAR(r[i], residual[i], 0x1p-50 * fabs(r[i]), "row %td on %s", i, K->name);
                CHECK_NEAR(h[i], curvature[i], 0x1p-50 * h[i], "row %td on %s", i, K->name);
            }
        }
        release(mark);
    }
}

/* The derivatives of a line at step 0 are those of the rows; its change is the difference of two NLLs. */
static void lines(const sx_kernels *K)
{
    for (ptrdiff_t m = 1; m < 5; ++m) {
        for (int binary = 0; binary <= (m == 1); ++binary) {
            const int mark = memory_used;
            const problem q = problem_of(N, 0, m, 1, 1, 9);
            double *r = doubles(N * m), *h = doubles(N * m * m), *work = doubles(K->rows_work(m)),
                   *end = doubles(N * m);
            for (ptrdiff_t i = 0; i < N * m; ++i) end[i] = q.eta[i] + 0.5 * q.slope[i];
#define ROWS(eta) \
    (binary ? K->binary_rows(N, eta, q.model.y, q.model.weight, r, h) \
            : K->softmax_rows(N, m, eta, q.model.y, q.model.weight, r, h, work))
#define LINE(step) \
    (binary ? K->binary_line(N, step, q.eta, q.slope, q.model.y, q.model.weight) \
            : K->softmax_line(N, m, step, q.eta, q.slope, q.model.y, q.model.weight, work))
            const double after = ROWS(end).high, before = ROWS(q.eta).high;
            const sx_line still = LINE(0.0), moved = LINE(0.5);
#undef ROWS
#undef LINE
            double first = 0.0, second = 0.0, size = 0.0;
            for (ptrdiff_t i = 0; i < N; ++i)
                for (ptrdiff_t c = 0; c < m; ++c) {
                    first += r[i * m + c] * q.slope[i * m + c];
                    size += fabs(r[i * m + c]);
                    for (ptrdiff_t d = 0; d < m; ++d)
                        second += h[(i * m + c) * m + d] * q.slope[i * m + c] * q.slope[i * m + d];
                }
            CHECK(still.change.high == 0.0 && still.change.low == 0.0, "%a on %s", still.change.high,
                  K->name);
            CHECK_NEAR(still.first, first, 0x1p-44 * size, "%td logits on %s", m, K->name);
            CHECK_NEAR(still.second, second, 0x1p-42 * size, "%td logits on %s", m, K->name);
            CHECK_NEAR(moved.change.high, after - before, 0x1p-48 * (after + before), "%td logits on %s", m,
                       K->name);
            release(mark);
        }
    }
}

int main(void)
{
    on_each_target(mirrored);
    on_each_target(hyperbolic);
    on_each_target(at_infinity);
    on_each_target(in_place);
    on_each_target(classes);
    on_each_target(infinite_logits);
    on_each_target(models);
    on_each_target(lines);
    return check_end("laws_rows");
}
