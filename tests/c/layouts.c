/* Strides and empty sizes: C and Fortran order, slices, reversed and repeated rows and columns give the bits
 * of a contiguous copy, for what is read and for what is written; nothing, one class, no columns are sizes
 * too. */
#include "inputs.h"

/* Element (i, j) of n x p lies at i row + j col of a block of `size` doubles that starts `start` before or
 * after. */
typedef struct {
    const char *name;
    ptrdiff_t row, col, start, size;
} layout;

enum { LAYOUTS = 10, DISTINCT = 7 };

/* The first DISTINCT keep all elements apart. */
static layout layout_of(int which, ptrdiff_t n, ptrdiff_t p)
{
    switch (which) {
    case 0: return (layout){"C order", p, 1, 0, n * p};
    case 1: return (layout){"Fortran order", 1, n, 0, n * p};
    case 2: return (layout){"every other column", 2 * p + 3, 2, 0, n * (2 * p + 3)};
    case 3: return (layout){"every third row", 3 * p, 1, 0, 3 * n * p};
    case 4: return (layout){"rows reversed", -p, 1, (n - 1) * p, n * p};
    case 5: return (layout){"columns reversed", p, -1, p - 1, n * p};
    case 6: return (layout){"Fortran order, both reversed", -1, -n, n * p - 1, n * p};
    case 7: return (layout){"one row for all", 0, 1, 0, p};
    case 8: return (layout){"one column for all", 1, 0, 0, n};
    default: return (layout){"one element for all", 0, 0, 0, 1};
    }
}

static sx_rows laid_out(layout a, ptrdiff_t n, ptrdiff_t p, uint64_t seed)
{
    double *data = doubles(a.size);
    uint64_t s = seed;
    for (ptrdiff_t i = 0; i < a.size; ++i) data[i] = 2.0 * next_signed(&s);
    return (sx_rows){data + a.start, n, p, a.row, a.col};
}

static sx_rows copy_of(sx_rows X)
{
    double *data = doubles(X.n_rows * X.n_cols);
    for (ptrdiff_t i = 0; i < X.n_rows; ++i)
        for (ptrdiff_t j = 0; j < X.n_cols; ++j)
            data[i * X.n_cols + j] = X.data[i * X.row_stride + j * X.col_stride];
    return (sx_rows){data, X.n_rows, X.n_cols, X.n_cols, 1};
}

#define WHERE "%s, %td x %td, on %s"

/* What reads X: results into `out`, one after the other; how many there are. */
static ptrdiff_t read_all(const sx_kernels *K, sx_rows X, const problem *q, double *out)
{
    const ptrdiff_t m = q->m, k = q->k, n = q->n;
    double *work = doubles(K->pass_work(&X, m, 1)), *start = out;
    double *single = doubles(K->pass_work(&X, m, 0)), *gram = doubles(K->pass_work(&X, 2, 1));
    K->linear_predictor(&X, &q->model, out, single), out += n * m;
    K->transpose_product(&X, q->intercept, m, q->eta, out, single), out += m * k;
    for (ptrdiff_t i = 0; i < n; ++i) q->slope[i] = fabs(q->slope[i]);
    K->weighted_gram(&X, q->intercept, q->slope, out, gram), out += k * k;
    K->weighted_gram(&X, q->intercept, q->eta, out, gram), out += k * k;
    out[0] = K->column_largest(&X, out + 1);
    out += 1 + q->p;
    const sx_dd nll = (m == 1 ? K->binary_pass : K->softmax_pass)(&X, &q->model, out, out + m * k, work);
    out += m * k + m * k * m * k;
    *out++ = nll.high;
    *out++ = nll.low;
    double *refine = doubles(K->refine_work(&X, m));
    K->linear_predictor_dd(&X, &q->model, q->model.coef, out, out + n * m, refine), out += 2 * n * m;
    const sx_refined found = (m == 1 ? K->binary_refine : K->softmax_refine)(
        &X, &q->model, q->model.coef, out, out + m * k, out + 2 * m * k, refine);
    out += 2 * m * k + q->p;
    *out++ = found.nll.high;
    *out++ = found.nll.low;
    *out++ = found.spread;
    return out - start;
}

static void designs(const sx_kernels *K)
{
    static const ptrdiff_t rows[] = {1, 5, TILE + 1, 2 * TILE + 37}, columns[] = {1, 3, LANES, 21};
    for (size_t r = 0; r < 4; ++r)
        for (size_t c = 0; c < 4; ++c)
            for (int which = 0; which < LAYOUTS; ++which) {
                const int mark = memory_used;
                const ptrdiff_t n = rows[r], p = columns[c], m = 1 + which % 3;
                const layout a = layout_of(which, n, p);
                const problem q = problem_of(n, p, m, which % 2, 1, 21);
                const sx_rows X = laid_out(a, n, p, 5);
                const ptrdiff_t size = 3 * n * m + 4 * m * q.k + 2 * q.k * q.k + 2 * p + m * q.k * m * q.k + 6;
                double *here = doubles(size), *there = doubles(size);
                const ptrdiff_t found = read_all(K, X, &q, here);
                read_all(K, copy_of(X), &q, there);
                CHECK(found == size, "%td of %td", found, size);
                CHECK_SAME_ALL(size, here, there, WHERE, a.name, n, p, K->name);
                release(mark);
            }
}

/* Rows of logits, strided in and out; and an output that is the input. */
static void logits(const sx_kernels *K)
{
    static const ptrdiff_t rows[] = {1, 7, TILE, TILE + 9}, classes[] = {1, 2, 5, 33};
    for (size_t r = 0; r < 4; ++r)
        for (size_t c = 0; c < 4; ++c)
            for (int which = 0; which < LAYOUTS; ++which)
                for (int to = -1; to < DISTINCT; ++to) {
                    if (to < 0 && which >= DISTINCT) continue;
                    const int mark = memory_used;
                    const ptrdiff_t n = rows[r], k = classes[c];
                    const layout a = layout_of(which, n, k), b = layout_of(to < 0 ? which : to, n, k);
                    double *work = doubles(K->logits_work(k)), *weight = doubles(n), *wanted = doubles(n * k);
                    double *one = doubles(n), *other = doubles(n), *flat = doubles(n * k);
                    int32_t *y = codes(n);
                    uint64_t s = 3;
                    for (ptrdiff_t i = 0; i < n; ++i)
                        y[i] = (int32_t)next_below(&s, k), weight[i] = next_unit(&s);
                    for (int f = 0; f < 3; ++f) {
                        const sx_rows in = laid_out(a, n, k, 5), copy = copy_of(in);
                        double *data = to < 0 ? (double *)(uintptr_t)in.data : doubles(b.size) + b.start;
                        const sx_rows_out out = {data, b.row, b.col}, plain = {wanted, k, 1};
                        sx_dd x = {0, 0}, z = {0, 0};
                        K->logsumexp(&in, one, work);
                        K->logsumexp(&copy, other, work);
                        CHECK_SAME_ALL(n, one, other, "logsumexp, " WHERE, a.name, n, k, K->name);
                        if (f == 0) K->softmax(&copy, plain, work), K->softmax(&in, out, work);
                        if (f == 1) K->log_softmax(&copy, plain, work), K->log_softmax(&in, out, work);
                        if (f == 2) {
                            z = K->cross_entropy(&copy, y, weight, plain, work);
                            x = K->cross_entropy(&in, y, weight, out, work);
                        }
                        CHECK_SAME(x.high, z.high, WHERE, a.name, n, k, K->name);
                        CHECK_SAME(x.low, z.low, WHERE, a.name, n, k, K->name);
                        for (ptrdiff_t i = 0; i < n; ++i)
                            for (ptrdiff_t j = 0; j < k; ++j) flat[i * k + j] = data[i * b.row + j * b.col];
                        CHECK_SAME_ALL(n * k, flat, wanted, "function %d, to %s%s, from " WHERE, f,
                                       to < 0 ? "the input, " : "", b.name, a.name, n, k, K->name);
                        /* what lies between the elements is not touched */
                        ptrdiff_t written = 0;
                        for (ptrdiff_t i = 0; i < b.size; ++i)
                            written += to < 0 || data[i - b.start] == data[i - b.start];
                        CHECK(written == (to < 0 ? b.size : n * k), "%td written, %s, " WHERE, written,
                              b.name, a.name, n, k, K->name);
                    }
                    release(mark);
                }
}

/* No rows, no columns, nothing to write: sums are 0, and NULL will do for what is empty. */
static void nothing(const sx_kernels *K)
{
    for (ptrdiff_t p = 0; p < 4; p += 3)
        for (ptrdiff_t m = 1; m < 3; ++m)
            for (int intercept = 0; intercept < 2; ++intercept) {
                const int mark = memory_used;
                const ptrdiff_t k = p + intercept, all = m * k * m * k;
                const problem full = problem_of(3, p, m, intercept, 1, 2);
                const sx_rows X = {NULL, 0, p, p, 1};
                const sx_model model = {m, intercept, k > 0 ? full.model.coef : NULL, NULL, NULL, NULL};
                double *g = k > 0 ? doubles(m * k) : NULL, *H = k > 0 ? doubles(all) : NULL,
                       *largest = p ? doubles(p) : NULL;
                double *work = doubles(K->pass_work(&X, m, 1)), *rows = doubles(K->rows_work(m));
                const sx_dd nll = (m == 1 ? K->binary_pass : K->softmax_pass)(&X, &model, g, H, work);
                CHECK(nll.high == 0.0 && nll.low == 0.0, "%a, p %td, m %td on %s", nll.high, p, m, K->name);
                for (ptrdiff_t i = 0; i < m * k; ++i)
                    CHECK(g[i] == 0.0, "%a, p %td, m %td on %s", g[i], p, m, K->name);
                for (ptrdiff_t i = 0; i < all; ++i)
                    CHECK(H[i] == 0.0, "%a, p %td, m %td on %s", H[i], p, m, K->name);
                K->linear_predictor(&X, &model, NULL, work);
                double *refine = doubles(K->refine_work(&X, m)), *low = doubles(m * k);
                K->linear_predictor_dd(&X, &model, NULL, NULL, NULL, refine);
                const sx_refined none =
                    (m == 1 ? K->binary_refine : K->softmax_refine)(&X, &model, NULL, g, low, largest, refine);
                CHECK(none.nll.high == 0.0 && none.spread == 0.0, "p %td, m %td on %s", p, m, K->name);
                for (ptrdiff_t i = 0; i < m * k; ++i)
                    CHECK(g[i] == 0.0 && low[i] == 0.0, "%a, p %td, m %td on %s", g[i], p, m, K->name);
                K->transpose_product(&X, intercept, m, NULL, g, work);
                for (ptrdiff_t i = 0; i < m * k; ++i)
                    CHECK(g[i] == 0.0, "%a, p %td, m %td on %s", g[i], p, m, K->name);
                if (m == 1) K->weighted_gram(&X, intercept, NULL, H, doubles(K->pass_work(&X, 2, 1)));
                CHECK(p == 0 || K->column_largest(&X, largest), "p %td on %s", p, K->name);
                for (ptrdiff_t j = 0; j < p; ++j) CHECK(largest[j] == 0.0, "%a on %s", largest[j], K->name);
                CHECK(K->softmax_rows(0, m, NULL, NULL, NULL, NULL, NULL, rows).high == 0.0, "m %td on %s", m,
                      K->name);
                CHECK(K->binary_rows(0, NULL, NULL, NULL, NULL, NULL).high == 0.0, "on %s", K->name);
                CHECK(K->softmax_line(0, m, 1.0, NULL, NULL, NULL, NULL, rows).change.high == 0.0, "on %s",
                      K->name);
                CHECK(K->binary_line(0, 1.0, NULL, NULL, NULL, NULL).second == 0.0, "on %s", K->name);
                release(mark);
            }
    for (ptrdiff_t k = 1; k < 4; ++k) {
        const sx_rows none = {NULL, 0, k, k, 1};
        const sx_rows_out nowhere = {NULL, k, 1};
        double *work = doubles(K->logits_work(k));
        K->logsumexp(&none, NULL, work);
        K->softmax(&none, nowhere, work);
        K->log_softmax(&none, nowhere, work);
        CHECK(K->cross_entropy(&none, NULL, NULL, nowhere, work).high == 0.0, "%td classes on %s", k,
              K->name);
    }
    K->exp(0, NULL, NULL);
    K->expit(0, NULL, NULL);
    K->log_expit(0, NULL, NULL);
    K->log1pexp(0, NULL, NULL);
    K->tanh(0, NULL, NULL);
    K->tanh_slope(0, NULL, NULL);
}

int main(void)
{
    on_each_target(designs);
    on_each_target(logits);
    on_each_target(nothing);
    return check_end("layouts");
}
