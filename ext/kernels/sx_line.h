/* Sums over all rows of the NLL along a line of logits: sx_binary_line_tile, sx_softmax_line_tile. */
#ifndef SX_LINE_H
#define SX_LINE_H

#include "sx_binary.h"
#include "sx_columns.h"
#include "sx_softmax_line.h"

/* The three sums while tiles are added. */
typedef struct {
    sx_sum change;
    sx_sum first;
    sx_sum second;
} sx_line_sums;

SX_INLINE sx_line sx_line_total(const sx_line_sums *sums)
{
    return (sx_line){sx_sum_total(&sums->change), sx_sum_total(&sums->first).high,
                     sx_sum_total(&sums->second).high};
}

SX_INLINE sx_line sx_binary_line(ptrdiff_t n_rows, double step, const double *eta, const double *slope,
                                 const int32_t *y, const double *weight)
{
    double change[SX_TILE], first[SX_TILE], second[SX_TILE], ones[SX_TILE];
    sx_line_sums sums;
    memset(&sums, 0, sizeof sums);
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) ones[i] = 1.0;
    for (ptrdiff_t start = 0; start < n_rows; start += SX_TILE) {
        sx_binary_line_tile(sx_min(SX_TILE, n_rows - start), step, eta + start, slope + start, y + start,
                            weight ? weight + start : ones, change, first, second);
        sx_sum_add_tile(&sums.change, change);
        sx_sum_add_tile(&sums.first, first);
        sx_sum_add_tile(&sums.second, second);
    }
    return sx_line_total(&sums);
}

/* `work`: 4 (n_logits + 1) SX_TILE doubles. */
SX_INLINE sx_line sx_softmax_line(ptrdiff_t n_rows, ptrdiff_t n_logits, double step, const double *eta,
                                  const double *slope, const int32_t *y, const double *weight, double *work)
{
    const ptrdiff_t K = n_logits + 1;
    const sx_rows eta_rows = {eta, n_rows, n_logits, n_logits, 1};
    const sx_rows slope_rows = {slope, n_rows, n_logits, n_logits, 1};
    double change[SX_TILE], first[SX_TILE], second[SX_TILE], ones[SX_TILE];
    double *z = work, *v = z + K * SX_TILE, *p = v + K * SX_TILE, *moved = p + K * SX_TILE;
    sx_line_sums sums;
    memset(&sums, 0, sizeof sums);
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) ones[i] = 1.0;
    sx_reference_column(z);
    sx_reference_column(v);
    for (ptrdiff_t start = 0; start < n_rows; start += SX_TILE) {
        const ptrdiff_t n = sx_min(SX_TILE, n_rows - start);
        sx_to_columns(&eta_rows, start, n, z + SX_TILE, SX_TILE);
        sx_to_columns(&slope_rows, start, n, v + SX_TILE, SX_TILE);
        sx_softmax_line_tile(n, K, step, z, v, y + start, weight ? weight + start : ones, p, moved, change,
                             first, second);
        sx_sum_add_tile(&sums.change, change);
        sx_sum_add_tile(&sums.first, first);
        sx_sum_add_tile(&sums.second, second);
    }
    return sx_line_total(&sums);
}

#endif /* SX_LINE_H */
