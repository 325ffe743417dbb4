/* The bits themselves: a hash of every operation over inputs made of integers, frozen here.
 *
 * Functions of numbers and rows have one hash on all targets and machines.  Sums over rows and columns have
 * two, one with FMA (AVX2, AVX-512) and one without (the generic target, on x86-64 and on AArch64).  nan
 * counts as one pattern.  After a change of bits that is meant, `hashes print` writes the new table.
 */
#include "inputs.h"

/* -- FNV-1a, 64 bits --------------------------------------------------------------------------------- */

static uint64_t digest;

static void add(ptrdiff_t n, const double *x)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        const uint64_t u = bits_of(x[i]);
        for (int byte = 0; byte < 8; ++byte) digest = (digest ^ (u >> (8 * byte) & 0xff)) * 0x100000001b3u;
    }
}

static void add_pair(sx_dd a)
{
    const double both[] = {a.high, a.low};
    add(2, both);
}

static void add_line(sx_line a)
{
    const double all[] = {a.change.high, a.change.low, a.first, a.second};
    add(4, all);
}

/* -- the inputs -------------------------------------------------------------------------------------- */

enum { NUMBERS = 20000, LOGIT_ROWS = 2 * TILE + 37 };

/* Awkward ones first, then of any size. */
static double *numbers(void)
{
    double *x = doubles(NUMBERS);
    uint64_t s = 2024;
    for (ptrdiff_t i = 0; i < NUMBERS; ++i) x[i] = i < AWKWARD ? awkward(i) : next_of_any_size(&s, -100, 11);
    return x;
}

static void of_numbers(void (*function)(ptrdiff_t, const double *, double *))
{
    double *out = doubles(NUMBERS);
    function(NUMBERS, numbers(), out);
    add(NUMBERS, out);
}

/* Rows of logits with weights and codes; the first ones hold what is not finite. */
typedef struct {
    sx_rows in;
    sx_rows_out out;
    int32_t *y;
    double *weight, *work;
} logits;

static const ptrdiff_t CLASSES[] = {1, 2, 3, 5, 8, 9, 40};
#define EACH_LOGITS(q, K) \
    for (size_t c_ = 0; c_ < sizeof CLASSES / sizeof *CLASSES; ++c_) \
        for (logits q = logits_of(CLASSES[c_], K); q.in.data; q.in.data = NULL)

static logits logits_of(ptrdiff_t k, const sx_kernels *K)
{
    double *x = doubles(LOGIT_ROWS * k), *weight = doubles(LOGIT_ROWS);
    int32_t *y = codes(LOGIT_ROWS);
    uint64_t s = 77 + (uint64_t)k;
    for (ptrdiff_t i = 0; i < LOGIT_ROWS * k; ++i)
        x[i] =
            i < 5 * k && next_below(&s, 3) == 0 ? awkward(i) : next_of_any_size(&s, -20, (int)(i / k % 11));
    for (ptrdiff_t i = 0; i < LOGIT_ROWS; ++i) {
        y[i] = (int32_t)next_below(&s, k);
        weight[i] = 2.0 * next_unit(&s);
    }
    return (logits){
        {x, LOGIT_ROWS, k, k, 1}, {doubles(LOGIT_ROWS * k), k, 1}, y, weight, doubles(K->logits_work(k))};
}

typedef struct {
    ptrdiff_t n, p, m;
    int intercept;
} shape;

static const shape SHAPES[] = {{1000, 7, 1, 1}, {999, 21, 1, 1}, {513, 100, 1, 0}, {130, 5, 3, 1},
                               {300, 33, 2, 1}, {1000, 1, 1, 1}, {700, 8, 2, 1},   {129, 3, 2, 0},
                               {257, 64, 1, 1}, {128, 0, 1, 1},  {200, 130, 1, 1}, {1, 9, 1, 1},
                               {127, 16, 4, 1}, {5003, 12, 1, 1}};
#define EACH_PROBLEM(q) \
    for (size_t c_ = 0; c_ < sizeof SHAPES / sizeof *SHAPES; ++c_) \
        for (problem q = problem_of(SHAPES[c_].n, SHAPES[c_].p, SHAPES[c_].m, SHAPES[c_].intercept, 1, 5); \
             q.n; q.n = 0)

/* -- one function for each operation -------------------------------------------------------------------- */

static void hash_exp(const sx_kernels *K) { of_numbers(K->exp); }
static void hash_expit(const sx_kernels *K) { of_numbers(K->expit); }
static void hash_log_expit(const sx_kernels *K) { of_numbers(K->log_expit); }
static void hash_log1pexp(const sx_kernels *K) { of_numbers(K->log1pexp); }
static void hash_tanh(const sx_kernels *K) { of_numbers(K->tanh); }
static void hash_tanh_slope(const sx_kernels *K) { of_numbers(K->tanh_slope); }

static void hash_logsumexp(const sx_kernels *K)
{
    EACH_LOGITS (q, K) {
        double *out = doubles(LOGIT_ROWS);
        K->logsumexp(&q.in, out, q.work);
        add(LOGIT_ROWS, out);
    }
}

static void hash_softmax(const sx_kernels *K)
{
    EACH_LOGITS (q, K) {
        K->softmax(&q.in, q.out, q.work);
        add(LOGIT_ROWS * q.in.n_cols, q.out.data);
    }
}

static void hash_log_softmax(const sx_kernels *K)
{
    EACH_LOGITS (q, K) {
        K->log_softmax(&q.in, q.out, q.work);
        add(LOGIT_ROWS * q.in.n_cols, q.out.data);
    }
}

static void hash_cross_entropy(const sx_kernels *K)
{
    EACH_LOGITS (q, K) {
        add_pair(K->cross_entropy(&q.in, q.y, q.weight, q.out, q.work));
        add(LOGIT_ROWS * q.in.n_cols, q.out.data);
        q.in.data += 5 * q.in.n_cols; /* the rows that are finite: a sum with bits */
        q.in.n_rows -= 5;
        add_pair(K->cross_entropy(&q.in, q.y + 5, NULL, (sx_rows_out){NULL, 0, 0}, q.work));
    }
}

static void hash_binary_rows(const sx_kernels *K)
{
    const double *x = numbers();
    double *r = doubles(NUMBERS), *h = doubles(NUMBERS), *weight = doubles(NUMBERS);
    int32_t *y = codes(NUMBERS);
    uint64_t s = 31;
    for (ptrdiff_t i = 0; i < NUMBERS; ++i) y[i] = (int32_t)next_below(&s, 2), weight[i] = next_unit(&s);
    add_pair(K->binary_rows(NUMBERS, x, y, weight, r, h));
    add(NUMBERS, r);
    add(NUMBERS, h);
    add_pair(K->binary_rows(NUMBERS - AWKWARD, x + AWKWARD, y, NULL, r, h));
}

static void hash_softmax_rows(const sx_kernels *K)
{
    EACH_PROBLEM (q) {
        double *r = doubles(q.n * q.m), *h = doubles(q.n * q.m * q.m), *work = doubles(K->rows_work(q.m));
        for (ptrdiff_t i = 0; i < q.n * q.m; ++i) q.eta[i] *= power_of_two((int)(i % 9));
        add_pair(K->softmax_rows(q.n, q.m, q.eta, q.model.y, q.model.weight, r, h, work));
        add(q.n * q.m, r);
        add(q.n * q.m * q.m, h);
    }
}

static const double STEPS[] = {0x1p-40, 1.0, 50.0};

static void hash_binary_line(const sx_kernels *K)
{
    EACH_PROBLEM (q)
        for (int i = 0; q.m == 1 && i < 3; ++i)
            add_line(K->binary_line(q.n, STEPS[i], q.eta, q.slope, q.model.y, q.model.weight));
}

static void hash_softmax_line(const sx_kernels *K)
{
    EACH_PROBLEM (q)
        for (int i = 0; i < 3; ++i) {
            double *work = doubles(K->rows_work(q.m));
            add_line(K->softmax_line(q.n, q.m, STEPS[i], q.eta, q.slope, q.model.y, q.model.weight, work));
        }
}

static void hash_column_largest(const sx_kernels *K)
{
    EACH_PROBLEM (q) {
        double *out = doubles(q.p);
        K->column_largest(&q.X, out);
        add(q.p, out);
    }
}

static void hash_group_rows(const sx_kernels *K)
{
    EACH_PROBLEM (q) {
        int64_t *key = exactly(q.n, sizeof *key), *index = exactly(q.n, sizeof *index);
        int64_t *first = exactly(q.n, sizeof *first);
        double *X = doubles(q.n * q.p), *out = doubles(q.n);
        for (ptrdiff_t i = 0; i < q.n; ++i) {
            key[i] = q.model.y[i];
            for (ptrdiff_t j = 0; j < q.p; ++j) X[i * q.p + j] = q.X.data[i % 50 * q.p + j];
        }
        const sx_rows rows = {X, q.n, q.p, q.p, 1};
        const ptrdiff_t groups =
            K->group_rows(&rows, key, q.n, index, first, doubles(K->group_work(q.n)));
        for (ptrdiff_t i = 0; i < q.n; ++i) out[i] = (double)index[i];
        add(q.n, out);
        for (ptrdiff_t g = 0; g < groups; ++g) out[g] = (double)first[g];
        add(groups, out);
    }
}

static void hash_linear_predictor(const sx_kernels *K)
{
    EACH_PROBLEM (q) {
        double *work = doubles(K->pass_work(&q.X, q.m, 0));
        K->linear_predictor(&q.X, &q.model, q.eta, work);
        add(q.n * q.m, q.eta);
    }
}

static void hash_transpose_product(const sx_kernels *K)
{
    EACH_PROBLEM (q) {
        double *g = doubles(q.m * q.k), *work = doubles(K->pass_work(&q.X, q.m, 0));
        K->transpose_product(&q.X, q.intercept, q.m, q.eta, g, work);
        add(q.m * q.k, g);
    }
}

/* A in both orders; rows around the register tile and the copied panel, depths around a panel's, all sorts of widths. */
static void hash_matrix_product(const sx_kernels *K)
{
    static const ptrdiff_t rows[] = {1, 9, 47, 300}, depths[] = {1, 17, 129, 300},
                           widths[] = {1, 2, 5, 8, 10, 23, 24, 33, 71};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; ++r)
        for (size_t d = 0; d < sizeof depths / sizeof *depths; ++d)
            for (size_t w = 0; w < sizeof widths / sizeof *widths; ++w) {
                const int mark = memory_used;
                const ptrdiff_t n = rows[r], k = depths[d], m = widths[w];
                double *a = doubles(n * k), *b = doubles(k * m), *bias = doubles(m), *out = doubles(n * m);
                uint64_t s = 500 + (uint64_t)(n + 3 * k + 7 * m);
                for (ptrdiff_t i = 0; i < n * k; ++i) a[i] = next_signed(&s);
                for (ptrdiff_t i = 0; i < k * m; ++i) b[i] = next_signed(&s);
                for (ptrdiff_t i = 0; i < m; ++i) bias[i] = next_signed(&s);
                const sx_rows A = {a, n, k, k, 1}, transposed = {a, n, k, 1, n}, B = {b, k, m, m, 1};
                K->matrix_product(&A, &B, bias, out);
                add(n * m, out);
                K->matrix_product(&transposed, &B, NULL, out);
                add(n * m, out);
                release(mark);
            }
}

static void hash_weighted_gram(const sx_kernels *K)
{
    EACH_PROBLEM (q) {
        double *G = doubles(q.k * q.k), *work = doubles(K->pass_work(&q.X, 2, 1));
        K->weighted_gram(&q.X, q.intercept, q.model.weight, G, work);
        add(q.k * q.k, G);
        K->weighted_gram(&q.X, q.intercept, q.slope, G, work);
        add(q.k * q.k, G);
    }
}

static void hash_pass(const sx_kernels *K, int binary)
{
    EACH_PROBLEM (q) {
        const ptrdiff_t all = q.m * q.k;
        double *g = doubles(all), *H = doubles(all * all), *work = doubles(K->pass_work(&q.X, q.m, 1));
        if (binary && q.m > 1) continue;
        add_pair((binary ? K->binary_pass : K->softmax_pass)(&q.X, &q.model, g, H, work));
        add(all, g);
        add(all * all, H);
    }
}

static void hash_binary_pass(const sx_kernels *K) { hash_pass(K, 1); }
static void hash_softmax_pass(const sx_kernels *K) { hash_pass(K, 0); }

static void hash_newton(const sx_kernels *K)
{
    EACH_PROBLEM (q) {
        const ptrdiff_t all = q.m * q.k;
        double *coef = doubles(all), *numbers = doubles(SX_NEWTON_NUMBERS), *g = doubles(all);
        double *H = doubles(all * all), *inverse = doubles(all * all);
        const sx_newton_answer answer = {coef, numbers, g, H, inverse};
        for (int penalised = 0; penalised < 2; ++penalised) {
            const sx_newton_task task = {q.model, penalised ? 0.5 : 0.0, 1e-12, 100};
            double *work = doubles(K->newton_work(&q.X, q.m, q.intercept));
            const double status = (double)K->newton(&q.X, &task, &answer, work);
            add(1, &status);
            add(all, coef);
            add(SX_NEWTON_NUMBERS, numbers);
            add(all, g);
            add(all * all, H);
            add(all * all, inverse);
        }
    }
}

static void hash_jeffreys(const sx_kernels *K, int binary)
{
    EACH_PROBLEM (q) {
        const ptrdiff_t all = q.m * q.k;
        double *g = doubles(all), *root = doubles(all * all);
        double *work = doubles(K->jeffreys_work(&q.X, q.m, q.intercept));
        uint64_t s = 99;
        if (binary && q.m > 1) continue;
        for (ptrdiff_t i = 0; i < all * all; ++i) root[i] = i / all <= i % all ? next_signed(&s) : 0.0;
        const double largest =
            (binary ? K->binary_jeffreys : K->softmax_jeffreys)(&q.X, &q.model, root, g, work);
        add(1, &largest);
        add(all, g);
    }
}

static void hash_binary_jeffreys(const sx_kernels *K) { hash_jeffreys(K, 1); }
static void hash_softmax_jeffreys(const sx_kernels *K) { hash_jeffreys(K, 0); }

static void hash_firth(const sx_kernels *K)
{
    EACH_PROBLEM (q) {
        const ptrdiff_t k = q.k;
        double *vectors = doubles(5 * k), *numbers = doubles(SX_FIRTH_NUMBERS), *matrices = doubles(2 * k * k);
        const sx_firth_answer answer = {vectors,         numbers,      vectors + k,      vectors + 2 * k,
                                        matrices,        matrices + k * k, vectors + 3 * k, vectors + 4 * k};
        if (q.m > 1) continue;
        for (int started = 0; started < 2; ++started) {
            sx_firth_task task = {q.model, 1e-12, 1e-10, 1.0};
            double *work = doubles(K->firth_work(&q.X, q.intercept));
            if (!started) task.model.coef = NULL;
            for (ptrdiff_t j = 0; j < 5 * k; ++j) vectors[j] = 0.0;
            for (ptrdiff_t j = 0; j < 2 * k * k; ++j) matrices[j] = 0.0;
            const double status = (double)K->firth(&q.X, &task, &answer, work);
            add(1, &status);
            add(SX_FIRTH_NUMBERS, numbers);
            add(5 * k, vectors);
            add(2 * k * k, matrices);
        }
    }
}

/* Low words of the coefficients: each is below half an ulp. */
static const double *low_of(const problem *q)
{
    double *low = doubles(q->m * q->k);
    for (ptrdiff_t j = 0; j < q->m * q->k; ++j) low[j] = q->model.coef[j] * (j % 3 ? -0x1p-55 : 0x1p-57);
    return low;
}

static void hash_linear_predictor_dd(const sx_kernels *K)
{
    EACH_PROBLEM (q) {
        double *low = doubles(q.n * q.m), *work = doubles(K->refine_work(&q.X, q.m));
        K->linear_predictor_dd(&q.X, &q.model, low_of(&q), q.eta, low, work);
        add(q.n * q.m, q.eta);
        add(q.n * q.m, low);
    }
}

static void hash_refine(const sx_kernels *K, int binary)
{
    EACH_PROBLEM (q) {
        const ptrdiff_t all = q.m * q.k;
        double *g = doubles(all), *low = doubles(all), *largest = doubles(q.p);
        double *work = doubles(K->refine_work(&q.X, q.m));
        if (binary && q.m > 1) continue;
        const sx_refined found =
            (binary ? K->binary_refine : K->softmax_refine)(&q.X, &q.model, low_of(&q), g, low, largest, work);
        add_pair(found.nll);
        add(1, &found.spread);
        add(all, g);
        add(all, low);
        add(q.p, largest);
    }
}

static void hash_binary_refine(const sx_kernels *K) { hash_refine(K, 1); }
static void hash_softmax_refine(const sx_kernels *K) { hash_refine(K, 0); }

/* -- the frozen hashes ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*hash)(const sx_kernels *K);
    uint64_t plain, with_fma;
} OPERATIONS[] = {
#include "hashes_table.h"
};

static int has_fma(const sx_kernels *K) { return strcmp(K->name, "generic") != 0; }

static void hash_all(const sx_kernels *K)
{
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof *OPERATIONS; ++i) {
        const uint64_t wanted = has_fma(K) ? OPERATIONS[i].with_fma : OPERATIONS[i].plain;
        const int mark = memory_used;
        digest = 0xcbf29ce484222325u;
        OPERATIONS[i].hash(K);
        release(mark);
        CHECK(digest == wanted, "%s on %s: 0x%016" PRIx64 ", not 0x%016" PRIx64, OPERATIONS[i].name, K->name,
              digest, wanted);
    }
}

/* The table as this machine computes it; it needs a target with FMA. */
static int print_table(void)
{
    const sx_kernels *best = sx_kernels_here(0);
    if (!has_fma(best)) return fprintf(stderr, "no target with FMA here\n"), 1;
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof *OPERATIONS; ++i) {
        uint64_t found[2];
        for (int fma = 0; fma < 2; ++fma) {
            digest = 0xcbf29ce484222325u;
            OPERATIONS[i].hash(fma ? best : &sx_kernels_generic);
            release(0);
            found[fma] = digest;
        }
        printf("{\"%s\", hash_%s, 0x%016" PRIx64 "u, 0x%016" PRIx64 "u},\n", OPERATIONS[i].name,
               OPERATIONS[i].name, found[0], found[1]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "print") == 0) return print_table();
    on_each_target(hash_all);
    return check_end("hashes");
}
