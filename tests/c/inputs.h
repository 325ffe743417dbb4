/* Inputs for the tests: an integer generator, memory of exact size, problems of every shape.
 *
 * Every number is made of integers and powers of two, so that it is the same double on every machine.
 */
#ifndef INPUTS_H
#define INPUTS_H

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "check.h"
#include "targets.h"

/* Rows that a kernel takes at a time, and lanes of its sums: sx_base.h.  A test compares them. */
enum { TILE = 128, LANES = 8 };

/* -- numbers ------------------------------------------------------------------------------------------ */

/* splitmix64 (Steele, Lea & Flood 2014) */
static inline uint64_t next_bits(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline ptrdiff_t next_below(uint64_t *state, ptrdiff_t n)
{
    return (ptrdiff_t)(next_bits(state) % (uint64_t)n);
}

/* Uniform on (-1, 1), exact. */
static inline double next_signed(uint64_t *state)
{
    return (double)((int64_t)(next_bits(state) >> 11) - ((int64_t)1 << 52)) * 0x1p-52;
}

/* Uniform on [0, 1), exact. */
static inline double next_unit(uint64_t *state) { return (double)(next_bits(state) >> 11) * 0x1p-53; }

/* 2^e, -1022 <= e <= 1023 */
static inline double power_of_two(int e) { return from_bits((uint64_t)(e + 1023) << 52); }

/* -- memory: a block ends where the last element ends, and starts 8 bytes off when `memory_shift` is set
 * ------ */

static void *memory_blocks[1024];
static int memory_used, memory_shift;

static inline void *exactly(ptrdiff_t n, size_t size)
{
    const size_t shift = memory_shift ? 8 : 0;
    char *block = malloc((size_t)n * size + shift + (n == 0 && !shift));
    if (!block || memory_used == (int)(sizeof memory_blocks / sizeof *memory_blocks)) abort();
    memory_blocks[memory_used++] = block;
    return block + shift;
}

/* n doubles, nan until they are written: what is read before that shows. */
static inline double *doubles(ptrdiff_t n)
{
    double *x = exactly(n, sizeof *x);
    for (ptrdiff_t i = 0; i < n; ++i) x[i] = (double)NAN;
    return x;
}

static inline int32_t *codes(ptrdiff_t n) { return exactly(n, sizeof(int32_t)); }

/* Free what was taken since memory_used was `mark`. */
static inline void release(int mark)
{
    while (memory_used > mark) free(memory_blocks[--memory_used]);
}

/* -- problems --------------------------------------------------------------------------------------- */

typedef struct {
    ptrdiff_t n, p, m; /* rows, columns, logits */
    int intercept;
    ptrdiff_t k; /* intercept + p */
    sx_rows X;
    sx_model model;
    double *eta, *slope; /* n x m, logits of no X */
} problem;

/* Values of about 1 in C order; weights and offsets where `full`. */
static inline problem problem_of(ptrdiff_t n, ptrdiff_t p, ptrdiff_t m, int intercept, int full,
                                 uint64_t seed)
{
    problem q = {n, p, m, intercept, p + intercept, {0}, {0}, doubles(n * m), doubles(n * m)};
    double *X = doubles(n * p), *coef = doubles(m * q.k);
    double *weight = full ? doubles(n) : NULL, *offset = full ? doubles(n * m) : NULL;
    int32_t *y = codes(n);
    uint64_t s = seed + 1000003u * (uint64_t)n + 1009u * (uint64_t)p + 11u * (uint64_t)m;
    for (ptrdiff_t i = 0; i < n * p; ++i) X[i] = 2.0 * next_signed(&s);
    for (ptrdiff_t i = 0; i < m * q.k; ++i) coef[i] = next_signed(&s);
    for (ptrdiff_t i = 0; i < n; ++i) y[i] = (int32_t)next_below(&s, m + 1);
    for (ptrdiff_t i = 0; full && i < n; ++i) weight[i] = 3.0 * next_unit(&s);
    for (ptrdiff_t i = 0; full && i < n * m; ++i) offset[i] = next_signed(&s);
    for (ptrdiff_t i = 0; i < n * m; ++i) q.eta[i] = 4.0 * next_signed(&s);
    for (ptrdiff_t i = 0; i < n * m; ++i) q.slope[i] = next_signed(&s);
    q.X = (sx_rows){X, n, p, p, 1};
    q.model = (sx_model){m, intercept, coef, y, weight, offset};
    return q;
}

/* Logits where doubles go wrong first: every size from 2^-1074 to 2^1023, then what is not finite. */
enum { AWKWARD = 26 };
static inline double awkward(ptrdiff_t i)
{
    static const double list[AWKWARD] = {
        0.0,     -0.0,  0x1p-1074, -0x1p-1074, 0x1p-1022, -0x1p-1022, 0x1p-54,   -0x1p-53,   1.0,
        -1.0,    36.75, -37.5,     708.375,    -708.5,    709.75,     710.0,     744.5,      -745.125,
        -745.25, 746.0, -746.0,    1e10,       -0x1p1023, INFINITY,   -INFINITY, (double)NAN};
    return list[i % AWKWARD];
}

/* Signed, of a size between 2^low and 2^high. */
static inline double next_of_any_size(uint64_t *state, int low, int high)
{
    const int e = low + (int)next_below(state, high - low + 1);
    return next_signed(state) * power_of_two(e);
}

/* -- targets ----------------------------------------------------------------------------------------- */

/* Run a test on every target of this machine, with memory on and off 16-byte boundaries. */
static inline void on_each_target(void (*test)(const sx_kernels *K))
{
    const sx_kernels *K;
    for (int rank = 0; (K = sx_kernels_here(rank)) != NULL; ++rank) {
        for (memory_shift = 0; memory_shift < 2; ++memory_shift) {
            const int mark = memory_used;
            test(K);
            release(mark);
        }
    }
    memory_shift = 0;
}

#endif /* INPUTS_H */
