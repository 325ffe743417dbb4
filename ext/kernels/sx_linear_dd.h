/* The linear layer in double-double: every product exact, every sum carried in two words (Dot2 of Ogita, Rump & Oishi,
 * SIAM J. Sci. Comput. 26, 2005).
 *
 *     eta + eta_low           = (b_0 + b_0_low) + X (b + b_low) + offset
 *     gradient + gradient_low = X' residual
 *
 *     p = fl(a b),  s = fl(high + p),  t = fl(s - high):   high <- s,  low <- low + ((high - (s - t)) + fl(a b - t))
 *
 * which is two-sum with the error of the product in its last difference.
 *
 * |error| <= (terms + 3)^2 u^2 sum |term| of both words together, u = 2^-53.
 *
 * The order of every sum is a function of the shape alone, and no low word is fused, so that the bits are those of any
 * vector width, and without FMA too while no product underflows (sx_two_prod):
 *
 *   dot product   lanes and tree of sx_linear.h, a pair of words in each
 *   gradient      one chain for each column, down all rows of the block
 *
 * With fewer columns than SX_LANES both run over a transposed tile: dot products are chains over the columns, and a
 * column of the gradient has SX_LANES chains, over the rows i mod SX_LANES, merged in the same tree.
 */
#ifndef SX_LINEAR_DD_H
#define SX_LINEAR_DD_H

#include "sx_columns.h"
#include "sx_dd.h"
#include "sx_linear.h"

/* fl(a b - t) for t near product = fl(a b), so that product - t is exact: one rounding, with FMA and without.  Without,
 * the error of a product beyond the range of sx_split counts as 0. */
SX_INLINE sx_vector sx_product_minus(sx_vector a, sx_vector b, sx_vector product, sx_vector t)
{
#if SX_USE_FMA
    (void)product;
    return SX_VECTOR_FMA(a, b, -t);
#else
    const sx_vector c = sx_broadcast(0x1.0000002p+27); /* sx_split */
    const sx_vector ca = c * a, cb = c * b, a_high = ca - (ca - a), b_high = cb - (cb - b);
    const sx_vector a_low = a - a_high, b_low = b - b_high;
    const sx_vector e = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
    return (product - t) + sx_vector_finite_or_zero(e);
#endif
}

/* high + low += a b */
SX_INLINE void sx_add_product(sx_vector *high, sx_vector *low, sx_vector a, sx_vector b)
{
    const sx_vector p = a * b, s = *high + p, t = s - *high;
    *low += (*high - (s - t)) + sx_product_minus(a, b, p, t);
    *high = s;
}

/* high + low += a (b + b_low) */
SX_INLINE void sx_add_product_dd(sx_vector *high, sx_vector *low, sx_vector a, sx_vector b, sx_vector b_low)
{
    const sx_vector p = a * b, s = *high + p, t = s - *high;
    *low += (*high - (s - t)) + (sx_product_minus(a, b, p, t) + a * b_low);
    *high = s;
}

/* a + b, not renormalised */
SX_INLINE sx_dd sx_dd_add(sx_dd a, sx_dd b)
{
    const sx_dd s = sx_two_sum(a.high, b.high);
    return (sx_dd){s.high, (a.low + b.low) + s.low};
}

/* a as a rounded value and its rest, which is 0 where the value is not finite. */
SX_INLINE sx_dd sx_dd_rounded(sx_dd a)
{
    const double largest = 0x1.fffffffffffffp+1023;
    const sx_dd sum = sx_two_sum(a.high, sx_abs(a.high) <= largest ? a.low : 0.0);
    return (sx_dd){sum.high, sx_abs(sum.high) <= largest ? sum.low : 0.0};
}

/* ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7)) in double-double, not renormalised */
SX_INLINE sx_dd sx_merge_lanes_dd(const double *high, const double *low)
{
    sx_dd l[SX_LANES];
    for (int i = 0; i < SX_LANES; ++i) l[i] = (sx_dd){high[i], low[i]};
    return sx_dd_add(sx_dd_add(sx_dd_add(l[0], l[4]), sx_dd_add(l[2], l[6])),
                     sx_dd_add(sx_dd_add(l[1], l[5]), sx_dd_add(l[3], l[7])));
}

#if SX_HAVE_SHUFFLE
typedef double sx_quad __attribute__((vector_size(32), aligned(8), may_alias));
/* high + low = (a + a_low) + (b + b_low), not renormalised, for vectors of any length */
#define SX_DD_ADD(type, a, a_low, b, b_low, high, low)                                                                \
    do {                                                                                                              \
        const type x_ = (a), y_ = (b), s_ = x_ + y_, t_ = s_ - x_;                                                    \
        (low) = ((a_low) + (b_low)) + ((x_ - (s_ - t_)) + (y_ - t_));                                                 \
        (high) = s_;                                                                                                  \
    } while (0)
#define SX_SHUFFLE __builtin_shufflevector
#endif

/* Of four rows: (l0 + l4) + (l2 + l6), and (l1 + l5) + (l3 + l7). */
#if SX_HAVE_SHUFFLE
typedef struct {
    sx_quad even, even_low, odd, odd_low;
} sx_merged;
#endif
#if SX_HAVE_SHUFFLE && SX_VECTOR_BYTES == 64
SX_INLINE sx_merged sx_merge_to_two(const double *l, const double *l_low)
{
    sx_vector q[2], q_low[2], h, h_low;
    for (int r = 0; r < 2; ++r) {
        const sx_vector a = sx_load(l + 16 * r), b = sx_load(l + 16 * r + 8);
        const sx_vector a_low = sx_load(l_low + 16 * r), b_low = sx_load(l_low + 16 * r + 8);
        SX_DD_ADD(sx_vector, SX_SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11),
                  SX_SHUFFLE(a_low, b_low, 0, 1, 2, 3, 8, 9, 10, 11), SX_SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15),
                  SX_SHUFFLE(a_low, b_low, 4, 5, 6, 7, 12, 13, 14, 15), q[r], q_low[r]);
    }
    SX_DD_ADD(sx_vector, SX_SHUFFLE(q[0], q[1], 0, 1, 4, 5, 8, 9, 12, 13),
              SX_SHUFFLE(q_low[0], q_low[1], 0, 1, 4, 5, 8, 9, 12, 13),
              SX_SHUFFLE(q[0], q[1], 2, 3, 6, 7, 10, 11, 14, 15),
              SX_SHUFFLE(q_low[0], q_low[1], 2, 3, 6, 7, 10, 11, 14, 15), h, h_low);
    return (sx_merged){SX_SHUFFLE(h, h, 0, 2, 4, 6), SX_SHUFFLE(h_low, h_low, 0, 2, 4, 6),
                       SX_SHUFFLE(h, h, 1, 3, 5, 7), SX_SHUFFLE(h_low, h_low, 1, 3, 5, 7)};
}
#elif SX_HAVE_SHUFFLE
SX_INLINE sx_merged sx_merge_to_two(const double *l, const double *l_low)
{
    sx_quad q[4], q_low[4], h[2], h_low[2];
    for (int r = 0; r < 4; ++r) {
        const sx_quad *a = (const sx_quad *)(l + 8 * r), *b = (const sx_quad *)(l + 8 * r + 4);
        const sx_quad *a_low = (const sx_quad *)(l_low + 8 * r), *b_low = (const sx_quad *)(l_low + 8 * r + 4);
        SX_DD_ADD(sx_quad, *a, *a_low, *b, *b_low, q[r], q_low[r]);
    }
    for (int r = 0; r < 2; ++r)
        SX_DD_ADD(sx_quad, SX_SHUFFLE(q[2 * r], q[2 * r + 1], 0, 1, 4, 5),
                  SX_SHUFFLE(q_low[2 * r], q_low[2 * r + 1], 0, 1, 4, 5),
                  SX_SHUFFLE(q[2 * r], q[2 * r + 1], 2, 3, 6, 7),
                  SX_SHUFFLE(q_low[2 * r], q_low[2 * r + 1], 2, 3, 6, 7), h[r], h_low[r]);
    return (sx_merged){SX_SHUFFLE(h[0], h[1], 0, 2, 4, 6), SX_SHUFFLE(h_low[0], h_low[1], 0, 2, 4, 6),
                       SX_SHUFFLE(h[0], h[1], 1, 3, 5, 7), SX_SHUFFLE(h_low[0], h_low[1], 1, 3, 5, 7)};
}
#endif

/* sx_merge_lanes_dd for the lanes of four rows, one after the other. */
SX_INLINE void sx_merge_four_lanes_dd(const double *l, const double *l_low, double *out, double *out_low)
{
#if SX_HAVE_SHUFFLE
    const sx_merged two = sx_merge_to_two(l, l_low);
    sx_quad sum, sum_low;
    SX_DD_ADD(sx_quad, two.even, two.even_low, two.odd, two.odd_low, sum, sum_low);
    *(sx_quad *)out = sum;
    *(sx_quad *)out_low = sum_low;
#else
    for (int r = 0; r < 4; ++r) {
        const sx_dd sum = sx_merge_lanes_dd(l + 8 * r, l_low + 8 * r);
        out[r] = sum.high;
        out_low[r] = sum.low;
    }
#endif
}

/* out[r] + out_low[r] = x_r'(b + b_low) for n_rows rows of p >= SX_LANES columns, `stride` apart.  `tail` holds what
 * sx_dot_rows has there, SX_LANES of b and then of b_low.  A vector of lanes at a time: its sums stay in registers. */
SX_INLINE void sx_dot_rows_dd(const int n_rows, ptrdiff_t p, const double *restrict x, ptrdiff_t stride,
                              const double *restrict b, const double *restrict b_low, const double *restrict tail,
                              double *restrict out, double *restrict out_low)
{
    double lanes[SX_DOT_ROWS * SX_LANES], lanes_low[SX_DOT_ROWS * SX_LANES];
    const ptrdiff_t whole = p / SX_LANES * SX_LANES;
    for (int v = 0; v < SX_LANES; v += SX_VECTOR_LENGTH) {
        sx_vector high[SX_DOT_ROWS], low[SX_DOT_ROWS];
        for (int r = 0; r < n_rows; ++r) { /* the first product is the sum */
            const sx_vector a = sx_load(x + r * stride + v), c = sx_load(b + v);
            high[r] = a * c;
            low[r] = sx_product_minus(a, c, high[r], high[r]) + a * sx_load(b_low + v);
        }
        for (ptrdiff_t j = SX_LANES + v; j < whole; j += SX_LANES) {
            const sx_vector c = sx_load(b + j), c_low = sx_load(b_low + j);
            for (int r = 0; r < n_rows; ++r)
                sx_add_product_dd(high + r, low + r, sx_load(x + r * stride + j), c, c_low);
        }
        if (whole < p) {
            const sx_vector c = sx_load(tail + v), c_low = sx_load(tail + SX_LANES + v);
            for (int r = 0; r < n_rows; ++r)
                sx_add_product_dd(high + r, low + r, sx_load(x + r * stride + p - SX_LANES + v), c, c_low);
        }
        for (int r = 0; r < n_rows; ++r) {
            sx_store(lanes + r * SX_LANES + v, high[r]);
            sx_store(lanes_low + r * SX_LANES + v, low[r]);
        }
    }
    if (n_rows == SX_DOT_ROWS) {
        sx_merge_four_lanes_dd(lanes, lanes_low, out, out_low);
    } else {
        for (int r = 0; r < n_rows; ++r) {
            const sx_dd sum = sx_merge_lanes_dd(lanes + r * SX_LANES, lanes_low + r * SX_LANES);
            out[r] = sum.high;
            out_low[r] = sum.low;
        }
    }
}

/* The dot products of n rows, p >= SX_LANES. */
SX_INLINE void sx_dot_tile_dd(sx_tile rows, ptrdiff_t n, ptrdiff_t p, const double *restrict b,
                              const double *restrict b_low, double *restrict out, double *restrict out_low)
{
    double tail[2 * SX_LANES];
    for (ptrdiff_t l = 0; l < SX_LANES; ++l) {
        const int met = l < SX_LANES - p % SX_LANES;
        tail[l] = met ? 0.0 : b[p - SX_LANES + l];
        tail[SX_LANES + l] = met ? 0.0 : b_low[p - SX_LANES + l];
    }
    ptrdiff_t i = 0;
    for (; i + SX_DOT_ROWS <= n; i += SX_DOT_ROWS)
        sx_dot_rows_dd(SX_DOT_ROWS, p, rows.data + i * rows.stride, rows.stride, b, b_low, tail, out + i, out_low + i);
    for (; i < n; ++i)
        sx_dot_rows_dd(1, p, rows.data + i * rows.stride, rows.stride, b, b_low, tail, out + i, out_low + i);
}

/* The same for p < SX_LANES from the columns of a tile, SX_TILE apart: rows in lanes; whole vectors are written. */
SX_INLINE void sx_dot_columns_dd(const double *restrict columns, ptrdiff_t n, ptrdiff_t p, const double *restrict b,
                                 const double *restrict b_low, double *restrict out, double *restrict out_low)
{
    for (ptrdiff_t i = 0; i < n; i += SX_VECTOR_LENGTH) {
        sx_vector high = sx_broadcast(0.0), low = sx_broadcast(0.0);
        for (ptrdiff_t j = 0; j < p; ++j)
            sx_add_product_dd(&high, &low, sx_load(columns + j * SX_TILE + i), sx_broadcast(b[j]),
                              sx_broadcast(b_low[j]));
        sx_store(out + i, high);
        sx_store(out_low + i, low);
    }
}

/* A tile of X as sums in double-double take it: rows for p >= SX_LANES, else columns, padded with zeros. */
typedef struct {
    sx_tile rows;
    const double *columns;
    ptrdiff_t n;
    ptrdiff_t p;
} sx_dd_tile;

/* Doubles of work space for a tile. */
SX_INLINE ptrdiff_t sx_dd_tile_space(const sx_rows *X)
{
    if (X->n_cols < SX_LANES) return X->n_cols * SX_TILE;
    return X->col_stride == 1 ? 0 : sx_min(X->n_rows, SX_TILE) * X->n_cols;
}

SX_INLINE sx_dd_tile sx_dd_tile_of(const sx_rows *X, ptrdiff_t start, ptrdiff_t n, double *restrict space)
{
    if (X->n_cols >= SX_LANES) return (sx_dd_tile){sx_tile_of(X, start, n, space), NULL, n, X->n_cols};
    if (X->n_cols) sx_to_columns(X, start, n, space, SX_TILE);
    for (ptrdiff_t j = 0; j < X->n_cols; ++j)
        for (ptrdiff_t i = n; i % SX_LANES; ++i) space[j * SX_TILE + i] = 0.0;
    return (sx_dd_tile){{X->data + start * X->row_stride, X->row_stride}, space, n, X->n_cols};
}

/* eta_h + low_h of a tile as a rounded value and its rest, a column of SX_TILE for each of n_logits logits; coef and
 * coef_low hold their vectors one after the other, the intercept first when `intercept` is set; offset may be NULL. */
SX_KERNEL void sx_linear_forward_dd(ptrdiff_t n_logits, const sx_dd_tile *tile, int intercept,
                                    const double *restrict coef, const double *restrict coef_low,
                                    const double *restrict offset, double *restrict eta, double *restrict low)
{
    const ptrdiff_t p = tile->p, n = tile->n, k = p + intercept;
    for (ptrdiff_t h = 0; h < n_logits; ++h, eta += SX_TILE, low += SX_TILE) {
        const double *b = coef + h * k + intercept, *b_low = coef_low + h * k + intercept;
        const sx_dd b_0 = {intercept ? coef[h * k] : 0.0, intercept ? coef_low[h * k] : 0.0};
        if (tile->columns || p == 0)
            sx_dot_columns_dd(tile->columns, n, p, b, b_low, eta, low);
        else
            sx_dot_tile_dd(tile->rows, n, p, b, b_low, eta, low);
        for (ptrdiff_t i = 0; i < n; ++i) {
            sx_dd sum = sx_dd_add((sx_dd){eta[i], low[i]}, b_0);
            if (offset) sum = sx_dd_add(sum, (sx_dd){offset[i * n_logits + h], 0.0});
            sum = sx_dd_rounded(sum);
            eta[i] = sum.high;
            low[i] = sum.low;
        }
    }
}

#endif /* SX_LINEAR_DD_H */
