/* Sizes of 64 bits: more than 2^31 rows, and elements further than 2^31 elements from the first one.
 *
 * The rows repeat one row (stride 0); the codes are memory that is reserved but, until it is written, all one
 * page of zeros.  For 64-bit Linux, plain builds only: it takes gigabytes of addresses, though next to no
 * memory. */
#include <sys/mman.h>

#include "inputs.h"

#define MANY (((ptrdiff_t)1 << 31) + 5)

static void *reserve(size_t bytes)
{
    void *block =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(block != MAP_FAILED, "%zu bytes of addresses", bytes);
    return block == MAP_FAILED ? NULL : block;
}

/* The largest of many equal rows. */
static void many_equal_rows(const sx_kernels *K)
{
    const double row = -2.5;
    double largest[1] = {0.0};
    const sx_rows rows = {&row, MANY, 1, 0, 1};
    const int finite = K->column_largest(&rows, largest);
    CHECK(finite && largest[0] == 2.5, "%d, %a on %s", finite, largest[0], K->name);
}

/* Rows more than 2^31 elements apart are told apart, and found again. */
static void groups_far_apart(const sx_kernels *K)
{
    const ptrdiff_t step = ((ptrdiff_t)1 << 31) + 24;
    double *block = reserve((size_t)(2 * step + 1) * sizeof(double));
    if (!block) return;
    block[0] = block[2 * step] = 1.0, block[step] = 2.0;
    const sx_rows rows = {block, 3, 1, step, 1};
    const int64_t key[3] = {0, 0, 0};
    int64_t index[3], first[2];
    const ptrdiff_t groups = K->group_rows(&rows, key, 2, index, first, doubles(K->group_work(2)));
    CHECK(groups == 2 && index[1] == 1 && index[2] == 0 && first[1] == 1, "%td on %s", groups, K->name);
    munmap(block, (size_t)(2 * step + 1) * sizeof(double));
}

/* NLL = n log 2 and gradient = n/2 - #(y = 1) at eta = 0, with class 1 in the first and the last row. */
static void a_pass_over_many_rows(const sx_kernels *K)
{
    int32_t *y = reserve((size_t)MANY * sizeof *y);
    if (!y) return;
    const double one = 1.0, zero = 0.0, log_2 = 0x1.62e42fefa39efp-1; /* log 2 to the nearest: within 2^-56 */
    const sx_rows X = {&one, MANY, 1, 0, 1};
    const sx_model model = {1, 0, &zero, y, NULL, NULL};
    double gradient = (double)NAN, *work = doubles(K->pass_work(&X, 1, 0));
    y[0] = y[MANY - 1] = 1;
    const sx_dd nll = K->binary_pass(&X, &model, &gradient, NULL, work);
    /* every term is the nearest double of log 2: the pair holds n of them, its low word to n roundings */
    const double high = (double)MANY * log_2, low = fma((double)MANY, log_2, -high);
    CHECK_SAME(nll.high, high, "n log 2 on %s", K->name);
    CHECK_NEAR(nll.low, low, (double)MANY * 0x1p-53 * fabs(low), "n log 2 on %s", K->name);
    CHECK_SAME(gradient, (double)MANY / 2.0 - 2.0, "n / 2 - 2 on %s", K->name);
    munmap(y, (size_t)MANY * sizeof *y);
}

/* 5 x 3 elements, rows or columns more than 2^31 elements apart, forwards or backwards: as in a small copy.
 */
enum { ROWS = 5, COLUMNS = 3 };

static void far_apart(const sx_kernels *K, int down, int backwards)
{
    const ptrdiff_t step = ((ptrdiff_t)1 << 31) + 24, lines = down ? ROWS : COLUMNS;
    const size_t bytes = (size_t)(lines * step) * sizeof(double);
    double *block = reserve(bytes), small[ROWS * COLUMNS];
    if (!block) return;
    const ptrdiff_t stride = backwards ? -step : step, row = down ? stride : 1, col = down ? 1 : stride;
    double *first = block + (backwards ? (lines - 1) * step : 0);
    uint64_t s = 11;
    for (ptrdiff_t i = 0; i < ROWS; ++i)
        for (ptrdiff_t j = 0; j < COLUMNS; ++j)
            first[i * row + j * col] = small[i * COLUMNS + j] = next_signed(&s);

    const sx_rows far = {first, ROWS, COLUMNS, row, col}, near = {small, ROWS, COLUMNS, COLUMNS, 1};
    const int32_t y[ROWS] = {0, 1, 2, 1, 0};
    const double coef[2 * (COLUMNS + 1)] = {0.5, -1.0, 0.25, 2.0, -0.5, 1.0, 0.75, -0.125};
    const sx_model model = {2, 1, coef, y, NULL, NULL};
    double out[2][270], *work = doubles(K->pass_work(&far, 2, 1)),
                        *logits_work = doubles(K->logits_work(COLUMNS));
    for (int i = 0; i < 2; ++i) {
        const sx_rows *X = i ? &near : &far;
        double *to = out[i];
        memset(to, 0, sizeof out[i]);
        const sx_dd nll = K->softmax_pass(X, &model, to, to + 8, work);
        to[72] = nll.high, to[73] = nll.low;
        K->linear_predictor(X, &model, to + 74, work);
        to[84] = K->column_largest(X, to + 85);
        K->weighted_gram(X, 1, to + 74, to + 90, work);
        K->transpose_product(X, 1, 2, to + 74, to + 106, work);
        K->logsumexp(X, to + 114, logits_work);
        to[120] = K->cross_entropy(X, y, NULL, (sx_rows_out){to + 121, COLUMNS, 1}, logits_work).high;
        const sx_refined found =
            K->softmax_refine(X, &model, coef, to + 200, to + 208, to + 216, doubles(K->refine_work(X, 2)));
        to[219] = found.nll.high, to[220] = found.spread;
        K->linear_predictor_dd(X, &model, coef, to + 221, to + 231, doubles(K->refine_work(X, 2)));
        K->log_softmax(X, (sx_rows_out){to + 140, COLUMNS, 1}, logits_work);
        /* as A, transposed or not; and as B where its rows are dense */
        const sx_rows transposed = {X->data, COLUMNS, ROWS, X->col_stride, X->row_stride};
        const sx_rows C = {coef, COLUMNS, 2, 2, 1}, D = {small, ROWS, COLUMNS, COLUMNS, 1};
        K->matrix_product(X, &C, NULL, to + 250);
        K->matrix_product(&transposed, X->col_stride == 1 ? X : &D, coef, to + 260);
    }
    CHECK_SAME_ALL(270, out[0], out[1], "down %d, backwards %d, on %s", down, backwards, K->name);
    /* and written that far: in place */
    K->softmax(&near, (sx_rows_out){small, COLUMNS, 1}, logits_work);
    K->softmax(&far, (sx_rows_out){first, row, col}, logits_work);
    for (ptrdiff_t i = 0; i < ROWS; ++i)
        for (ptrdiff_t j = 0; j < COLUMNS; ++j)
            CHECK_SAME(first[i * row + j * col], small[i * COLUMNS + j], "%td, %td on %s", i, j, K->name);
    munmap(block, bytes);
}

int main(void)
{
    const sx_kernels *best = sx_kernels_here(0), *K;
    for (int rank = 0; (K = sx_kernels_here(rank)) != NULL; ++rank)
        for (int variant = 0; variant < 4; ++variant) far_apart(K, variant & 1, variant >> 1);
    /* the same text on every target: one of them is enough of a wait */
    many_equal_rows(best);
    groups_far_apart(best);
    a_pass_over_many_rows(best);
    return check_end("sizes");
}
