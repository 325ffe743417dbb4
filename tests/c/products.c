/* The matrix product: every output is the sum of chains of FMA, over 128 terms at most, the first one from the bias on,
 * to the bit, whatever the sizes, the strides and the place of the output are; memory of exact size is written whole and
 * not read beyond; nan and inf stay in their row or column; no rows, no columns and nothing to sum are sizes too.
 */
#include "inputs.h"

/* Around the register tiles of all targets, the block of rows that a panel is copied for, and a panel's depth. */
static const ptrdiff_t ROWS_OF[] = {1, 2, 3, 5, 8, 9, 23, 47, 48, 257}, DEPTHS_OF[] = {1, 2, 17, 128, 129, 300};
static const ptrdiff_t WIDTHS_OF[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 12, 15, 16,
                                      17, 20, 23, 24, 25, 31, 32, 33, 40, 47, 49, 72, 100};
#define EACH(n, LIST) \
    for (size_t n##_ = 0; n##_ < sizeof LIST / sizeof *LIST; ++n##_) \
        for (ptrdiff_t n = LIST[n##_], n##_once = 1; n##_once; n##_once = 0)

#define WHERE "%td x %td x %td, layout %d, on %s"

/* n x m numbers of about 1, `row` and `col` apart, in memory of exact size that holds nan between them; a block for
 * each. */
static sx_rows laid_out(ptrdiff_t n, ptrdiff_t m, ptrdiff_t row, ptrdiff_t col, uint64_t seed)
{
    const ptrdiff_t down = row < 0 ? -row : row, across = col < 0 ? -col : col;
    const ptrdiff_t size = n && m ? (n - 1) * down + (m - 1) * across + 1 : 0;
    double *data = size ? doubles(size) : NULL;
    if (size) data += (row < 0 ? (n - 1) * down : 0) + (col < 0 ? (m - 1) * across : 0);
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t j = 0; j < m; ++j) {
            uint64_t s = seed + 1000003u * (uint64_t)i + 7u * (uint64_t)j;
            data[i * row + j * col] = next_signed(&s);
        }
    return (sx_rows){data, n, m, row, col};
}

/* A in C order, in Fortran order, with gaps, reversed; B dense, with gaps between its rows, reversed. */
enum { LAYOUTS = 4 };
static sx_rows left(int layout, ptrdiff_t n, ptrdiff_t k)
{
    switch (layout) {
    case 0: return laid_out(n, k, k, 1, 11);
    case 1: return laid_out(n, k, 1, n, 11);
    case 2: return laid_out(n, k, 2 * k + 3, 2, 11);
    default: return laid_out(n, k, -1, -n, 11);
    }
}

static sx_rows right(int layout, ptrdiff_t k, ptrdiff_t m)
{
    return laid_out(k, m, layout == 0 ? m : layout == 1 ? m + 5 : layout == 2 ? m : -m, 1, 13);
}

/* out_ij as it is promised: one rounding for each term where the target has FMA, two elsewhere. */
static double chain(const sx_kernels *K, const sx_rows *A, const sx_rows *B, double start, ptrdiff_t i, ptrdiff_t j)
{
    const int fused = strcmp(K->name, "generic") != 0;
    const ptrdiff_t k = A->n_cols;
    double total = start;
    for (ptrdiff_t l = 0, panels = (k + 127) / 128; l < k; --panels) {
        const int first = l == 0;
        double sum = first ? start : 0.0;
        for (const ptrdiff_t end = l + (k - l + panels - 1) / panels; l < end; ++l) {
            const double a = A->data[i * A->row_stride + l * A->col_stride], b = B->data[l * B->row_stride + j];
            sum = fused ? fma(a, b, sum) : a * b + sum;
        }
        total = first ? sum : total + sum;
    }
    return total;
}

static uint64_t seen(uint64_t sum, const sx_rows *A)
{
    for (ptrdiff_t i = 0; i < A->n_rows; ++i)
        for (ptrdiff_t j = 0; j < A->n_cols; ++j)
            sum = (sum ^ bits_of(A->data[i * A->row_stride + j * A->col_stride])) * 0x100000001b3u;
    return sum;
}

static void chains(const sx_kernels *K)
{
    EACH (n, ROWS_OF)
        EACH (k, DEPTHS_OF)
            EACH (m, WIDTHS_OF)
                for (int layout = 0; layout < LAYOUTS; ++layout) {
                    /* a seventh, in which every two sizes meet */
                    if ((n_ + 2 * k_ + 3 * m_ + 5 * (size_t)layout) % 7) continue;
                    const int mark = memory_used;
                    const sx_rows A = left(layout, n, k), B = right(layout, k, m);
                    double *bias = doubles(m), *out = doubles(n * m), *bare = doubles(n * m);
                    for (ptrdiff_t j = 0; j < m; ++j) bias[j] = 0.25 * (double)j - 1.0;
                    const uint64_t before = seen(seen(0, &A), &B);
                    K->matrix_product(&A, &B, bias, out);
                    K->matrix_product(&A, &B, NULL, bare);
                    CHECK(seen(seen(0, &A), &B) == before, "inputs changed, " WHERE, n, k, m, layout, K->name);
                    double *wanted = doubles(n * m);
                    for (int biased = 0; biased < 2; ++biased) {
                        const double *got = biased ? out : bare;
                        ptrdiff_t unwritten = 0;
                        for (ptrdiff_t i = 0; i < n; ++i)
                            for (ptrdiff_t j = 0; j < m; ++j) {
                                const ptrdiff_t at = i * m + j;
                                unwritten += got[at] != got[at];
                                if (n > 50 && i % 13) /* a row of many */
                                    wanted[at] = got[at];
                                else
                                    wanted[at] = chain(K, &A, &B, biased ? bias[j] : 0.0, i, j);
                            }
                        CHECK(unwritten == 0, "%td unwritten, " WHERE, unwritten, n, k, m, layout, K->name);
                        CHECK_SAME_ALL(n * m, got, wanted, "bias %d, " WHERE, biased, n, k, m, layout, K->name);
                    }
                    release(mark);
                }
}

/* What is not finite in a row of A spoils that row of the outputs alone, in a row of B its columns alone: what pads a
 * register tile gets nowhere. */
static void what_is_not_finite(const sx_kernels *K)
{
    static const ptrdiff_t rows[] = {1, 9, 50}, widths[] = {1, 3, 9, 26};
    static const double bad[] = {(double)NAN, INFINITY, -INFINITY};
    EACH (n, rows)
        EACH (m, widths)
            for (int b = 0; b < 3; ++b)
                for (int side = 0; side < 2; ++side) {
                    const int mark = memory_used;
                    const ptrdiff_t k = 7, row = n / 2, column = m - 1;
                    const sx_rows A = left(0, n, k), B = right(0, k, m);
                    double *a = (double *)A.data, *c = (double *)B.data, *out = doubles(n * m);
                    if (side)
                        c[3 * m + column] = bad[b];
                    else
                        a[row * k + 3] = bad[b];
                    K->matrix_product(&A, &B, NULL, out);
                    for (ptrdiff_t i = 0; i < n; ++i)
                        for (ptrdiff_t j = 0; j < m; ++j)
                            CHECK((out[i * m + j] - out[i * m + j] == 0.0) == (side ? j != column : i != row),
                                  "%a at %td, %td of " WHERE, out[i * m + j], i, j, n, k, m, side, K->name);
                    release(mark);
                }
}

/* No rows, no columns; nothing to sum: the bias, or 0, to the bit.  NULL will do for what is empty. */
static void nothing(const sx_kernels *K)
{
    for (ptrdiff_t n = 0; n < 3; ++n)
        for (ptrdiff_t k = 0; k < 3; ++k)
            for (ptrdiff_t m = 0; m < 3; ++m) {
                const int mark = memory_used;
                const sx_rows A = left(0, n, k), B = right(0, k, m);
                const double bias[] = {-0.0, 1.5};
                double *out = n && m ? doubles(n * m) : NULL;
                K->matrix_product(&A, &B, m ? bias : NULL, out);
                for (ptrdiff_t i = 0; i < n * m; ++i)
                    CHECK_SAME(out[i], chain(K, &A, &B, bias[i % m], i / m, i % m), WHERE, n, k, m, 0, K->name);
                K->matrix_product(&A, &B, NULL, out);
                for (ptrdiff_t i = 0; i < n * m; ++i)
                    CHECK_SAME(out[i], chain(K, &A, &B, 0.0, i / m, i % m), WHERE, n, k, m, 0, K->name);
                release(mark);
            }
}

int main(void)
{
    on_each_target(chains);
    on_each_target(what_is_not_finite);
    on_each_target(nothing);
    return check_end("products");
}
