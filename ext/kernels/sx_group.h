/* Rows that are equal: a hash table with open addressing over the words of a row and its key.
 *
 * Groups are numbered in the order of their first row, whatever the hash is: it decides how long the search takes
 * and nothing else.  Words are compared as bits, after x + 0, which makes -0 the same word as 0; a nan equals a
 * nan of the same bits.
 */
#ifndef SX_GROUP_H
#define SX_GROUP_H

#include "sx_base.h"

/* A place of the table.  Most rows of another group that land here are told by their hash alone. */
typedef struct {
    uint64_t hash;
    int64_t next; /* 1 + the group, 0 where the place is free */
} sx_group_slot;

/* Places for `most` groups and the one that is too many: a power of two, at most half full. */
SX_INLINE ptrdiff_t sx_group_slots(ptrdiff_t most)
{
    ptrdiff_t slots = 16;
    while (slots < 2 * (most + 1)) slots *= 2;
    return slots;
}

SX_INLINE uint64_t sx_group_word(double x) { return sx_bits(x + 0.0); }

/* Bits move up in a product and down in a shift; round numbers have nothing in the lower half of their words. */
SX_INLINE uint64_t sx_group_mix(uint64_t h)
{
    h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

/* Odd numbers for the columns, used again after SX_TILE of them: splitmix64 (Steele, Lea & Flood 2014). */
SX_INLINE void sx_group_factors(ptrdiff_t p, uint64_t *factor)
{
    for (ptrdiff_t j = 0; j < sx_min(p, SX_TILE); ++j) {
        uint64_t z = 0x9e3779b97f4a7c15u * (uint64_t)(j + 1);
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        factor[j] = (z ^ z >> 31) | 1;
    }
}

/* A word's part of the hash of its row, sum_j a_j (u_j xor u_j / 2^32) mod 2^64: its terms wait for none. */
SX_INLINE uint64_t sx_group_term(double x, uint64_t factor)
{
    const uint64_t u = sx_group_word(x);
    return (u ^ u >> 32) * factor;
}

/* Hashes of n rows from row `start` on: along the rows, or down the columns where those lie closer. */
SX_INLINE void sx_group_hashes(const sx_rows *X, const int64_t *key, const uint64_t *factor, ptrdiff_t start,
                               ptrdiff_t n, uint64_t *hash)
{
    const double *x = X->data + start * X->row_stride;
    for (ptrdiff_t i = 0; i < n; ++i) hash[i] = sx_group_mix((uint64_t)key[start + i]);
    for (ptrdiff_t j = 0; j < X->n_cols; j += SX_TILE) {
        const ptrdiff_t p = sx_min(SX_TILE, X->n_cols - j);
        if (X->col_stride == 1) {
            for (ptrdiff_t i = 0; i < n; ++i) {
                const double *row = x + i * X->row_stride + j;
                uint64_t sum = 0;
                for (ptrdiff_t l = 0; l < p; ++l) sum += sx_group_term(row[l], factor[l]);
                hash[i] = sx_group_mix(hash[i] + sum);
            }
            continue;
        }
        uint64_t sums[SX_TILE] = {0};
        for (ptrdiff_t l = 0; l < p; ++l) {
            const double *column = x + (j + l) * X->col_stride;
            for (ptrdiff_t i = 0; i < n; ++i) sums[i] += sx_group_term(column[i * X->row_stride], factor[l]);
        }
        for (ptrdiff_t i = 0; i < n; ++i) hash[i] = sx_group_mix(hash[i] + sums[i]);
    }
}

SX_INLINE int sx_group_equal(const sx_rows *X, ptrdiff_t a, ptrdiff_t b)
{
    const double *x = X->data + a * X->row_stride, *z = X->data + b * X->row_stride;
    const ptrdiff_t p = X->n_cols, stride = X->col_stride;
    uint64_t differ = 0;
    if (stride == 1)
        for (ptrdiff_t j = 0; j < p; ++j) differ |= sx_group_word(x[j]) ^ sx_group_word(z[j]);
    else
        for (ptrdiff_t j = 0; j < p; ++j) differ |= sx_group_word(x[j * stride]) ^ sx_group_word(z[j * stride]);
    return differ == 0;
}

/* The place of a row: that of its group, or the free one where its group would stand. */
SX_INLINE sx_group_slot *sx_group_find(const sx_rows *X, const int64_t *key, ptrdiff_t row, uint64_t hash,
                                       const int64_t *first, sx_group_slot *table, ptrdiff_t slots)
{
    for (uint64_t at = hash;; ++at) {
        sx_group_slot *slot = table + (at & (uint64_t)(slots - 1));
        if (slot->next == 0) return slot;
        if (slot->hash != hash) continue;
        const ptrdiff_t other = (ptrdiff_t)first[slot->next - 1];
        if (key[other] == key[row] && sx_group_equal(X, other, row)) return slot;
    }
}

/* index_out[i] = group of row i, first_out[g] = first row of group g; the number of groups, or -1 as soon as it
 * exceeds `most`.  `table` has sx_group_slots(most) places. */
SX_INLINE ptrdiff_t sx_group_rows(const sx_rows *X, const int64_t *key, ptrdiff_t most, int64_t *index_out,
                                  int64_t *first_out, sx_group_slot *table)
{
    const ptrdiff_t slots = sx_group_slots(most);
    ptrdiff_t groups = 0;
    uint64_t hash[SX_TILE], factor[SX_TILE];
    sx_group_factors(X->n_cols, factor);
    for (ptrdiff_t i = 0; i < slots; ++i) table[i] = (sx_group_slot){0, 0};
    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - start);
        sx_group_hashes(X, key, factor, start, n, hash);
        for (ptrdiff_t i = 0; i < n; ++i) {
            sx_group_slot *slot = sx_group_find(X, key, start + i, hash[i], first_out, table, slots);
            if (slot->next == 0) {
                if (groups == most) return -1;
                first_out[groups++] = start + i;
                *slot = (sx_group_slot){hash[i], groups};
            }
            index_out[start + i] = slot->next - 1;
        }
    }
    return groups;
}

#endif /* SX_GROUP_H */
