/* group_rows against the definition: every pair of rows compared, in every layout, with memory of exact size. */
#include "inputs.h"

/* Few values, so that rows repeat; both zeros, a subnormal, and nan, which equals itself. */
static double next_value(uint64_t *state)
{
    static const double values[] = {0.0, -0.0, 1.0, -1.0, 0x1p-1074, 0.5, INFINITY, (double)NAN};
    return values[next_below(state, 8)];
}

static int same_value(double a, double b) { return a == b || (a != a && b != b); }

typedef struct {
    ptrdiff_t n, p, groups;
    double *X;
    int64_t *key, *index, *first;
} rows_and_groups;

static int64_t *integers(ptrdiff_t n)
{
    int64_t *x = exactly(n, sizeof *x);
    for (ptrdiff_t i = 0; i < n; ++i) x[i] = -7;
    return x;
}

static int same_row(const rows_and_groups *q, ptrdiff_t a, ptrdiff_t b)
{
    for (ptrdiff_t j = 0; j < q->p; ++j)
        if (!same_value(q->X[a * q->p + j], q->X[b * q->p + j])) return 0;
    return q->key[a] == q->key[b];
}

/* Rows drawn from `kinds` different ones, and their groups by the definition. */
static rows_and_groups draw(ptrdiff_t n, ptrdiff_t p, ptrdiff_t kinds)
{
    rows_and_groups q = {n, p, 0, doubles(n * p), integers(n), integers(n), integers(n)};
    uint64_t s = 7u + 131u * (uint64_t)n + 17u * (uint64_t)p + (uint64_t)kinds;
    for (ptrdiff_t i = 0; i < n; ++i) {
        uint64_t row = (uint64_t)next_below(&s, kinds);
        q.key[i] = (int64_t)(row % 3) - 1;
        for (ptrdiff_t j = 0; j < p; ++j) {
            const double x = next_value(&row);
            q.X[i * p + j] = x == 0.0 && next_below(&s, 2) ? -x : x;
        }
    }
    for (ptrdiff_t i = 0; i < n; ++i) {
        ptrdiff_t g = 0;
        while (g < q.groups && !same_row(&q, (ptrdiff_t)q.first[g], i)) ++g;
        if (g == q.groups) q.first[q.groups++] = i;
        q.index[i] = g;
    }
    return q;
}

static int same_integers(ptrdiff_t n, const int64_t *a, const int64_t *b)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        if (a[i] != b[i]) return 0;
    return 1;
}

#define PLACE "n %td, p %td, %td groups, layout %d, on %s"
#define PLACE_OF(q, layout, K) (q)->n, (q)->p, (q)->groups, layout, (K)->name

/* As many places as groups, one more, and one less. */
static void in_layout(const sx_kernels *K, const rows_and_groups *q, sx_rows X, int layout)
{
    for (ptrdiff_t more = -1; more < 2; ++more) {
        const ptrdiff_t most = q->groups + more;
        int64_t *index = integers(q->n), *first = integers(most);
        const ptrdiff_t got = K->group_rows(&X, q->key, most, index, first, doubles(K->group_work(most)));
        if (more < 0) {
            CHECK(got == -1, "%td, " PLACE, got, PLACE_OF(q, layout, K));
            continue;
        }
        CHECK(got == q->groups, "%td, " PLACE, got, PLACE_OF(q, layout, K));
        CHECK(same_integers(q->n, index, q->index), PLACE, PLACE_OF(q, layout, K));
        CHECK(same_integers(q->groups, first, q->first), PLACE, PLACE_OF(q, layout, K));
        CHECK(more == 0 || first[q->groups] == -7, "written beyond, " PLACE, PLACE_OF(q, layout, K));
    }
}

static void of_shape(const sx_kernels *K, ptrdiff_t n, ptrdiff_t p, ptrdiff_t kinds)
{
    const rows_and_groups q = draw(n, p, kinds);
    double *fortran = doubles(n * p), *backwards = doubles(n * p), *wide = doubles(3 * n * p);
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t j = 0; j < p; ++j) {
            const double x = q.X[i * p + j];
            fortran[j * n + i] = x;
            backwards[(n - 1 - i) * p + j] = x;
            wide[3 * (i * p + j)] = x;
        }
    in_layout(K, &q, (sx_rows){q.X, n, p, p, 1}, 0);
    in_layout(K, &q, (sx_rows){fortran, n, p, 1, n}, 1);
    in_layout(K, &q, (sx_rows){backwards + (p ? (n - 1) * p : 0), n, p, -p, 1}, 2);
    in_layout(K, &q, (sx_rows){wide, n, p, 3 * p, 3}, 3);
}

static void groups(const sx_kernels *K)
{
    static const ptrdiff_t rows[] = {1, 2, TILE - 1, TILE, TILE + 1, 3 * TILE + 5};
    static const ptrdiff_t columns[] = {0, 1, 2, 7, 8, 9, 33, TILE, TILE + 3};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; ++r)
        for (size_t c = 0; c < sizeof columns / sizeof *columns; ++c)
            for (ptrdiff_t kinds = 1; kinds < 2000; kinds *= 11) {
                const int mark = memory_used;
                of_shape(K, rows[r], columns[c], kinds);
                release(mark);
            }
}

/* The same rows with keys that are all different. */
static void keys_alone(const sx_kernels *K)
{
    enum { N = 1000 };
    int64_t *key = integers(N), *index = integers(N), *first = integers(N);
    const double row[3] = {1.0, 2.0, 3.0};
    const sx_rows X = {row, N, 3, 0, 1};
    for (ptrdiff_t i = 0; i < N; ++i) key[i] = (int64_t)((uint64_t)i << 54);
    const ptrdiff_t got = K->group_rows(&X, key, N, index, first, doubles(K->group_work(N)));
    CHECK(got == N, "%td on %s", got, K->name);
    for (ptrdiff_t i = 0; i < N; ++i) CHECK(index[i] == i && first[i] == i, "%td on %s", i, K->name);
}

static void all(const sx_kernels *K)
{
    groups(K);
    keys_alone(K);
}

int main(void)
{
    on_each_target(all);
    return check_end("laws_group");
}
