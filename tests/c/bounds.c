/* Memory: every input, output and work space has exactly its size, at every odd size around the tile of 128
 * rows and the lanes of 8 columns, on and off 16-byte boundaries.  An overrun by one element is for
 * AddressSanitizer to see; what is checked here is that all that is promised is written, inputs are as they
 * were, and no nan of unwritten work space gets into a result. */
#include "inputs.h"

static const ptrdiff_t ROWS_OF[] = {1, 3, 7, 9, 127, 128, 129, 257};
static const ptrdiff_t COLUMNS_OF[] = {0, 1, 2, 3, 5, 7, 8, 9, 15, 17, 25, 33, 65, 71};

/* Rows of the operations without columns. */
static const ptrdiff_t LENGTHS[] = {1,  2,  3,   4,   5,   6,   7,   8,   9,   15,  17,
                                    63, 65, 120, 126, 127, 128, 129, 130, 255, 256, 257};
#define EACH_LENGTH(n) \
    for (size_t at_ = 0; at_ < sizeof LENGTHS / sizeof *LENGTHS; ++at_) \
        for (ptrdiff_t n = LENGTHS[at_], once_ = 1; once_; once_ = 0)

static int all_numbers(ptrdiff_t n, const double *x)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        if (x[i] != x[i]) return 0;
    return 1;
}

static uint64_t seen(uint64_t sum, ptrdiff_t n, const double *x)
{
    for (ptrdiff_t i = 0; x && i < n; ++i) sum = (sum ^ bits_of(x[i])) * 0x100000001b3u;
    return sum;
}

static uint64_t inputs_of(const problem *q)
{
    uint64_t sum = seen(0, q->n * q->p, q->X.data);
    sum = seen(sum, q->m * q->k, q->model.coef);
    sum = seen(sum, q->n, q->model.weight);
    sum = seen(sum, q->n * q->m, q->model.offset);
    sum = seen(sum, q->n * q->m, q->eta);
    sum = seen(sum, q->n * q->m, q->slope);
    for (ptrdiff_t i = 0; i < q->n; ++i) sum = sum * 31 + (uint64_t)q->model.y[i];
    return sum;
}

#define SHAPE "n %td, p %td, m %td, intercept %d, on %s"
#define SHAPE_OF(q, K) (q)->n, (q)->p, (q)->m, (q)->intercept, (K)->name
#define WRITTEN(n, x) CHECK(all_numbers(n, x), SHAPE, SHAPE_OF(q, K))

/* All operations that take X, each with memory of its own. */
static void of_a_design(const sx_kernels *K, const problem *q, int fortran)
{
    const ptrdiff_t n = q->n, p = q->p, m = q->m, k = q->k, all = m * k * m * k;
    problem o = *q;
    if (fortran) {
        double *X = doubles(n * p);
        for (ptrdiff_t i = 0; i < n; ++i)
            for (ptrdiff_t j = 0; j < p; ++j) X[j * n + i] = q->X.data[i * p + j];
        o.X = (sx_rows){X, n, p, 1, n};
    }
    double *eta = doubles(n * m), *g = doubles(m * k), *G = doubles(k * k), *largest = doubles(p);
    K->linear_predictor(&o.X, &o.model, eta, doubles(K->pass_work(&o.X, m, 0)));
    WRITTEN(n * m, eta);
    K->transpose_product(&o.X, q->intercept, m, q->eta, g, doubles(K->pass_work(&o.X, m, 0)));
    WRITTEN(m * k, g);
    double *h = doubles(n);
    for (ptrdiff_t i = 0; i < n; ++i) h[i] = fabs(q->eta[i * m]);
    K->weighted_gram(&o.X, q->intercept, h, G, doubles(K->pass_work(&o.X, 2, 1)));
    WRITTEN(k * k, G);
    h[n / 2] = -1.0;
    K->weighted_gram(&o.X, q->intercept, h, G, doubles(K->pass_work(&o.X, 2, 1)));
    WRITTEN(k * k, G);
    CHECK(K->column_largest(&o.X, largest), SHAPE, SHAPE_OF(q, K));
    WRITTEN(p, largest);
    for (int low = 0; low < 2; ++low) {
        double *eta_low = low ? doubles(n * m) : NULL;
        K->linear_predictor_dd(&o.X, &o.model, low ? q->model.coef : NULL, eta, eta_low,
                               doubles(K->refine_work(&o.X, m)));
        WRITTEN(n * m, eta);
        if (low) WRITTEN(n * m, eta_low);
        for (int binary = 0; binary <= (m == 1); ++binary) {
            double *high = doubles(m * k), *rest = doubles(m * k), *sizes = low ? doubles(p) : NULL;
            const sx_refined found = (binary ? K->binary_refine : K->softmax_refine)(
                &o.X, &o.model, low ? q->model.coef : NULL, high, rest, sizes, doubles(K->refine_work(&o.X, m)));
            WRITTEN(1, &found.nll.high);
            WRITTEN(1, &found.spread);
            WRITTEN(m * k, high);
            WRITTEN(m * k, rest);
            if (low) WRITTEN(p, sizes);
            for (ptrdiff_t j = 0; low && j < p; ++j)
                CHECK_SAME(sizes[j], largest[j], "column %td, " SHAPE, j, SHAPE_OF(q, K));
        }
    }
    for (int binary = 0; binary <= (m == 1); ++binary)
        for (int wanted = 0; wanted < 4; ++wanted) {
            double *gradient = wanted & 1 ? doubles(m * k) : NULL,
                   *hessian = wanted & 2 ? doubles(all) : NULL;
            double *work = doubles(K->pass_work(&o.X, m, hessian != NULL));
            const sx_dd nll =
                (binary ? K->binary_pass : K->softmax_pass)(&o.X, &o.model, gradient, hessian, work);
            WRITTEN(1, &nll.high);
            if (gradient) WRITTEN(m * k, gradient);
            if (hessian) WRITTEN(all, hessian);
        }
}

static void designs(const sx_kernels *K)
{
    for (size_t r = 0; r < sizeof ROWS_OF / sizeof *ROWS_OF; ++r)
        for (size_t c = 0; c < sizeof COLUMNS_OF / sizeof *COLUMNS_OF; ++c)
            for (int variant = 0; variant < 6; ++variant) {
                const int mark = memory_used;
                const problem q =
                    problem_of(ROWS_OF[r], COLUMNS_OF[c], 1 + variant % 3, variant % 2, variant > 2, 17);
                const uint64_t before = inputs_of(&q);
                of_a_design(K, &q, 0);
                of_a_design(K, &q, 1);
                CHECK(inputs_of(&q) == before, "inputs changed, " SHAPE, SHAPE_OF(&q, K));
                release(mark);
            }
}

static void rows_and_lines(const sx_kernels *K)
{
    EACH_LENGTH (n)
        for (ptrdiff_t m = 1; m < 10; m += m < 4 ? 1 : 5) {
            const int mark = memory_used;
            const problem of_all = problem_of(n, 0, m, 1, (int)n % 2, 23), *q = &of_all;
            const uint64_t before = inputs_of(q);
            const int32_t *y = q->model.y;
            const double *w = q->model.weight;
            for (int binary = 0; binary <= (m == 1); ++binary) {
                double *r = doubles(n * m), *h = doubles(n * m * m);
                const sx_dd nll = binary
                                      ? K->binary_rows(n, q->eta, y, w, r, h)
                                      : K->softmax_rows(n, m, q->eta, y, w, r, h, doubles(K->rows_work(m)));
                WRITTEN(1, &nll.high);
                WRITTEN(n * m, r);
                WRITTEN(n * m * m, h);
                const sx_line line =
                    binary ? K->binary_line(n, 0.5, q->eta, q->slope, y, w)
                           : K->softmax_line(n, m, 0.5, q->eta, q->slope, y, w, doubles(K->rows_work(m)));
                WRITTEN(1, &line.change.high);
                WRITTEN(1, &line.first);
                WRITTEN(1, &line.second);
            }
            CHECK(inputs_of(q) == before, "inputs changed, " SHAPE, SHAPE_OF(q, K));
            release(mark);
        }
}

static void numbers(const sx_kernels *K)
{
    void (*const functions[])(ptrdiff_t, const double *, double *) = {K->exp, K->expit, K->log_expit,
                                                                      K->log1pexp, K->tanh, K->tanh_slope};
    for (int f = 0; f < 6; ++f)
        for (ptrdiff_t n = 1; n < 300; ++n) {
            const int mark = memory_used;
            double *x = doubles(n), *out = doubles(n);
            uint64_t s = (uint64_t)n;
            for (ptrdiff_t i = 0; i < n; ++i) x[i] = next_of_any_size(&s, -10, 10);
            functions[f](n, x, out);
            CHECK(all_numbers(n, out), "function %d of %td numbers on %s", f, n, K->name);
            release(mark);
        }
}

static void logits(const sx_kernels *K)
{
    EACH_LENGTH (n)
        for (ptrdiff_t k = 1; k < 300; k = k < 10 ? k + 1 : 3 * k + 1) {
            const int mark = memory_used;
            const problem of_all = problem_of(n, 0, k, 1, 1, 29), *q = &of_all;
            const uint64_t before = inputs_of(q);
            int32_t *y = codes(n);
            for (ptrdiff_t i = 0; i < n; ++i) y[i] = i % 2 ? (int32_t)(k - 1) : 0;
            for (int fortran = 0; fortran < 2; ++fortran) {
                const ptrdiff_t row = fortran ? 1 : k, col = fortran ? n : 1;
                const sx_rows in = {q->eta, n, k, row, col};
                double *sum = doubles(n), *p = doubles(n * k), *log_p = doubles(n * k), *g = doubles(n * k);
                K->logsumexp(&in, sum, doubles(K->logits_work(k)));
                WRITTEN(n, sum);
                K->softmax(&in, (sx_rows_out){p, row, col}, doubles(K->logits_work(k)));
                WRITTEN(n * k, p);
                K->log_softmax(&in, (sx_rows_out){log_p, row, col}, doubles(K->logits_work(k)));
                WRITTEN(n * k, log_p);
                const sx_dd nll = K->cross_entropy(&in, y, fortran ? q->model.weight : NULL,
                                                   (sx_rows_out){g, row, col}, doubles(K->logits_work(k)));
                WRITTEN(1, &nll.high);
                WRITTEN(n * k, g);
            }
            CHECK(inputs_of(q) == before, "inputs changed, " SHAPE, SHAPE_OF(q, K));
            release(mark);
        }
}

/* Logits and steps that are no numbers: no class is the largest, and none may be looked up. */
static void no_numbers(const sx_kernels *K)
{
    const double strange[] = {(double)NAN, INFINITY, -INFINITY};
    for (int at = 0; at < 9; ++at) {
        const double step = strange[at / 3], logit = strange[at % 3];
        const int32_t y[2] = {0, 2};
        double *eta = doubles(4), *slope = doubles(4), *residual = doubles(4), *curvature = doubles(8);
        for (int i = 0; i < 4; ++i) eta[i] = i == 1 ? logit : 0.5, slope[i] = 1.0;
        const sx_line along = K->softmax_line(2, 2, step, eta, slope, y, NULL, doubles(K->rows_work(2)));
        const double nll = K->softmax_rows(2, 2, eta, y, NULL, residual, curvature, doubles(K->rows_work(2))).high;
        CHECK(!(along.change.high - along.change.high == 0.0), "%a on %s", along.change.high, K->name);
        if (at % 3 < 2) CHECK(nll != nll, "%a on %s", nll, K->name);
    }
}

int main(void)
{
    on_each_target(no_numbers);
    on_each_target(designs);
    on_each_target(rows_and_lines);
    on_each_target(numbers);
    on_each_target(logits);
    return check_end("bounds");
}
