/* The gradient of half the log-determinant of the information: what Firth's bias reduction adds to the score.
 *
 *     I = sum_i w_i V_i (x) x_i x_i',   V = diag(p) - p p',   I^-1 = T T',  T upper triangular
 *     Q_i,ab = x_i' (I^-1)_ab x_i = sum_r z_a,r z_b,r,   z_a = T_a' x_i,  T_a: the rows of T that belong to logit a
 *
 * With q(c) = (e_c - p)' Q (e_c - p), c = 0 .. m (e_0 = 0), half the derivative of w log det I by the logit eta_c of a
 * row, that is w / 2 sum_ab Q_ab kappa_abc with the third cumulants kappa = d V_ab / d eta_c, is
 *
 *     t_c = w / 2 p_c (q(c) - sum_d p_d q(d)) = w / 2 p_c sum_(d != c) p_d (s_c - s_d),   s_c = Q_cc - 2 (Q p)_c, s_0 = 0
 *
 * for sum_ab Q_ab kappa_abc = E[q(Y) ([Y = c] - p_c)].  No probability is formed by subtraction.  Two classes:
 *
 *     t = w v (1/2 - p) Q,   v = p (1 - p)
 *
 *     gradient = sum_i t_i (x) [1 x_i]
 *     largest  = max_i max_c q_i(c), over rows with w > 0: what bounds the curvature that the determinant adds
 *
 * A tile is transposed, rows in lanes, so that every z is one chain over the columns and every Q one chain over r: the
 * size of the register tile does not change a bit.  Cost: n k^2 m (m + 1) / 2 multiplications and additions.
 */
#ifndef SX_JEFFREYS_H
#define SX_JEFFREYS_H

#include "sx_pass.h"

/* The register tile: columns of T x vectors of rows. */
#ifndef SX_JEFFREYS_COLUMNS
#define SX_JEFFREYS_COLUMNS 4
#define SX_JEFFREYS_VECTORS 2
#endif

/* Work space, in doubles. */
typedef struct {
    double *columns[2]; /* of the classes: logits, then p; E_low */
    double *partial;    /* 2 p */
    double *packed;     /* a tile of X, where it has no unit column stride */
    double *X;          /* a tile, transposed: k columns of SX_TILE */
    double *T;          /* panels of SX_JEFFREYS_COLUMNS columns, rows one after the other */
    double *z;          /* m x SX_JEFFREYS_COLUMNS columns of SX_TILE */
    double *Q;          /* m (m + 1) / 2 columns of SX_TILE */
    double *t;          /* m columns of SX_TILE */
    double *s;          /* m + 1 columns of SX_TILE */
    ptrdiff_t total;
} sx_jeffreys_space;

SX_INLINE ptrdiff_t sx_jeffreys_panels(ptrdiff_t size)
{
    return (size + SX_JEFFREYS_COLUMNS - 1) / SX_JEFFREYS_COLUMNS;
}

SX_INLINE sx_jeffreys_space sx_jeffreys_space_of(const sx_rows *X, ptrdiff_t m, int intercept, double *work)
{
    const ptrdiff_t p = X->n_cols, k = p + intercept, size = m * k, tile_rows = sx_min(X->n_rows, SX_TILE);
    sx_jeffreys_space space;
    ptrdiff_t at = 0;
    for (int i = 0; i < 2; ++i) space.columns[i] = sx_part(work, at), at += (m + 1) * SX_TILE;
    space.partial = sx_part(work, at), at += 2 * p;
    space.packed = sx_part(work, at), at += X->col_stride == 1 ? 0 : tile_rows * p;
    space.X = sx_part(work, at), at += k * SX_TILE;
    space.T = sx_part(work, at), at += sx_jeffreys_panels(size) * SX_JEFFREYS_COLUMNS * size;
    space.z = sx_part(work, at), at += m * SX_JEFFREYS_COLUMNS * SX_TILE;
    space.Q = sx_part(work, at), at += m * (m + 1) / 2 * SX_TILE;
    space.t = sx_part(work, at), at += m * SX_TILE;
    space.s = sx_part(work, at), at += (m + 1) * SX_TILE;
    space.total = at;
    return space;
}

/* T, size x size with row stride ld, as panels of SX_JEFFREYS_COLUMNS columns; columns beyond the last are zeros. */
SX_KERNEL void sx_jeffreys_pack(ptrdiff_t size, ptrdiff_t ld, const double *restrict T, double *restrict panels)
{
    for (ptrdiff_t first = 0; first < size; first += SX_JEFFREYS_COLUMNS) {
        const ptrdiff_t columns = sx_min(SX_JEFFREYS_COLUMNS, size - first);
        for (ptrdiff_t l = 0; l < size; ++l, panels += SX_JEFFREYS_COLUMNS)
            for (ptrdiff_t j = 0; j < SX_JEFFREYS_COLUMNS; ++j) panels[j] = j < columns ? T[l * ld + first + j] : 0.0;
    }
}

/* The tile of X, transposed, the column of ones first; rows up to the next multiple of SX_LANES are zeros. */
SX_INLINE void sx_jeffreys_transpose(sx_tile rows, ptrdiff_t n, ptrdiff_t p, int intercept, double *restrict X)
{
    const ptrdiff_t padded = (n + SX_LANES - 1) / SX_LANES * SX_LANES;
    if (intercept)
        for (ptrdiff_t i = 0; i < n; ++i) X[i] = 1.0;
    sx_transpose(n, p, rows.data, rows.stride, X + intercept * SX_TILE, SX_TILE);
    for (ptrdiff_t j = 0; j < p + intercept; ++j)
        for (ptrdiff_t i = n; i < padded; ++i) X[j * SX_TILE + i] = 0.0;
}

/* z_j = sum_l T_lj x_l over l < length, for the columns of one panel and n_vectors vectors of rows. */
SX_INLINE void sx_jeffreys_micro(const int n_vectors, ptrdiff_t length, const double *restrict X,
                                 const double *restrict T, double *restrict z)
{
    sx_vector sum[SX_JEFFREYS_COLUMNS][SX_JEFFREYS_VECTORS];
    for (int j = 0; j < SX_JEFFREYS_COLUMNS; ++j)
        for (int v = 0; v < n_vectors; ++v) sum[j][v] = sx_broadcast(0.0);
    for (ptrdiff_t l = 0; l < length; ++l) {
        sx_vector x[SX_JEFFREYS_VECTORS];
        for (int v = 0; v < n_vectors; ++v) x[v] = sx_load(X + l * SX_TILE + v * SX_VECTOR_LENGTH);
        for (int j = 0; j < SX_JEFFREYS_COLUMNS; ++j) {
            const sx_vector a = sx_broadcast(T[l * SX_JEFFREYS_COLUMNS + j]);
            for (int v = 0; v < n_vectors; ++v) sum[j][v] = SX_VECTOR_FMA(a, x[v], sum[j][v]);
        }
    }
    for (int j = 0; j < SX_JEFFREYS_COLUMNS; ++j)
        for (int v = 0; v < n_vectors; ++v) sx_store(z + j * SX_TILE + v * SX_VECTOR_LENGTH, sum[j][v]);
}

/* Q += sum over the columns of a panel of z_a z_b, of `n` rows, a multiple of SX_LANES. */
SX_INLINE void sx_jeffreys_square(ptrdiff_t n, const double *restrict a, const double *restrict b,
                                  double *restrict Q)
{
    for (ptrdiff_t i = 0; i < n; i += SX_VECTOR_LENGTH) {
        sx_vector sum = sx_load(Q + i);
        for (int j = 0; j < SX_JEFFREYS_COLUMNS; ++j)
            sum = SX_VECTOR_FMA(sx_load(a + j * SX_TILE + i), sx_load(b + j * SX_TILE + i), sum);
        sx_store(Q + i, sum);
    }
}

/* Q of one tile of rows, a column of SX_TILE for each pair of logits a <= b, pairs (0, 0), (0, 1), ..., (1, 1), ...;
 * X transposed, T in panels. */
SX_KERNEL void sx_jeffreys_forms(ptrdiff_t n, ptrdiff_t m, ptrdiff_t k, const double *restrict X,
                                 const double *restrict T, double *restrict z, double *restrict Q)
{
    const ptrdiff_t padded = (n + SX_LANES - 1) / SX_LANES * SX_LANES, size = m * k;
    const ptrdiff_t step = SX_JEFFREYS_VECTORS * SX_VECTOR_LENGTH;
    for (ptrdiff_t i = 0; i < m * (m + 1) / 2 * SX_TILE; ++i) Q[i] = 0.0;
    for (ptrdiff_t first = 0; first < size; first += SX_JEFFREYS_COLUMNS, T += SX_JEFFREYS_COLUMNS * size) {
        const ptrdiff_t last = sx_min(first + SX_JEFFREYS_COLUMNS, size);
        for (ptrdiff_t a = 0; a < m && a * k < last; ++a) { /* T is triangular: rows from `last` on are zeros */
            const ptrdiff_t length = sx_min(k, last - a * k);
            const double *rows = T + a * k * SX_JEFFREYS_COLUMNS;
            double *const z_a = z + a * SX_JEFFREYS_COLUMNS * SX_TILE;
            ptrdiff_t i = 0;
            for (; i + step <= padded; i += step)
                sx_jeffreys_micro(SX_JEFFREYS_VECTORS, length, X + i, rows, z_a + i);
            for (; i < padded; i += SX_VECTOR_LENGTH) sx_jeffreys_micro(1, length, X + i, rows, z_a + i);
        }
        double *pair = Q;
        for (ptrdiff_t a = 0; a < m; ++a)
            for (ptrdiff_t b = a; b < m; ++b, pair += SX_TILE)
                if (b * k < last)
                    sx_jeffreys_square(padded, z + a * SX_JEFFREYS_COLUMNS * SX_TILE,
                                       z + b * SX_JEFFREYS_COLUMNS * SX_TILE, pair);
    }
}

/* t = w v (1/2 - p) Q of n rows with two classes; the largest of `largest` and q(c) of rows that count. */
SX_INLINE double sx_jeffreys_binary(ptrdiff_t n, const double *restrict eta, const double *restrict weight,
                                    const double *restrict Q, double *restrict t, double largest)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        const sx_logit a = sx_logit_of(eta[i]);
        const double gap = 0.5 * (a.big - a.small); /* |1/2 - p| */
        t[i] = weight[i] * (a.curvature * ((eta[i] >= 0.0 ? -gap : gap) * Q[i]));
    }
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double big = sx_expit(sx_abs(eta[i])), most = weight[i] > 0.0 ? big * big * Q[i] : 0.0;
        largest = most > largest || most != most ? most : largest;
    }
    return largest;
}

/* The column of the pair a, b of logits in Q. */
SX_INLINE const double *sx_jeffreys_pair(ptrdiff_t m, ptrdiff_t a, ptrdiff_t b, const double *Q)
{
    const ptrdiff_t low = a < b ? a : b, high = a < b ? b : a;
    return Q + (low * m - low * (low - 1) / 2 + high - low) * SX_TILE;
}

/* t_c of n rows of m + 1 classes; p in columns from class 0 on; s and t are written. */
SX_INLINE double sx_jeffreys_softmax(ptrdiff_t n, ptrdiff_t m, const double *restrict p, const double *restrict weight,
                                     const double *restrict Q, double *restrict s, double *restrict t, double largest)
{
    double both[SX_TILE]; /* p'Q p */
    for (ptrdiff_t i = 0; i < n; ++i) both[i] = s[i] = 0.0;
    for (ptrdiff_t c = 0; c < m; ++c) {
        double *restrict s_c = s + (c + 1) * SX_TILE;
        const double *restrict p_c = p + (c + 1) * SX_TILE;
        const double *restrict Q_cc = sx_jeffreys_pair(m, c, c, Q);
        for (ptrdiff_t i = 0; i < n; ++i) s_c[i] = 0.0;
        for (ptrdiff_t d = 0; d < m; ++d) {
            const double *restrict Q_cd = sx_jeffreys_pair(m, c, d, Q), *restrict p_d = p + (d + 1) * SX_TILE;
            for (ptrdiff_t i = 0; i < n; ++i) s_c[i] += Q_cd[i] * p_d[i];
        }
        for (ptrdiff_t i = 0; i < n; ++i) {
            both[i] += p_c[i] * s_c[i];
            s_c[i] = Q_cc[i] - 2.0 * s_c[i];
        }
    }
    for (ptrdiff_t c = 0; c <= m; ++c) {
        const double *restrict s_c = s + c * SX_TILE;
        for (ptrdiff_t i = 0; i < n; ++i) {
            const double most = weight[i] > 0.0 ? both[i] + s_c[i] : 0.0;
            largest = most > largest || most != most ? most : largest;
        }
    }
    for (ptrdiff_t c = 1; c <= m; ++c) {
        const double *restrict s_c = s + c * SX_TILE, *restrict p_c = p + c * SX_TILE;
        double *restrict t_c = t + (c - 1) * SX_TILE;
        for (ptrdiff_t i = 0; i < n; ++i) t_c[i] = 0.0;
        for (ptrdiff_t d = 0; d <= m; ++d) { /* d = c adds 0 */
            const double *restrict s_d = s + d * SX_TILE, *restrict p_d = p + d * SX_TILE;
            for (ptrdiff_t i = 0; i < n; ++i) t_c[i] += p_d[i] * (s_c[i] - s_d[i]);
        }
        for (ptrdiff_t i = 0; i < n; ++i) t_c[i] = 0.5 * weight[i] * (p_c[i] * t_c[i]);
    }
    return largest;
}

/* gradient (m k) is overwritten; root: T, (m k) x (m k); `model->y` is not read.  Returns `largest`. */
SX_INLINE double sx_jeffreys(int binary, const sx_rows *X, const sx_model *model, const double *root,
                             double *gradient, double *work)
{
    const int intercept = model->intercept;
    const ptrdiff_t p = X->n_cols, k = p + intercept, m = model->n_logits, size = m * k;
    const sx_jeffreys_space space = sx_jeffreys_space_of(X, m, intercept, work);
    double ones[SX_TILE], *const z = space.columns[0], largest = 0.0;
    sx_softmax_tile tile;
    sx_pass_clear(size, gradient, NULL);
    sx_jeffreys_pack(size, size, root, space.T);
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) ones[i] = 1.0;
    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const sx_pass_tile t = sx_pass_tile_of(X, model, start, ones, space.packed);
        sx_jeffreys_transpose(t.rows, t.n, p, intercept, space.X);
        sx_jeffreys_forms(t.n, m, k, space.X, space.T, space.z, space.Q);
        sx_linear_forward(m, t.rows, t.n, p, intercept, model->coef, t.offset, z + SX_TILE);
        if (binary) {
            largest = sx_jeffreys_binary(t.n, z + SX_TILE, t.weight, space.Q, space.t, largest);
        } else {
            sx_reference_column(z);
            sx_softmax_forward(t.n, m + 1, SX_TILE, z, &tile, z, space.columns[1], NULL);
            sx_softmax_p_tile(t.n, m + 1, SX_TILE, &tile, space.columns[1], z);
            largest = sx_jeffreys_softmax(t.n, m, z, t.weight, space.Q, space.s, space.t, largest);
        }
        for (ptrdiff_t c = 0; c < m; c += 2) {
            double *const two[2] = {gradient + c * k, gradient + (c + 1) * k};
            sx_linear_backward(c + 1 < m ? 2 : 1, t.rows, t.n, p, intercept, space.t + c * SX_TILE, space.partial, two);
        }
    }
    return largest;
}

#endif /* SX_JEFFREYS_H */
