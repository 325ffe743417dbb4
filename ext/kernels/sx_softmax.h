/* Rows of logits: log-sum-exp, softmax and its cross-entropy, forward and backward in one sweep.
 *
 *     a = max_k z_k at class q,   d_k + e_k = z_k - a exactly,   E_k = exp(d_k + e_k)
 *     s = sum_{k != q} E_k,   p_q = 1 / (1 + s),   p_k = E_k / (1 + s)
 *     log-sum-exp = a + log1p(s)
 *     nll        = (a - z_y) + log1p(s)                          log-sum-exp minus the true logit
 *     residual_k = p_k - [y = k]        = y = k ? -others_k : p_k
 *     others_k   = 1 - p_k              = k = q ? s / (1 + s) : 1 - p_k   (p_k <= 1/2 there)
 *     curvature_kl = p_k ([k = l] - p_l)                         d^2 nll / d z_k d z_l
 *
 * Shifting by the maximum is the log-sum-exp trick; leaving the maximum out of s and adding it by log1p keeps the
 * relative accuracy of a tiny nll (Blanchard, Higham & Higham, IMA J. Numer. Anal. 41, 2021, for the shift); the
 * two-term difference removes the rounding of z_k - a, and s is summed in double-double, so that nothing grows
 * with the number of classes.
 *
 * Logits lie in K columns of `ld` doubles, one row of them a lane, so that every loop runs over rows.  A logit of
 * -inf is a class of probability 0; a row with nan or +inf, or with -inf alone, gets s = nan.
 */
#ifndef SX_SOFTMAX_H
#define SX_SOFTMAX_H

#include "sx_columns.h"
#include "sx_dd.h"
#include "sx_log1p.h"

/* What a tile of rows has in common: the largest logit and its class; s and 1 / (1 + s), high and low words. */
typedef struct {
    double largest[SX_TILE];
    double which[SX_TILE];
    double s[SX_TILE];
    double s_low[SX_TILE];
    double inverse[SX_TILE];
    double inverse_low[SX_TILE];
} sx_softmax_tile;

/* exp(x - a), x <= a, as parts. */
SX_INLINE sx_exp_parts sx_exp_difference(double x, double a)
{
    const sx_dd d = sx_two_diff(x, a);
    const int nothing = d.high < SX_EXP_LEAST; /* there, and only there, d.low may be nan (x = -inf) */
    return sx_exp_parts_of(0, nothing ? SX_EXP_LEAST : d.high, nothing ? 0.0 : d.low);
}

/* `tile` but for `inverse`, of n <= SX_TILE rows, and E (may be z, or NULL) with its low words E_low (may be NULL).
 * `ahead` is asked for meanwhile (may be NULL).  E is times 2^512, that is without SX_EXP_REST, so that no term of a
 * tiny s and no low word is a subnormal. */
SX_INLINE void sx_softmax_sum(ptrdiff_t n, ptrdiff_t K, ptrdiff_t ld, const double *z, sx_softmax_tile *tile,
                              double *E, double *E_low, const sx_ahead *ahead)
{
    for (ptrdiff_t i = 0; i < n; ++i) tile->largest[i] = z[i];
    for (ptrdiff_t k = 1; k < K; ++k)
        for (ptrdiff_t i = 0; i < n; ++i)
            tile->largest[i] = z[k * ld + i] > tile->largest[i] ? z[k * ld + i] : tile->largest[i];
    for (ptrdiff_t i = 0; i < n; ++i) {
        tile->s[i] = tile->largest[i] - tile->largest[i]; /* 0, or nan */
        tile->s_low[i] = tile->which[i] = 0.0;
    }
    ptrdiff_t part = 0;
    for (ptrdiff_t k = 0; k < K; ++k) {
        const double class_k = (double)(k + 1);
        for (ptrdiff_t start = 0, stop; start < n; start = stop) {
            stop = ahead ? sx_min(n, start + ahead->rows) : n;
            if (ahead) sx_ahead_part(ahead, part++);
            for (ptrdiff_t i = start; i < stop; ++i) {
                const double x = z[k * ld + i];
                const sx_exp_parts e = sx_exp_difference(x, tile->largest[i]);
                const double head = e.head * e.scale, tail = e.tail * e.scale, large = head + tail;
                const int top = (x == tile->largest[i]) & (tile->which[i] == 0.0); /* the first of equals */
                const sx_dd sum = sx_two_sum(tile->s[i], top ? 0.0 : large);
                tile->which[i] += top ? class_k : 0.0; /* added: a conditional store would be a branch */
                tile->s[i] = sum.high;
                tile->s_low[i] += sum.low;
                if (E) E[k * ld + i] = head;
                if (E_low) E_low[k * ld + i] = tail;
            }
        }
    }
    for (ptrdiff_t i = 0; i < n; ++i) {
        tile->which[i] -= tile->which[i] > 0.0 ? 1.0 : 0.0; /* none is the largest beside nan */
        tile->s[i] *= SX_EXP_REST;
        tile->s_low[i] *= SX_EXP_REST;
    }
}

/* 1 / (1 + s) */
SX_INLINE void sx_softmax_inverse(ptrdiff_t n, sx_softmax_tile *tile)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        const sx_dd sum = sx_two_sum(1.0, tile->s[i]);
        const sx_dd inverse = sx_reciprocal((sx_dd){sum.high, sum.low + tile->s_low[i]});
        tile->inverse[i] = inverse.high;
        tile->inverse_low[i] = inverse.low;
    }
}

SX_INLINE void sx_softmax_forward(ptrdiff_t n, ptrdiff_t K, ptrdiff_t ld, const double *z,
                                  sx_softmax_tile *tile, double *E, double *E_low, const sx_ahead *ahead)
{
    sx_softmax_sum(n, K, ld, z, tile, E, E_low, ahead);
    sx_softmax_inverse(n, tile);
}

/* log-sum-exp of n rows. */
SX_INLINE void sx_softmax_logsumexp(ptrdiff_t n, const sx_softmax_tile *restrict tile, double *restrict out)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        out[i] = tile->largest[i] + sx_log1p_dd(tile->s[i], tile->s_low[i]);
}

/* The same for a row whose a is infinite or nan, or holds nan: nan, else inf, else -inf. */
SX_KERNEL double sx_logsumexp_infinite(ptrdiff_t K, ptrdiff_t ld, const double *z)
{
    double largest = z[0], nan = 0.0;
    for (ptrdiff_t k = 0; k < K; ++k) {
        largest = z[k * ld] > largest ? z[k * ld] : largest;
        nan = z[k * ld] == z[k * ld] ? nan : z[k * ld];
    }
    return nan == nan ? largest : nan;
}

/* log1p(s) of n rows. */
SX_INLINE void sx_softmax_rest(ptrdiff_t n, const sx_softmax_tile *restrict tile, double *restrict rest)
{
    for (ptrdiff_t i = 0; i < n; ++i) rest[i] = sx_log1p_dd(tile->s[i], tile->s_low[i]);
}

/* (a - z) + rest: -log p of a class with logit z. */
SX_INLINE double sx_softmax_minus_log(double a, double z, double rest)
{
    const sx_dd gap = sx_two_diff(a, z);
    /* the low word of an infinite gap is nan */
    return gap.high + ((gap.high < 0x1p+1000 ? gap.low : 0.0) + rest);
}

/* z_y of n rows: before sx_softmax_forward overwrites z. */
SX_INLINE void sx_softmax_true(ptrdiff_t n, ptrdiff_t ld, const double *restrict z, const int32_t *restrict y,
                               double *restrict z_y)
{
    for (ptrdiff_t i = 0; i < n; ++i) z_y[i] = z[y[i] * ld + i];
}

/* nll of n rows, times the weight, and padded with zeros to `padded` rows; nll may be z_y. */
SX_INLINE void sx_softmax_nll(ptrdiff_t n, ptrdiff_t padded, const double *z_y, const double *weight,
                              const sx_softmax_tile *tile, double *nll)
{
    double rest[SX_TILE];
    sx_softmax_rest(n, tile, rest);
    for (ptrdiff_t i = 0; i < n; ++i)
        nll[i] = weight[i] * sx_softmax_minus_log(tile->largest[i], z_y[i], rest[i]);
    for (ptrdiff_t i = n; i < padded; ++i) nll[i] = 0.0;
}

/* log p_k of all classes, in place of z. */
SX_INLINE void sx_softmax_log(ptrdiff_t n, ptrdiff_t K, ptrdiff_t ld, const sx_softmax_tile *restrict tile,
                              double *restrict z)
{
    double rest[SX_TILE];
    sx_softmax_rest(n, tile, rest);
    for (ptrdiff_t k = 0; k < K; ++k)
        for (ptrdiff_t i = 0; i < n; ++i)
            z[k * ld + i] = -sx_softmax_minus_log(tile->largest[i], z[k * ld + i], rest[i]);
}

/* p = (E + E_low) (inverse + inverse_low), in one rounding and a bit; times 2^512, and as it is. */
SX_INLINE double sx_softmax_p_lifted(const sx_softmax_tile *tile, ptrdiff_t i, double E, double E_low)
{
    return E * tile->inverse[i] + (E * tile->inverse_low[i] + E_low * tile->inverse[i]);
}

SX_INLINE double sx_softmax_p(const sx_softmax_tile *tile, ptrdiff_t i, double E, double E_low)
{
    return sx_softmax_p_lifted(tile, i, E, E_low) * SX_EXP_REST;
}

/* p of K classes, in place of E. */
SX_INLINE void sx_softmax_p_tile(ptrdiff_t n, ptrdiff_t K, ptrdiff_t ld, const sx_softmax_tile *restrict tile,
                                 const double *restrict E_low, double *restrict E)
{
    for (ptrdiff_t k = 0; k < K; ++k)
        for (ptrdiff_t i = 0; i < n; ++i)
            E[k * ld + i] = sx_softmax_p(tile, i, E[k * ld + i], E_low[k * ld + i]);
}

/* residual of the classes first .. K-1, times the weight, in place of E, of which column k is class k. */
SX_INLINE void sx_softmax_residual(ptrdiff_t n, ptrdiff_t first, ptrdiff_t K, ptrdiff_t ld,
                                   const int32_t *restrict y, const double *restrict weight,
                                   const sx_softmax_tile *restrict tile, const double *restrict E_low,
                                   double *restrict E)
{
    /* of the true class: -s / (1 + s) + 0 p where it is the class q, else -1 + 1 p */
    double true_class[SX_TILE], start[SX_TILE], slope[SX_TILE];
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double others_q = tile->s[i] * tile->inverse[i] +
                                (tile->s[i] * tile->inverse_low[i] + tile->s_low[i] * tile->inverse[i]);
        true_class[i] = (double)y[i];
        start[i] = true_class[i] == tile->which[i] ? -others_q : -1.0;
        slope[i] = true_class[i] == tile->which[i] ? 0.0 : 1.0;
    }
    for (ptrdiff_t k = first; k < K; ++k) {
        double *restrict E_k = E + k * ld;
        const double class_k = (double)k;
        for (ptrdiff_t i = 0; i < n; ++i) {
            const double p = sx_softmax_p(tile, i, E_k[i], E_low[k * ld + i]);
            E_k[i] = weight[i] * (true_class[i] == class_k ? start[i] + slope[i] * p : p);
        }
    }
}

/* p and 1 - p of the classes first .. K-1, high and low words, which the curvature is made of. */
typedef struct {
    double *p;     /* in place of E */
    double *p_low; /* in place of E_low */
    double *others;
    double *others_low;
} sx_softmax_words;

SX_INLINE void sx_softmax_words_of(ptrdiff_t n, ptrdiff_t first, ptrdiff_t K, ptrdiff_t ld,
                                   const sx_softmax_tile *restrict tile, sx_softmax_words words)
{
    for (ptrdiff_t k = first; k < K; ++k) {
        double *restrict p = words.p + k * ld, *restrict p_low = words.p_low + k * ld;
        double *restrict others = words.others + k * ld, *restrict others_low = words.others_low + k * ld;
        const double class_k = (double)k;
        for (ptrdiff_t i = 0; i < n; ++i) {
            const sx_dd product = sx_two_prod(p[i], tile->inverse[i]);
            const double low = product.low + (p[i] * tile->inverse_low[i] + p_low[i] * tile->inverse[i]);
            const double high = product.high + low;
            p_low[i] = (low - (high - product.high)) * SX_EXP_REST;
            p[i] = high * SX_EXP_REST;
            /* 1 - p, p < 1; for the class q with p > 1/2 it is exact, and the low word of p all that counts */
            const sx_dd one = sx_two_sum(1.0, -p[i]);
            const int top = tile->which[i] == class_k;
            const sx_dd sum = sx_two_prod(tile->s[i], tile->inverse[i]);
            const double sum_low = tile->s[i] * tile->inverse_low[i] + tile->s_low[i] * tile->inverse[i] +
                                   (tile->s[i] > 0x1p-900 ? sum.low : 0.0);
            others[i] = top ? sum.high + sum_low : one.high + (one.low - p_low[i]);
            others_low[i] = top ? sum_low - (others[i] - sum.high) : (one.low - p_low[i]) - (others[i] - one.high);
        }
    }
}

/* (a + a_low) (b + b_low), rounded about once */
SX_INLINE double sx_dd_product(double a, double a_low, double b, double b_low)
{
    return a * b + (a * b_low + a_low * b);
}

/* curvature_kl of n rows, times the weight, of two classes for which there are words. */
SX_INLINE void sx_softmax_curvature(ptrdiff_t n, ptrdiff_t k, ptrdiff_t l, ptrdiff_t ld, sx_softmax_words words,
                                    const double *restrict weight, double *restrict curvature)
{
    const double *restrict p = words.p + k * ld, *restrict p_low = words.p_low + k * ld;
    const double *restrict b = (k == l ? words.others : words.p) + l * ld;
    const double *restrict b_low = (k == l ? words.others_low : words.p_low) + l * ld;
    const double sign = k == l ? 1.0 : -1.0;
    for (ptrdiff_t i = 0; i < n; ++i)
        curvature[i] = sign * (weight[i] * sx_dd_product(p[i], p_low[i], b[i], b_low[i]));
}

#endif /* SX_SOFTMAX_H */
