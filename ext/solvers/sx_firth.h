/* A whole small fit of the binary model by Firth's bias reduction, on one thread, without allocation.
 *
 *     U*(b) = sum_i (w_i (y_i - p_i) + t_i) x_i,   t_i = share h_i (1/2 - p_i),   h_i = w_i v_i Q_i,  Q_i = x_i'I^-1 x_i
 *
 * The leverages want the information, a factor of it and n forms: ten times what a gradient costs.  Between two points
 * where they are computed, a model of them is solved, of which each evaluation is a gradient:
 *
 *     h_i(b) ~ k w_i v_i(b) Q_i / sum_l w_l v_l(b) Q_l
 *
 * with the Q of the last point.  At that point it is exact, for leverages add up to k; it follows v, and the scale of I,
 * which is what changes most.  What it misses is learned from one point to the next, as a symmetric matrix A of rank one
 * updates: A += e e' / (e's), e what the model was off by after the step s.  A model is solved by quasi-Newton steps
 * (BFGS, of the factor of I) to a thousandth of its first score.  Each point gains some three digits.
 *
 * There is no line search: a fit whose score does not fall by half at each point is handed over to the general solver
 * (src/sigmax/solvers/firth.py), which starts afresh; so is one without a factor, or with numbers that are not finite.
 */
#ifndef SX_FIRTH_H
#define SX_FIRTH_H

#include "../kernels/sx_jeffreys.h"
#include "sx_cholesky.h"

#define SX_FIRTH_POINTS 30
/* columns whose sums run side by side */
#define SX_FIRTH_COLUMNS 6
#define SX_FIRTH_STEPS_BETWEEN 8
/* of the first score of a model */
#define SX_FIRTH_SOLVED 1e-3

typedef struct {
    const sx_rows *X;
    const sx_firth_task *task;
    ptrdiff_t n, k;
    double *residual, *curvature, *third; /* n: w (p - y), w v, w v (1/2 - p) */
    double *Q, *mixed;                    /* n */
    double *columns;                      /* X, transposed tile by tile */
    double *lanes;                        /* SX_LANES k */
    double *ones;                         /* SX_TILE */
    double *coef, *score, *next, *change; /* k */
    double *last;                         /* k: the last point */
    double *steps, *changes, *along, *product; /* of BFGS: SX_FIRTH_STEPS_BETWEEN of k, twice of one each */
    double *missed, *shares;                   /* of A: SX_FIRTH_POINTS of k, of one each */
    double *hessian;                           /* k^2 */
    ptrdiff_t pairs, learned, reads, points;
    sx_cholesky factor;
    sx_jeffreys_space space;
    sx_pass_space pass;
    double *passes; /* where `pass` lies */
} sx_firth_state;

SX_INLINE double *sx_firth_take(double *work, ptrdiff_t *at, ptrdiff_t length)
{
    double *const part = work ? work + *at : NULL;
    *at += length;
    return part;
}

/* Lay the parts out; returns the length.  With work = NULL only that. */
SX_INLINE ptrdiff_t sx_firth_parts(sx_firth_state *s, const sx_rows *X, int intercept, double *work)
{
    const ptrdiff_t n = X->n_rows, k = X->n_cols + intercept, between = SX_FIRTH_STEPS_BETWEEN;
    const ptrdiff_t padded = (n + SX_TILE - 1) / SX_TILE * SX_TILE;
    ptrdiff_t at = 0;
    double **const columns[] = {&s->residual, &s->curvature, &s->third, &s->Q, &s->mixed};
    double **const vectors[] = {&s->coef, &s->score, &s->next, &s->change, &s->last};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; ++i) *columns[i] = sx_firth_take(work, &at, padded);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; ++i) *vectors[i] = sx_firth_take(work, &at, k);
    s->ones = sx_firth_take(work, &at, SX_TILE);
    s->columns = sx_firth_take(work, &at, padded * k);
    s->lanes = sx_firth_take(work, &at, SX_LANES * k);
    s->steps = sx_firth_take(work, &at, between * k);
    s->changes = sx_firth_take(work, &at, between * k);
    s->along = sx_firth_take(work, &at, between);
    s->product = sx_firth_take(work, &at, between);
    s->missed = sx_firth_take(work, &at, SX_FIRTH_POINTS * k);
    s->shares = sx_firth_take(work, &at, SX_FIRTH_POINTS);
    s->hessian = sx_firth_take(work, &at, k * k);
    double *const factor = sx_firth_take(work, &at, sx_cholesky_work(k));
    if (work) s->factor = sx_cholesky_in(k, factor);
    const ptrdiff_t jeffreys = sx_jeffreys_space_of(X, 1, intercept, NULL).total;
    const ptrdiff_t pass = sx_pass_space_of(X, 1, 1, NULL).total;
    double *const spaces = sx_firth_take(work, &at, jeffreys);
    if (work) s->space = sx_jeffreys_space_of(X, 1, intercept, spaces);
    s->passes = sx_firth_take(work, &at, pass);
    if (work) s->pass = sx_pass_space_of(X, 1, 1, s->passes);
    return at;
}

SX_INLINE ptrdiff_t sx_firth_work(const sx_rows *X, int intercept)
{
    sx_firth_state s;
    return sx_firth_parts(&s, X, intercept, NULL);
}

SX_INLINE double sx_firth_dot(ptrdiff_t n, const double *a, const double *b)
{
    double sum = 0.0;
    for (ptrdiff_t i = 0; i < n; ++i) sum = SX_FMA(a[i], b[i], sum);
    return sum;
}

SX_INLINE sx_pass_tile sx_firth_tile(const sx_firth_state *s, ptrdiff_t start)
{
    return sx_pass_tile_of(s->X, &s->task->model, start, s->ones, s->pass.packed);
}

/* residual, curvature and third of n rows, each times its weight: within a few units in the last place, without the low
 * words that the kernels of the likelihood carry.
 *
 *     t = exp(-|eta|),  big = 1 / (1 + t),  small = t big,  |1/2 - p| = (1 - t) big / 2
 */
SX_INLINE void sx_firth_row(ptrdiff_t n, const double *restrict eta, const int32_t *restrict y,
                            const double *restrict weight, double *restrict residual, double *restrict curvature,
                            double *restrict third)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        const double x = -sx_abs(eta[i]);
        const sx_exp_parts e = sx_exp_parts_of(0, x < SX_EXP_LEAST ? SX_EXP_LEAST : x, 0.0);
        const double t = sx_exp_scaled(e, e.head + e.tail), big = 1.0 / (1.0 + t), small = t * big;
        const double lambda = sx_negate_if(y[i], eta[i]) <= 0.0 ? small : big, gap = 0.5 * (1.0 - t) * big;
        residual[i] = weight[i] * sx_negate_if(y[i], lambda);
        curvature[i] = weight[i] * (small * big);
        third[i] = curvature[i] * (eta[i] >= 0.0 ? -gap : gap);
    }
}

/* The tiles of X, transposed: rows in lanes, for as many gradients as a fit takes; zeros beyond the last row. */
SX_KERNEL void sx_firth_transpose(sx_firth_state *s)
{
    const ptrdiff_t size = s->k * SX_TILE;
    double *X = s->columns;
    for (ptrdiff_t start = 0; start < s->n; start += SX_TILE, X += size) {
        const sx_pass_tile t = sx_firth_tile(s, start);
        if (t.n < SX_TILE) memset(X, 0, (size_t)size * sizeof *X);
        sx_jeffreys_transpose(t.rows, t.n, s->X->n_cols, s->task->model.intercept, X);
    }
}

/* eta of a tile: chains over the columns. */
SX_INLINE void sx_firth_eta(ptrdiff_t k, const double *restrict X, const double *restrict b, double *restrict eta)
{
    enum { TOGETHER = 4 };
    for (ptrdiff_t i = 0; i < SX_TILE; i += TOGETHER * SX_VECTOR_LENGTH) {
        sx_vector sum[TOGETHER];
        for (int v = 0; v < TOGETHER; ++v) sum[v] = sx_broadcast(0.0);
        for (ptrdiff_t j = 0; j < k; ++j) {
            const sx_vector b_j = sx_broadcast(b[j]);
            for (int v = 0; v < TOGETHER; ++v)
                sum[v] = SX_VECTOR_FMA(b_j, sx_load(X + j * SX_TILE + i + v * SX_VECTOR_LENGTH), sum[v]);
        }
        for (int v = 0; v < TOGETHER; ++v) sx_store(eta + i + v * SX_VECTOR_LENGTH, sum[v]);
    }
}

/* lanes_j += r_i x_ij over a tile, row i in lane i mod SX_LANES, for n_columns columns. */
SX_INLINE void sx_firth_dots(const int n_columns, const double *restrict X, const double *restrict r,
                             double *restrict lanes)
{
    sx_vector sum[SX_FIRTH_COLUMNS][SX_LANE_VECTORS];
    for (int c = 0; c < n_columns; ++c)
        for (int v = 0; v < SX_LANE_VECTORS; ++v)
            sum[c][v] = sx_load(lanes + c * SX_LANES + v * SX_VECTOR_LENGTH);
    for (ptrdiff_t i = 0; i < SX_TILE; i += SX_LANES) {
        for (int v = 0; v < SX_LANE_VECTORS; ++v) {
            const ptrdiff_t at = i + v * SX_VECTOR_LENGTH;
            const sx_vector r_i = sx_load(r + at);
            for (int c = 0; c < n_columns; ++c)
                sum[c][v] = SX_VECTOR_FMA(r_i, sx_load(X + c * SX_TILE + at), sum[c][v]);
        }
    }
    for (int c = 0; c < n_columns; ++c)
        for (int v = 0; v < SX_LANE_VECTORS; ++v)
            sx_store(lanes + c * SX_LANES + v * SX_VECTOR_LENGTH, sum[c][v]);
}

/* The rows at s->coef. */
SX_KERNEL void sx_firth_rows(sx_firth_state *s)
{
    double eta[SX_TILE];
    const double *X = s->columns;
    s->reads += 1;
    for (ptrdiff_t start = 0; start < s->n; start += SX_TILE, X += s->k * SX_TILE) {
        const sx_pass_tile t = sx_firth_tile(s, start);
        sx_firth_eta(s->k, X, s->coef, eta);
        for (ptrdiff_t i = 0; t.offset && i < t.n; ++i) eta[i] += t.offset[i];
        sx_firth_row(t.n, eta, t.y, t.weight, s->residual + start, s->curvature + start, s->third + start);
    }
}

/* out = [1 X]' r; r is zero beyond the last row. */
SX_KERNEL void sx_firth_sum(const sx_firth_state *s, const double *r, double *out)
{
    const ptrdiff_t k = s->k;
    const double *X = s->columns;
    memset(s->lanes, 0, (size_t)(k * SX_LANES) * sizeof *s->lanes);
    for (ptrdiff_t start = 0; start < s->n; start += SX_TILE, X += k * SX_TILE) {
        ptrdiff_t j = 0;
        for (; j + SX_FIRTH_COLUMNS <= k; j += SX_FIRTH_COLUMNS)
            sx_firth_dots(SX_FIRTH_COLUMNS, X + j * SX_TILE, r + start, s->lanes + j * SX_LANES);
        for (; j < k; ++j) sx_firth_dots(1, X + j * SX_TILE, r + start, s->lanes + j * SX_LANES);
    }
    for (ptrdiff_t j = 0; j < k; ++j) out[j] = sx_merge_lanes(s->lanes + j * SX_LANES);
}

/* The information of the rows as they were seen last. */
SX_KERNEL void sx_firth_information(sx_firth_state *s)
{
    const ptrdiff_t p = s->X->n_cols, k = s->k, width = sx_gram_width(p), panel = sx_gram_panel_rows(width);
    const int intercept = s->task->model.intercept;
    double root[SX_TILE], *const hessian = s->hessian;
    memset(hessian, 0, (size_t)(k * k) * sizeof *hessian);
    if (intercept) sx_firth_sum(s, s->curvature, hessian);
    memset(s->pass.A, 0, (size_t)s->pass.copy * sizeof *s->pass.A);
    s->reads += 1;
    for (ptrdiff_t start = 0; start < s->n; start += SX_TILE) {
        const sx_pass_tile t = sx_firth_tile(s, start);
        const ptrdiff_t at = start % panel, filled = at + t.n;
        sx_gram_roots(t.n, s->curvature + start, root);
        sx_gram_pack(t.rows, t.n, p, width, root, s->pass.A + at * width);
        if (filled == panel || start + t.n == s->n)
            sx_gram_add(filled, p, width, s->pass.A, s->pass.A, hessian + intercept * (k + 1), k,
                        (sx_gram_ahead){0, 0});
    }
    sx_gram_mirror(k, hessian, k);
}

/* The score of the model at s->coef, whose rows are known, into `out`; A counts from s->last on. */
SX_KERNEL void sx_firth_model(sx_firth_state *s, double *out)
{
    const ptrdiff_t k = s->k;
    for (ptrdiff_t i = 0; i < s->n; ++i) s->mixed[i] = s->curvature[i] * s->Q[i];
    const double scale = s->task->share * (double)k / sx_sum_lanes(s->n, s->mixed);
    for (ptrdiff_t i = 0; i < s->n; ++i) s->mixed[i] = scale * (s->Q[i] * s->third[i]) - s->residual[i];
    sx_firth_sum(s, s->mixed, out);
    for (ptrdiff_t j = 0; j < k; ++j) s->change[j] = s->coef[j] - s->last[j];
    for (ptrdiff_t r = 0; r < s->learned; ++r) {
        const double *const e = s->missed + r * k;
        const double along = s->shares[r] * sx_firth_dot(k, e, s->change);
        for (ptrdiff_t j = 0; j < k; ++j) out[j] += along * e[j];
    }
}

/* s->change = (BFGS of the factor) score */
SX_KERNEL void sx_firth_direction(sx_firth_state *s, const double *score)
{
    const ptrdiff_t k = s->k;
    double *const d = s->change;
    for (ptrdiff_t j = 0; j < k; ++j) d[j] = score[j];
    for (ptrdiff_t r = s->pairs - 1; r >= 0; --r) {
        const double a = s->product[r] = s->along[r] * sx_firth_dot(k, s->steps + r * k, d);
        for (ptrdiff_t j = 0; j < k; ++j) d[j] -= a * s->changes[r * k + j];
    }
    sx_cholesky_solve(&s->factor, d, d);
    for (ptrdiff_t r = 0; r < s->pairs; ++r) {
        const double b = s->product[r] - s->along[r] * sx_firth_dot(k, s->changes + r * k, d);
        for (ptrdiff_t j = 0; j < k; ++j) d[j] += b * s->steps[r * k + j];
    }
}

/* Solve the model from s->coef, where its score is s->score, which is the score where it ends. */
SX_KERNEL void sx_firth_solve(sx_firth_state *s)
{
    const ptrdiff_t k = s->k;
    double first = 0.0;
    s->pairs = 0;
    for (;;) {
        sx_firth_direction(s, s->score);
        const double square = sx_firth_dot(k, s->score, s->change);
        if (s->pairs == 0) first = square;
        if (!(square > SX_FIRTH_SOLVED * SX_FIRTH_SOLVED * first) || s->pairs == SX_FIRTH_STEPS_BETWEEN) return;
        double *const step = s->steps + s->pairs * k, *const change = s->changes + s->pairs * k;
        for (ptrdiff_t j = 0; j < k; ++j) {
            step[j] = s->change[j];
            s->coef[j] += step[j];
        }
        sx_firth_rows(s);
        sx_firth_model(s, s->next);
        for (ptrdiff_t j = 0; j < k; ++j) {
            change[j] = s->score[j] - s->next[j];
            s->score[j] = s->next[j];
        }
        const double along = sx_firth_dot(k, step, change);
        if (!(along > 0.0)) return; /* no metric: the next point will do */
        s->along[s->pairs++] = 1.0 / along;
    }
}

/* The leverages' Q at s->coef, whose factor is known. */
SX_KERNEL void sx_firth_forms(sx_firth_state *s)
{
    const ptrdiff_t k = s->k, width = s->factor.width;
    const double *const Y = sx_cholesky_root(&s->factor), *const unscale = s->factor.unscale;
    double *panels = s->space.T;
    for (ptrdiff_t first = 0; first < k; first += SX_JEFFREYS_COLUMNS) { /* T = S^-1 Y' */
        const ptrdiff_t columns = sx_min(SX_JEFFREYS_COLUMNS, k - first);
        for (ptrdiff_t l = 0; l < k; ++l, panels += SX_JEFFREYS_COLUMNS)
            for (ptrdiff_t j = 0; j < SX_JEFFREYS_COLUMNS; ++j)
                panels[j] = j < columns ? unscale[l] * Y[(first + j) * width + l] : 0.0;
    }
    for (ptrdiff_t start = 0; start < s->n; start += SX_TILE)
        sx_jeffreys_forms(sx_min(SX_TILE, s->n - start), 1, k, s->columns + start * k, s->space.T, s->space.z,
                          s->Q + start);
    s->reads += 1;
}

/* max_i |x_ij| */
SX_INLINE double sx_firth_farthest(const sx_firth_state *s, ptrdiff_t j)
{
    sx_vector most = sx_broadcast(0.0);
    double each[SX_VECTOR_LENGTH], farthest = 0.0;
    for (ptrdiff_t start = 0; start < s->n; start += SX_TILE)
        for (ptrdiff_t i = 0; i < SX_TILE; i += SX_VECTOR_LENGTH)
            most = SX_VECTOR_MAX(sx_vector_abs(sx_load(s->columns + start * s->k + j * SX_TILE + i)), most);
    sx_store(each, most);
    for (int v = 0; v < SX_VECTOR_LENGTH; ++v) farthest = each[v] > farthest ? each[v] : farthest;
    return farthest;
}

/* The largest big^2 Q of the rows that count, big = max(p, 1 - p) = 1/2 + |1/2 - p|. */
SX_KERNEL double sx_firth_largest(const sx_firth_state *s)
{
    const double *weight = s->task->model.weight;
    double largest = 0.0;
    for (ptrdiff_t i = 0; i < s->n; ++i) {
        const double v = s->curvature[i], big = 0.5 + (v > 0.0 ? sx_abs(s->third[i]) / v : 0.5);
        const double most = weight && !(weight[i] > 0.0) ? 0.0 : big * big * s->Q[i];
        largest = most > largest || most != most ? most : largest;
    }
    return largest;
}

/* The penalised score at s->coef, whose rows are known, with information and leverages; 0 where there is no factor. */
SX_KERNEL int sx_firth_point(sx_firth_state *s)
{
    const double share = s->task->share;
    sx_firth_information(s);
    if (sx_cholesky_factor(&s->factor, s->hessian) >= 0) return 0;
    sx_firth_forms(s);
    for (ptrdiff_t i = 0; i < s->n; ++i) s->mixed[i] = share * (s->Q[i] * s->third[i]) - s->residual[i];
    sx_firth_sum(s, s->mixed, s->score);
    s->points += 1;
    return 1;
}

/* A learns what the model, whose score at the point is `modelled`, missed after the step from s->last. */
SX_INLINE void sx_firth_learn(sx_firth_state *s, const double *modelled)
{
    const ptrdiff_t k = s->k;
    double *const e = s->missed + s->learned * k;
    double along = 0.0, size = 0.0, length = 0.0;
    for (ptrdiff_t j = 0; j < k; ++j) {
        const double step = s->coef[j] - s->last[j];
        e[j] = s->score[j] - modelled[j];
        along = SX_FMA(e[j], step, along);
        size = SX_FMA(e[j], e[j], size);
        length = SX_FMA(step, step, length);
    }
    if (!(along * along > 1e-16 * size * length)) return;
    s->shares[s->learned++] = 1.0 / along;
}

/* Fit; SX_NEWTON_TOLERANCE or SX_NEWTON_HAND_OVER.  `work`: sx_firth_work doubles. */
SX_INLINE int32_t sx_firth(const sx_rows *X, const sx_firth_task *task, const sx_firth_answer *answer, double *work)
{
    sx_firth_state s;
    const ptrdiff_t k = X->n_cols + task->model.intercept;
    double nu = (double)INFINITY, previous, biggest = 0.0;
    int32_t status = SX_NEWTON_HAND_OVER;
    s.X = X;
    s.task = task;
    s.n = X->n_rows;
    s.k = k;
    s.pairs = s.learned = s.reads = s.points = 0;
    sx_firth_parts(&s, X, task->model.intercept, work);
    for (ptrdiff_t i = 0; i < SX_TILE; ++i) s.ones[i] = 1.0;
    const ptrdiff_t padded = (s.n + SX_TILE - 1) / SX_TILE * SX_TILE;
    for (ptrdiff_t i = 0; i < padded; ++i) {
        s.Q[i] = i < s.n ? 1.0 : 0.0;
        s.residual[i] = s.curvature[i] = s.third[i] = s.mixed[i] = 0.0;
    }
    sx_firth_transpose(&s);
    for (ptrdiff_t j = 0; j < k; ++j) s.coef[j] = s.last[j] = task->model.coef ? task->model.coef[j] : 0.0;
    sx_firth_rows(&s);
    sx_firth_information(&s);
    if (sx_cholesky_factor(&s.factor, s.hessian) < 0) {
        sx_firth_model(&s, s.score);
        for (;;) {
            sx_firth_solve(&s);
            for (ptrdiff_t j = 0; j < k; ++j) s.next[j] = s.score[j];
            if (!sx_firth_point(&s)) break;
            sx_cholesky_solve(&s.factor, s.score, s.change);
            previous = nu;
            nu = sqrt(sx_firth_dot(k, s.score, s.change));
            biggest = 0.0;
            for (ptrdiff_t j = 0; j < k; ++j) biggest = sx_abs(s.score[j]) > biggest ? sx_abs(s.score[j]) : biggest;
            if (nu <= task->tol && biggest <= task->score) {
                status = SX_NEWTON_TOLERANCE;
                break;
            }
            if (!(nu <= 0.5 * previous) || s.points == SX_FIRTH_POINTS) break;
            if (s.points > 1) sx_firth_learn(&s, s.next);
            for (ptrdiff_t j = 0; j < k; ++j) s.last[j] = s.coef[j];
        }
    }
    double *const numbers = answer->numbers;
    for (int i = 0; i < SX_FIRTH_NUMBERS; ++i) numbers[i] = (double)NAN;
    if (status == SX_NEWTON_TOLERANCE) {
        sx_model model = task->model;
        model.coef = s.coef;
        const sx_dd nll = sx_binary_pass(X, &model, NULL, NULL, s.passes);
        sx_firth_sum(&s, s.residual, answer->gradient);
        for (ptrdiff_t i = 0; i < s.n; ++i) s.mixed[i] = task->share * (s.Q[i] * s.third[i]);
        sx_firth_sum(&s, s.mixed, answer->pull);
        for (ptrdiff_t j = 0; j < k; ++j) {
            answer->coef[j] = s.coef[j];
            answer->farthest[j] = sx_firth_farthest(&s, j);
            answer->diagonal[j] = 1.0 / (s.factor.reciprocal[j] * s.factor.unscale[j]);
        }
        memcpy(answer->hessian, s.hessian, (size_t)(k * k) * sizeof *s.hessian);
        sx_cholesky_inverse(&s.factor, s.hessian, answer->inverse, numbers + SX_FIRTH_CONDITION);
        numbers[SX_FIRTH_CONDITION] = sqrt(numbers[SX_FIRTH_CONDITION]);
        numbers[SX_FIRTH_NLL_HIGH] = nll.high;
        numbers[SX_FIRTH_NLL_LOW] = nll.low;
        numbers[SX_FIRTH_DECREMENT] = nu;
        numbers[SX_FIRTH_LARGEST] = task->share * sx_firth_largest(&s);
        s.reads += 1;
    } else {
        for (ptrdiff_t j = 0; j < k; ++j)
            answer->coef[j] = answer->gradient[j] = answer->pull[j] = answer->diagonal[j] = answer->farthest[j] =
                (double)NAN;
        for (ptrdiff_t j = 0; j < k * k; ++j) answer->hessian[j] = answer->inverse[j] = (double)NAN;
    }
    numbers[SX_FIRTH_STEPS] = (double)s.points;
    numbers[SX_FIRTH_READS] = (double)s.reads;
    return status;
}

#endif /* SX_FIRTH_H */
