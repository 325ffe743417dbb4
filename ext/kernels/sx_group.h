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

/* Chains that the hash of a row runs in: a multiplication has to wait for the one before. */
#define SX_GROUP_CHAINS 4

/* Places for `most` groups and the one that is too many: a power of two, at most half full. */
SX_INLINE ptrdiff_t sx_group_slots(ptrdiff_t most)
{
    ptrdiff_t slots = 16;
    while (slots < 2 * (most + 1)) slots *= 2;
    return slots;
}

SX_INLINE uint64_t sx_group_word(double x) { return sx_bits(x + 0.0); }

/* Bits move up in a product and down in a shift; round numbers have nothing in the lower half of their words. */
SX_INLINE uint64_t sx_group_mix(uint64_t h, uint64_t word)
{
    h = (h ^ word ^ word >> 32) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

SX_INLINE uint64_t sx_group_join(const uint64_t *chains, ptrdiff_t stride, uint64_t key)
{
    uint64_t h = sx_group_mix(key, key);
    for (int c = 0; c < SX_GROUP_CHAINS; ++c) h = sx_group_mix(h, chains[c * stride]);
    return h;
}

/* Hashes of n rows from row `start` on: along the rows, or down the columns where those lie closer. */
SX_INLINE void sx_group_hashes(const sx_rows *X, const int64_t *key, ptrdiff_t start, ptrdiff_t n, uint64_t *hash)
{
    const ptrdiff_t p = X->n_cols;
    const double *x = X->data;
    if (X->col_stride == 1) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            uint64_t chains[SX_GROUP_CHAINS] = {1, 2, 3, 4};
            const double *row = x + (start + i) * X->row_stride;
            ptrdiff_t j = 0;
            for (; j + SX_GROUP_CHAINS <= p; j += SX_GROUP_CHAINS)
                for (int c = 0; c < SX_GROUP_CHAINS; ++c)
                    chains[c] = sx_group_mix(chains[c], sx_group_word(row[j + c]));
            for (int c = 0; j < p; ++j, ++c) chains[c] = sx_group_mix(chains[c], sx_group_word(row[j]));
            hash[i] = sx_group_join(chains, 1, (uint64_t)key[start + i]);
        }
        return;
    }
    uint64_t chains[SX_GROUP_CHAINS * SX_TILE];
    for (ptrdiff_t i = 0; i < SX_GROUP_CHAINS * SX_TILE; ++i) chains[i] = (uint64_t)(i / SX_TILE + 1);
    for (ptrdiff_t j = 0; j < p; ++j) {
        uint64_t *chain = chains + j % SX_GROUP_CHAINS * SX_TILE;
        const double *column = x + start * X->row_stride + j * X->col_stride;
        for (ptrdiff_t i = 0; i < n; ++i) chain[i] = sx_group_mix(chain[i], sx_group_word(column[i * X->row_stride]));
    }
    for (ptrdiff_t i = 0; i < n; ++i) hash[i] = sx_group_join(chains + i, SX_TILE, (uint64_t)key[start + i]);
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
    uint64_t hash[SX_TILE];
    for (ptrdiff_t i = 0; i < slots; ++i) table[i] = (sx_group_slot){0, 0};
    for (ptrdiff_t start = 0; start < X->n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, X->n_rows - start);
        sx_group_hashes(X, key, start, n, hash);
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
