/* Laws of the linear layer and of the passes: composition, naive sums, weights and offsets. */
#include "inputs.h"

static const ptrdiff_t ROWS_OF[] = {1, TILE - 1, TILE, 2 * TILE + 37};
static const ptrdiff_t COLUMNS_OF[] = {0, 1, 3, LANES - 1, LANES, LANES + 1, 23, 33, 67};

typedef void (*shape_test)(const sx_kernels *K, const problem *q);

static void on_each_shape(const sx_kernels *K, shape_test test)
{
    for (size_t r = 0; r < sizeof ROWS_OF / sizeof *ROWS_OF; ++r)
        for (size_t c = 0; c < sizeof COLUMNS_OF / sizeof *COLUMNS_OF; ++c)
            for (ptrdiff_t m = 1; m < 4; ++m)
                for (int intercept = 0; intercept < 2; ++intercept) {
                    const int mark = memory_used;
                    const problem q =
                        problem_of(ROWS_OF[r], COLUMNS_OF[c], m, intercept, (int)(m + intercept) % 2, 3);
                    test(K, &q);
                    release(mark);
                }
}

#define SHAPE "n %td, p %td, m %td, intercept %d, on %s"
#define SHAPE_OF(q, K) (q)->n, (q)->p, (q)->m, (q)->intercept, (K)->name

/* z_ij of [1 X] */
static double z_of(const problem *q, ptrdiff_t i, ptrdiff_t j)
{
    return j < q->intercept ? 1.0 : q->X.data[i * q->X.row_stride + (j - q->intercept) * q->X.col_stride];
}

static sx_dd pass(const sx_kernels *K, const problem *q, int binary, double *gradient, double *hessian)
{
    const int mark = memory_used;
    double *work = doubles(K->pass_work(&q->X, q->m, hessian != NULL));
    const sx_dd nll = (binary ? K->binary_pass : K->softmax_pass)(&q->X, &q->model, gradient, hessian, work);
    release(mark);
    return nll;
}

/* A pass is its layers, to the bit: logits, rows, gradient, Hessian. */
static void composition(const sx_kernels *K, const problem *q)
{
    const ptrdiff_t n = q->n, m = q->m, k = q->k;
    for (int binary = 0; binary <= (m == 1); ++binary) {
        double *gradient = doubles(m * k), *hessian = doubles(m * k * m * k), *alone = doubles(m * k);
        double *eta = doubles(n * m), *r = doubles(n * m), *h = doubles(n * m * m), *one = doubles(n);
        double *G = doubles(k * k), *found = doubles(k * k), *g = doubles(m * k);
        double *linear = doubles(K->pass_work(&q->X, m, 0));
        double *gram = doubles(K->pass_work(&q->X, 2, 1)), *rows = doubles(K->rows_work(m));
        const sx_dd nll = pass(K, q, binary, gradient, hessian);
        CHECK_SAME(pass(K, q, binary, NULL, NULL).high, nll.high, SHAPE, SHAPE_OF(q, K));
        CHECK_SAME(pass(K, q, binary, alone, NULL).low, nll.low, SHAPE, SHAPE_OF(q, K));
        CHECK_SAME_ALL(m * k, alone, gradient, SHAPE, SHAPE_OF(q, K));

        K->linear_predictor(&q->X, &q->model, eta, linear);
        const sx_dd sum = binary ? K->binary_rows(n, eta, q->model.y, q->model.weight, r, h)
                                 : K->softmax_rows(n, m, eta, q->model.y, q->model.weight, r, h, rows);
        CHECK_SAME(nll.high, sum.high, SHAPE, SHAPE_OF(q, K));
        CHECK_SAME(nll.low, sum.low, SHAPE, SHAPE_OF(q, K));
        K->transpose_product(&q->X, q->intercept, m, r, g, linear);
        CHECK_SAME_ALL(m * k, gradient, g, SHAPE, SHAPE_OF(q, K));
        for (ptrdiff_t c = 0; c < m; ++c)
            for (ptrdiff_t d = 0; d < m; ++d) {
                for (ptrdiff_t i = 0; i < n; ++i) one[i] = h[(i * m + c) * m + d];
                K->weighted_gram(&q->X, q->intercept, one, G, gram);
                for (ptrdiff_t j = 0; j < k; ++j) /* + 0.0: an empty sum may be -0 */
                    for (ptrdiff_t l = 0; l < k; ++l) {
                        found[j * k + l] = hessian[(c * k + j) * m * k + d * k + l] + 0.0;
                        G[j * k + l] += 0.0;
                    }
                CHECK_SAME_ALL(k * k, found, G, "block %td %td, " SHAPE, c, d, SHAPE_OF(q, K));
            }
    }
}

/* The linear layer within the bound of any order of its sums: (terms + 3) u sum |term|. */
static void naive_sums(const sx_kernels *K, const problem *q)
{
    const ptrdiff_t n = q->n, m = q->m, k = q->k;
    const double u = 0x1p-53;
    double *eta = doubles(n * m), *g = doubles(m * k), *G = doubles(k * k), *h = doubles(n);
    double *work = doubles(K->pass_work(&q->X, m, 0));
    double *gram = doubles(K->pass_work(&q->X, 2, 1));
    K->linear_predictor(&q->X, &q->model, eta, work);
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t c = 0; c < m; ++c) {
            double sum = q->model.offset ? q->model.offset[i * m + c] : 0.0, size = fabs(sum);
            for (ptrdiff_t j = 0; j < k; ++j) {
                const double term = z_of(q, i, j) * q->model.coef[c * k + j];
                sum += term;
                size += fabs(term);
            }
            CHECK_NEAR(eta[i * m + c], sum, 2.0 * (double)(k + 3) * u * size, SHAPE, SHAPE_OF(q, K));
        }
    K->transpose_product(&q->X, q->intercept, m, q->eta, g, work);
    for (ptrdiff_t c = 0; c < m; ++c)
        for (ptrdiff_t j = 0; j < k; ++j) {
            double sum = 0.0, size = 0.0;
            for (ptrdiff_t i = 0; i < n; ++i) {
                sum += q->eta[i * m + c] * z_of(q, i, j);
                size += fabs(q->eta[i * m + c] * z_of(q, i, j));
            }
            CHECK_NEAR(g[c * k + j], sum, 2.0 * (double)(n + 3) * u * size, SHAPE, SHAPE_OF(q, K));
        }
    for (int sign = 0; sign < 2; ++sign) { /* curvatures of one sign have roots, others not */
        for (ptrdiff_t i = 0; i < n; ++i) h[i] = sign ? q->eta[i * m] : fabs(q->eta[i * m]);
        K->weighted_gram(&q->X, q->intercept, h, G, gram);
        for (ptrdiff_t j = 0; j < k; ++j)
            for (ptrdiff_t l = 0; l < k; ++l) {
                double sum = 0.0, size = 0.0;
                for (ptrdiff_t i = 0; i < n; ++i) {
                    sum += h[i] * z_of(q, i, j) * z_of(q, i, l);
                    size += fabs(h[i] * z_of(q, i, j) * z_of(q, i, l));
                }
                CHECK_NEAR(G[j * k + l], sum, 2.0 * (double)(n + 6) * u * size, SHAPE, SHAPE_OF(q, K));
                CHECK_SAME(G[j * k + l], G[l * k + j], SHAPE, SHAPE_OF(q, K));
            }
    }
}

/* No weights are ones, no offset is zeros; four times the weights are four times every sum; all to the bit.
 */
static void weights_and_offsets(const sx_kernels *K, const problem *q)
{
    const ptrdiff_t n = q->n, m = q->m, k = q->k, all = m * k * m * k;
    double *g = doubles(m * k), *H = doubles(all), *g_plain = doubles(m * k), *H_plain = doubles(all);
    double *weight = doubles(n), *offset = doubles(n * m);
    for (int binary = 0; binary <= (m == 1); ++binary) {
        problem other = *q;
        other.model.weight = other.model.offset = NULL;
        const sx_dd plain = pass(K, &other, binary, g_plain, H_plain);
        for (int power = 0; power < 2; ++power) {
            const double scale = power ? 4.0 : 1.0;
            for (ptrdiff_t i = 0; i < n; ++i) weight[i] = scale;
            for (ptrdiff_t i = 0; i < n * m; ++i) offset[i] = 0.0;
            other.model.weight = weight;
            other.model.offset = offset;
            const sx_dd nll = pass(K, &other, binary, g, H);
            CHECK_SAME(nll.high, scale * plain.high, SHAPE, SHAPE_OF(q, K));
            CHECK_SAME(nll.low, scale * plain.low, SHAPE, SHAPE_OF(q, K));
            for (ptrdiff_t i = 0; i < m * k; ++i) g[i] /= scale;
            for (ptrdiff_t i = 0; i < all; ++i) H[i] /= scale;
            CHECK_SAME_ALL(m * k, g, g_plain, "scale %g, " SHAPE, scale, SHAPE_OF(q, K));
            CHECK_SAME_ALL(all, H, H_plain, "scale %g, " SHAPE, scale, SHAPE_OF(q, K));
        }
        for (ptrdiff_t i = 0; i < n; ++i) weight[i] = 0.0;
        CHECK(pass(K, &other, binary, g, H).high == 0.0, SHAPE, SHAPE_OF(q, K));
        for (ptrdiff_t i = 0; i < m * k; ++i)
            CHECK(g[i] == 0.0, "weight 0: %a, " SHAPE, g[i], SHAPE_OF(q, K));
        for (ptrdiff_t i = 0; i < all; ++i) CHECK(H[i] == 0.0, "weight 0: %a, " SHAPE, H[i], SHAPE_OF(q, K));
    }
}

/* max |x|, and whether all is finite. */
static void column_sizes(const sx_kernels *K, const problem *q)
{
    double *largest = doubles(q->p), *X = doubles(q->n * q->p);
    memcpy(X, q->X.data, (size_t)(q->n * q->p) * sizeof *X);
    const sx_rows rows = {X, q->n, q->p, q->p, 1};
    CHECK(K->column_largest(&rows, largest), SHAPE, SHAPE_OF(q, K));
    for (ptrdiff_t j = 0; j < q->p; ++j) {
        double wanted = 0.0;
        for (ptrdiff_t i = 0; i < q->n; ++i) wanted = fmax(wanted, fabs(X[i * q->p + j]));
        CHECK_SAME(largest[j], wanted, "column %td, " SHAPE, j, SHAPE_OF(q, K));
    }
    if (!q->p) return;
    const double bad[] = {INFINITY, -INFINITY, (double)NAN};
    for (int b = 0; b < 3; ++b) {
        const ptrdiff_t at = (q->n * q->p - 1) * b / 2;
        const double kept = X[at];
        X[at] = bad[b];
        CHECK(!K->column_largest(&rows, largest), "%a at %td, " SHAPE, bad[b], at, SHAPE_OF(q, K));
        X[at] = kept;
    }
}

static void on_all_shapes(const sx_kernels *K)
{
    on_each_shape(K, composition);
    on_each_shape(K, naive_sums);
    on_each_shape(K, weights_and_offsets);
    on_each_shape(K, column_sizes);
}

int main(void)
{
    on_each_target(on_all_shapes);
    return check_end("laws_passes");
}
