/* Cholesky factor of a small symmetric positive definite matrix, equilibrated by powers of two.
 *
 *     C = S^-1 H S^-1,   S = diag(2^e_j) ~ diag(sqrt(H_jj)),   C = U'U
 *     H^-1 v = S^-1 U^-1 U'^-1 S^-1 v,   H^-1 = S^-1 Y'Y S^-1,   Y = U'^-1
 *
 * Scaling by powers of two is exact, so that units of the columns cost no digits.  Right-looking: step j takes
 * U_ji U_j. from row i of what is left, for all i > j.  Every element is one chain over j, and a dot product runs in
 * SX_LANES lanes: the order of all sums is a function of the shape alone.
 *
 * Rows are padded with zeros to whole vectors of SX_LANES.  What lies left of the diagonal in a row of U is what
 * elimination left there: finite, and met by zeros only.
 */
#ifndef SX_CHOLESKY_H
#define SX_CHOLESKY_H

#include <math.h>

#include "../kernels/sx_linear.h"
#include "../kernels/sx_vector.h"

/* A pivot of C below this times the order is rounding: the column depends on those before it. */
#define SX_CHOLESKY_PIVOT (16.0 * 0x1p-53)

typedef struct {
    ptrdiff_t n;
    ptrdiff_t width;    /* n, rounded up to SX_LANES */
    double *U;          /* n rows of `width` */
    double *reciprocal; /* 1 / U_jj */
    double *unscale;    /* 1 / S_jj */
    double *forward;    /* work space of `width` */
    double *backward;   /* the same, zero where nothing has been solved */
} sx_cholesky;

SX_INLINE ptrdiff_t sx_cholesky_width(ptrdiff_t n) { return (n + SX_LANES - 1) / SX_LANES * SX_LANES; }

/* The part of a row of `width` that starts with the vector column j lies in. */
SX_INLINE ptrdiff_t sx_cholesky_from(ptrdiff_t j) { return j / SX_LANES * SX_LANES; }

/* Doubles of work space: the factor, then Y for an inverse. */
SX_INLINE ptrdiff_t sx_cholesky_work(ptrdiff_t n)
{
    return (2 * n + 4) * sx_cholesky_width(n);
}

SX_INLINE sx_cholesky sx_cholesky_in(ptrdiff_t n, double *work)
{
    const ptrdiff_t width = sx_cholesky_width(n);
    double *const vectors = work + n * width;
    return (sx_cholesky){n, width, work, vectors, vectors + width, vectors + 2 * width, vectors + 3 * width};
}

/* y += a x over columns from <= l < to, both multiples of SX_LANES */
SX_INLINE void sx_cholesky_add(double a, const double *restrict x, double *restrict y, ptrdiff_t from, ptrdiff_t to)
{
    const sx_vector factor = sx_broadcast(a);
    for (ptrdiff_t l = from; l < to; l += SX_VECTOR_LENGTH)
        sx_store(y + l, SX_VECTOR_FMA(factor, sx_load(x + l), sx_load(y + l)));
}

/* 2^-e with e = f / 2 rounded to even, d = g 2^f, 1/2 <= g < 1, for a normal d > 0: about 1 / sqrt(d). */
SX_INLINE double sx_cholesky_unscale(double d)
{
    const uint64_t f = (sx_bits(d) >> 52) + 2; /* f + 1024, even where f is */
    const uint64_t half = f / 2, e = half + ((f % 2) & (half % 2));
    return sx_from_bits((1023 + 512 - e) << 52);
}

/* Factor H, n x n, whole.  -1, or the first row that depends, to rounding, on those before it or is not finite. */
SX_KERNEL ptrdiff_t sx_cholesky_factor(const sx_cholesky *f, const double *restrict H)
{
    const ptrdiff_t n = f->n, width = f->width;
    for (ptrdiff_t j = 0; j < n; ++j) {
        const double d = H[j * n + j];
        if (!(d >= 0x1p-1022 && d <= 0x1.fffffffffffffp+1023)) return j;
        f->unscale[j] = sx_cholesky_unscale(d);
    }
    for (ptrdiff_t i = 0; i < n; ++i) {
        double *row = f->U + i * width;
        for (ptrdiff_t l = 0; l < n; ++l) row[l] = H[i * n + l] * f->unscale[l] * f->unscale[i];
        for (ptrdiff_t l = n; l < width; ++l) row[l] = 0.0;
        f->reciprocal[i] = row[i] * (SX_CHOLESKY_PIVOT * (double)n); /* the least pivot, until it is known */
    }
    for (ptrdiff_t j = 0; j < n; ++j) {
        double *row = f->U + j * width;
        const double pivot = row[j];
        if (!(pivot > f->reciprocal[j] && pivot <= 0x1.fffffffffffffp+1023)) return j;
        const double r = 1.0 / sqrt(pivot);
        const ptrdiff_t from = sx_cholesky_from(j);
        for (ptrdiff_t l = from; l < width; ++l) row[l] *= r;
        f->reciprocal[j] = r;
        for (ptrdiff_t i = j + 1; i < n; ++i)
            sx_cholesky_add(-row[i], row, f->U + i * width, sx_cholesky_from(i), width);
    }
    return -1;
}

/* x = H^-1 v; may be the same. */
SX_KERNEL void sx_cholesky_solve(const sx_cholesky *f, const double *v, double *x)
{
    const ptrdiff_t n = f->n, width = f->width;
    double *const z = f->forward, *const y = f->backward;
    for (ptrdiff_t j = 0; j < width; ++j) y[j] = 0.0;
    for (ptrdiff_t j = 0; j < n; ++j) z[j] = v[j] * f->unscale[j];
    for (ptrdiff_t j = n; j < width; ++j) z[j] = 0.0;
    /* U'z = S^-1 v: what is found stays aside, for the vectors of a row reach back over it */
    for (ptrdiff_t j = 0; j < n; ++j) {
        const double found = z[j] * f->reciprocal[j];
        sx_cholesky_add(-found, f->U + j * width, z, sx_cholesky_from(j), width);
        x[j] = found;
    }
    /* U y = z */
    for (ptrdiff_t j = n - 1; j >= 0; --j) {
        const double *row = f->U + j * width;
        double lanes[SX_LANES];
        for (int v0 = 0; v0 < SX_LANES; v0 += SX_VECTOR_LENGTH) {
            sx_vector sum = sx_broadcast(0.0);
            for (ptrdiff_t l = sx_cholesky_from(j) + v0; l < width; l += SX_LANES)
                sum = SX_VECTOR_FMA(sx_load(row + l), sx_load(y + l), sum);
            sx_store(lanes + v0, sum);
        }
        y[j] = (x[j] - sx_merge_lanes(lanes)) * f->reciprocal[j];
    }
    for (ptrdiff_t j = 0; j < n; ++j) x[j] = y[j] * f->unscale[j];
}

/* The largest sum of a column of sizes; rows of a symmetric matrix, `ld` apart. */
SX_INLINE double sx_cholesky_norm(ptrdiff_t n, const double *A, ptrdiff_t ld, double *sums)
{
    double largest = 0.0;
    for (ptrdiff_t l = 0; l < n; ++l) sums[l] = 0.0;
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t l = 0; l < n; ++l) sums[l] += sx_abs(A[i * ld + l]);
    for (ptrdiff_t l = 0; l < n; ++l) largest = sums[l] > largest ? sums[l] : largest;
    return largest;
}

/* Y = U'^-1, lower triangular, n rows of `width`; returns where it lies in the work space. */
SX_KERNEL double *sx_cholesky_root(const sx_cholesky *f)
{
    const ptrdiff_t n = f->n, width = f->width;
    double *const Y = f->backward + width;
    for (ptrdiff_t j = 0; j < n; ++j) { /* U'Y = 1, row after row */
        double *row = Y + j * width;
        const ptrdiff_t to = sx_cholesky_from(j) + SX_LANES;
        for (ptrdiff_t l = 0; l < width; ++l) row[l] = l == j ? 1.0 : 0.0;
        for (ptrdiff_t i = 0; i < j; ++i)
            sx_cholesky_add(-f->U[i * width + j], Y + i * width, row, 0, sx_cholesky_from(i) + SX_LANES);
        for (ptrdiff_t l = 0; l < to; ++l) row[l] *= f->reciprocal[j];
    }
    return Y;
}

/* The inverse of H, n x n, exactly symmetric; and what ||C||_1 ||C^-1||_1 is, given H, in `condition`.  The factor is
 * used up. */
SX_KERNEL void sx_cholesky_inverse(const sx_cholesky *f, const double *restrict H, double *restrict inverse,
                                   double *condition)
{
    const ptrdiff_t n = f->n, width = f->width;
    double *const Y = sx_cholesky_root(f), *const C = f->U;
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t l = 0; l < n; ++l) C[i * width + l] = H[i * n + l] * f->unscale[l] * f->unscale[i];
    *condition = sx_cholesky_norm(n, C, width, f->forward);
    for (ptrdiff_t i = 0; i < n * width; ++i) C[i] = 0.0;
    for (ptrdiff_t j = 0; j < n; ++j) { /* C^-1 = Y'Y, from the diagonal on */
        const double *row = Y + j * width;
        for (ptrdiff_t i = 0; i <= j; ++i)
            sx_cholesky_add(row[i], row, C + i * width, sx_cholesky_from(i), sx_cholesky_from(j) + SX_LANES);
    }
    for (ptrdiff_t i = 1; i < n; ++i)
        for (ptrdiff_t l = 0; l < i; ++l) C[i * width + l] = C[l * width + i];
    *condition *= sx_cholesky_norm(n, C, width, f->forward);
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t l = 0; l < n; ++l) inverse[i * n + l] = C[i * width + l] * f->unscale[l] * f->unscale[i];
}

#endif /* SX_CHOLESKY_H */
