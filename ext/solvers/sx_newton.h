/* A whole small fit: Newton's method with the safeguards of src/sigmax/solvers/newton.py, which says why.
 *
 *     F(b) = NLL(b) + penalty(b),  g = grad F(b),  H = Hessian F(b),  d = -H^-1 g,  nu = sqrt(g' H^-1 g)
 *
 * The full step where the logits move by at most 0.4, else the trial where |phi'(1)| <= 0.25 nu^2 and F fell, else the
 * exact step of solvers/line_search.py.  Where this is not enough (H numerically singular, a line without progress,
 * numbers that are not finite) the fit is handed over: SX_NEWTON_HAND_OVER, and no answer.
 *
 * One thread, no allocation.  The rows have weights of about 1 (sx_small_rows.h): nu, which is in standard errors, is
 * compared with tol both as it is here and scaled back, for weights of 1e-300 would meet any tolerance at once, and
 * weights of 1e300 none.
 */
#ifndef SX_NEWTON_H
#define SX_NEWTON_H

#include "../kernels/sx_binary.h"
#include "sx_cholesky.h"
#include "sx_penalty.h"
#include "sx_small_rows.h"

#define SX_NEWTON_SAFE_REACH 0.4
#define SX_NEWTON_FLAT_ENOUGH 0.25
/* the same where phi still falls: what is left would take a search of more reads than the next step */
#define SX_NEWTON_STILL_FALLING 0.5
#define SX_NEWTON_CLEAR_FALL 1e-9
#define SX_NEWTON_TINY 1e-5
#define SX_NEWTON_LINE_FLAT 0.1
#define SX_NEWTON_LINE_TRIALS 200
#define SX_NEWTON_FARTHEST 0x1p+60
/* Roundings in the nll, residual or curvature of a row (objective.py). */
#define SX_NEWTON_ROW_ROUNDINGS 16.0
#define SX_NEWTON_U 0x1p-53

/* What the method asks of the kernels; `work` is theirs. */
typedef struct {
    ptrdiff_t (*work)(const sx_rows *X, ptrdiff_t n_logits);
    sx_dd (*pass)(const sx_rows *X, const sx_model *model, double *gradient, double *hessian, double *work);
    void (*predict)(const sx_rows *X, const sx_model *model, double *eta, double *work);
    sx_line (*line)(const sx_model *model, ptrdiff_t n, double step, const double *eta, const double *slope,
                    double *work);
} sx_newton_layers;

/* F and its derivatives at `coef`. */
typedef struct {
    double *coef, *gradient, *hessian;
    sx_dd nll;
    double penalty;
} sx_newton_point;

typedef struct {
    const sx_newton_layers *layers;
    sx_small_rows rows;
    sx_penalty penalty;
    ptrdiff_t k, size; /* of a logit, of all: m k */
    double *largest;   /* max_i |x_ij|, 1 for the intercept; k */
    double *direction, *penalised, *vector; /* size */
    double *blocks; /* m x m */
    double *lanes;  /* SX_LANES k */
    double *eta, *slope;
    double *work; /* of the kernels */
    sx_cholesky factor;
    sx_newton_point at, trial;
    ptrdiff_t steps, reads;
} sx_newton_state;

SX_INLINE double *sx_newton_take(double *work, ptrdiff_t *at, ptrdiff_t length)
{
    double *const part = work ? work + *at : NULL;
    *at += length;
    return part;
}

/* Lay the parts out; returns the length.  With work = NULL only that. */
SX_INLINE ptrdiff_t sx_newton_parts(sx_newton_state *s, const sx_rows *X, ptrdiff_t m, ptrdiff_t k, double *work,
                                    double **rows)
{
    const ptrdiff_t size = m * k;
    ptrdiff_t at = 0;
    sx_newton_point *const points[2] = {&s->at, &s->trial};
    *rows = sx_newton_take(work, &at, sx_small_rows_work(X, m));
    s->largest = sx_newton_take(work, &at, k);
    s->direction = sx_newton_take(work, &at, size);
    s->penalised = sx_newton_take(work, &at, size);
    s->vector = sx_newton_take(work, &at, size);
    s->blocks = sx_newton_take(work, &at, m * m);
    s->lanes = sx_newton_take(work, &at, SX_LANES * k);
    s->eta = sx_newton_take(work, &at, X->n_rows * m);
    s->slope = sx_newton_take(work, &at, X->n_rows * m);
    for (int i = 0; i < 2; ++i) {
        points[i]->coef = sx_newton_take(work, &at, size);
        points[i]->gradient = sx_newton_take(work, &at, size);
        points[i]->hessian = sx_newton_take(work, &at, size * size);
    }
    double *const factor = sx_newton_take(work, &at, sx_cholesky_work(size));
    if (work) s->factor = sx_cholesky_in(size, factor);
    s->work = sx_newton_take(work, &at, s->layers->work(X, m));
    return at;
}

/* Doubles of work space for a fit of at most as many rows as X has. */
SX_INLINE ptrdiff_t sx_newton_work(const sx_newton_layers *layers, const sx_rows *X, ptrdiff_t n_logits,
                                   int intercept)
{
    sx_newton_state s;
    double *rows;
    s.layers = layers;
    return sx_newton_parts(&s, X, n_logits, X->n_cols + intercept, NULL, &rows);
}

SX_INLINE double sx_newton_dot(ptrdiff_t n, const double *a, const double *b)
{
    double sum = 0.0;
    for (ptrdiff_t i = 0; i < n; ++i) sum = SX_FMA(a[i], b[i], sum);
    return sum;
}

SX_INLINE int sx_newton_finite(double x) { return x - x == 0.0; }

/* F, gradient and Hessian at point->coef. */
SX_KERNEL void sx_newton_evaluate(sx_newton_state *s, sx_newton_point *point)
{
    s->rows.model.coef = point->coef;
    point->nll = s->layers->pass(&s->rows.X, &s->rows.model, point->gradient, point->hessian, s->work);
    point->penalty = 0.0;
    s->reads += 1;
    if (s->penalty.l2 == 0.0) return;
    sx_penalty_apply(&s->penalty, point->coef, s->penalised);
    point->penalty = 0.5 * sx_newton_dot(s->size, point->coef, s->penalised);
    for (ptrdiff_t j = 0; j < s->size; ++j) point->gradient[j] += s->penalised[j];
    sx_penalty_add(&s->penalty, point->hessian);
}

SX_INLINE void sx_newton_swap(sx_newton_state *s)
{
    const sx_newton_point other = s->at;
    s->at = s->trial;
    s->trial = other;
}

/* s->at: the start, unless F is smaller at 0: a bad start costs time, never the answer. */
SX_KERNEL void sx_newton_begin(sx_newton_state *s, const double *start)
{
    int given = 0;
    for (ptrdiff_t j = 0; start && j < s->size; ++j) given |= start[j] != 0.0;
    for (ptrdiff_t j = 0; j < s->size; ++j) s->at.coef[j] = given ? start[j] : 0.0;
    sx_newton_evaluate(s, &s->at);
    if (!given) return;
    double at_zero;
    if (s->rows.model.offset) {
        for (ptrdiff_t j = 0; j < s->size; ++j) s->vector[j] = 0.0;
        s->rows.model.coef = s->vector;
        at_zero = s->layers->pass(&s->rows.X, &s->rows.model, NULL, NULL, s->work).high;
        s->reads += 1;
    } else {
        at_zero = s->rows.total * sx_log1p((double)s->rows.model.n_logits); /* log K for each row */
    }
    if (s->at.nll.high + s->at.penalty <= at_zero) return;
    for (ptrdiff_t j = 0; j < s->size; ++j) s->at.coef[j] = 0.0;
    sx_newton_evaluate(s, &s->at);
}

/* Upper bound of max_i range_k(d_k'x_i): the two largest of sum_j |d_kj| max_i |x_ij|, or one and the reference. */
SX_INLINE double sx_newton_reach(const sx_newton_state *s, const double *direction)
{
    double first = 0.0, second = 0.0;
    for (ptrdiff_t c = 0; c < s->rows.model.n_logits; ++c) {
        double moved = 0.0;
        for (ptrdiff_t j = 0; j < s->k; ++j) moved += sx_abs(direction[c * s->k + j]) * s->largest[j];
        if (!(moved <= first)) { /* a nan gets in, and stays */
            second = first;
            first = moved;
        } else if (!(moved <= second)) {
            second = moved;
        }
    }
    return first + second;
}

/* |error of the difference of two logits of a row| (objective.py: logit_rounding) */
SX_INLINE double sx_newton_logit_rounding(const sx_newton_state *s)
{
    const sx_model *model = &s->rows.model;
    double offset = 0.0;
    for (ptrdiff_t i = 0; model->offset && i < s->rows.X.n_rows * model->n_logits; ++i) {
        const double moved = sx_abs(model->offset[i]);
        offset = moved > offset ? moved : offset;
    }
    return (double)(s->k + 3) * SX_NEWTON_U * (sx_newton_reach(s, s->at.coef) + 2.0 * offset);
}

/* Whether F is so small that every row lies on its side (objective.py: proves_separation). */
SX_INLINE int sx_newton_separated(const sx_newton_state *s)
{
    if (s->penalty.l2 != 0.0 || s->rows.model.offset) return 0; /* with offsets a logit says nothing about x'b */
    return s->at.nll.high < 0.69 * s->rows.least && sx_newton_logit_rounding(s) < 1e-3;
}

/* F along s->direction from s->at; `curved` is d'Pd. */
SX_INLINE sx_line sx_newton_line(sx_newton_state *s, double step, double sloped, double curved)
{
    sx_line line = s->layers->line(&s->rows.model, s->rows.X.n_rows, step, s->eta, s->slope, s->work);
    line.change.high += step * (sloped + 0.5 * step * curved);
    line.first += sloped + step * curved;
    line.second += curved;
    return line;
}

/* The step at which F is nearly smallest: solvers/line_search.py. */
SX_KERNEL double sx_newton_exact_step(sx_newton_state *s, double slope)
{
    sx_model moved = s->rows.model;
    moved.coef = s->at.coef;
    s->layers->predict(&s->rows.X, &moved, s->eta, s->work);
    moved.coef = s->direction;
    moved.offset = NULL;
    s->layers->predict(&s->rows.X, &moved, s->slope, s->work);
    s->reads += 2;
    double sloped = 0.0, curved = 0.0; /* of the penalty */
    if (s->penalty.l2 != 0.0) {
        sx_penalty_apply(&s->penalty, s->direction, s->penalised);
        sloped = sx_newton_dot(s->size, s->at.coef, s->penalised);
        curved = sx_newton_dot(s->size, s->direction, s->penalised);
    }
    double low = 0.0, high = (double)INFINITY, best = 0.0, best_change = 0.0, t = 1.0;
    for (int trial = 0; trial < SX_NEWTON_LINE_TRIALS; ++trial) {
        const sx_line at = sx_newton_line(s, t, sloped, curved);
        if (at.change.high <= best_change) {
            best = t;
            best_change = at.change.high;
            if (sx_abs(at.first) <= SX_NEWTON_LINE_FLAT * sx_abs(slope)) break;
        }
        if (at.first == 0.0) break;
        if (at.first < 0.0)
            low = t;
        else /* rises, or logits beyond the range of float64 */
            high = t;
        const int bracketed = high < (double)INFINITY;
        if (low >= SX_NEWTON_FARTHEST || (bracketed && high - low <= 0x1p-40 * high)) break;
        const double newton = at.second > 0.0 ? t - at.first / at.second : (double)INFINITY;
        if (!bracketed) {
            t = newton < 2.0 * low ? 2.0 * low : (newton < 64.0 * low ? newton : 64.0 * low);
        } else {
            const double least = low + 0.01 * (high - low), most = high - 0.01 * (high - low);
            t = low < newton && newton < high && newton != t ? newton : 0.5 * (low + high);
            t = t < least ? least : (t > most ? most : t);
        }
    }
    return best;
}

/* s->trial = s->at + t s->direction */
SX_INLINE void sx_newton_try(sx_newton_state *s, double t)
{
    for (ptrdiff_t j = 0; j < s->size; ++j) s->trial.coef[j] = s->at.coef[j] + t * s->direction[j];
    sx_newton_evaluate(s, &s->trial);
}

/* Move s->at along s->direction, where phi'(0) = slope < 0; 0 where no step lowers F. */
SX_KERNEL int sx_newton_step(sx_newton_state *s, double slope)
{
    sx_newton_try(s, 1.0);
    int taken = sx_newton_reach(s, s->direction) <= SX_NEWTON_SAFE_REACH;
    if (!taken) {
        const double flat = sx_newton_dot(s->size, s->trial.gradient, s->direction);
        const double fallen = (s->at.nll.high - s->trial.nll.high) + (s->at.nll.low - s->trial.nll.low) +
                              (s->at.penalty - s->trial.penalty);
        taken = flat <= 0.0 ? -flat <= SX_NEWTON_STILL_FALLING * -slope
                            : flat <= SX_NEWTON_FLAT_ENOUGH * -slope &&
                                  fallen > SX_NEWTON_CLEAR_FALL * (s->at.nll.high + s->at.penalty);
    }
    if (!taken) {
        const double t = sx_newton_exact_step(s, slope);
        if (t == 0.0) return 0;
        if (t != 1.0) sx_newton_try(s, t);
    }
    sx_newton_swap(s);
    s->steps += 1;
    return 1;
}

/* Iterate from s->at; why it ended.  `decrement` is of the rows as scaled. */
SX_INLINE int32_t sx_newton_iterate(sx_newton_state *s, const sx_newton_task *task, double *decrement)
{
    double previous = (double)INFINITY;
    *decrement = (double)NAN;
    for (;;) {
        if (!sx_newton_finite(s->at.nll.high)) return SX_NEWTON_HAND_OVER;
        if (sx_newton_separated(s)) return SX_NEWTON_SEPARATED;
        if (sx_cholesky_factor(&s->factor, s->at.hessian) >= 0) return SX_NEWTON_HAND_OVER;
        sx_cholesky_solve(&s->factor, s->at.gradient, s->direction);
        for (ptrdiff_t j = 0; j < s->size; ++j) s->direction[j] = -s->direction[j];
        const double slope = sx_newton_dot(s->size, s->at.gradient, s->direction);
        if (!(slope <= 0.0 && sx_newton_finite(slope))) return SX_NEWTON_HAND_OVER;
        const double nu = sqrt(-slope), outside = nu * s->rows.up;
        *decrement = nu;
        if (nu <= task->tol && outside <= task->tol) return SX_NEWTON_TOLERANCE;
        if (previous <= SX_NEWTON_TINY && nu > 0.5 * previous) return SX_NEWTON_ROUNDING;
        if (s->steps >= task->max_iter) return SX_NEWTON_ITERATIONS;
        previous = nu;
        if (!sx_newton_step(s, slope)) return nu <= SX_NEWTON_TINY ? SX_NEWTON_ROUNDING : SX_NEWTON_HAND_OVER;
    }
}

/* sup ||z||_(H^-1) over z = (e_k - e_l) (x) x_i and its sum over all blocks, as objective.py: row_norm, _blocks. */
SX_KERNEL double sx_newton_row_norm(sx_newton_state *s, const double *inverse, double *sum)
{
    const ptrdiff_t m = s->rows.model.n_logits, k = s->k, size = s->size;
    double *const Q = s->blocks;
    double largest = 0.0;
    *sum = 0.0;
    for (ptrdiff_t c = 0; c < m; ++c) {
        for (ptrdiff_t d = 0; d < m; ++d) {
            double all = 0.0;
            for (ptrdiff_t j = 0; j < k; ++j) {
                double row = 0.0;
                for (ptrdiff_t l = 0; l < k; ++l)
                    row += sx_abs(inverse[(c * k + j) * size + d * k + l]) * s->largest[l];
                all += row * s->largest[j];
            }
            Q[c * m + d] = all;
            *sum += all;
        }
    }
    for (ptrdiff_t c = 0; c < m; ++c) {
        for (ptrdiff_t d = 0; d < m; ++d) {
            const double pair = c == d ? Q[c * m + c] : Q[c * m + c] + 2.0 * Q[c * m + d] + Q[d * m + d];
            largest = pair > largest || pair != pair ? pair : largest;
        }
    }
    return sqrt(largest);
}

/* Bound of the error of the gradient in the norm of H^-1 (objective.py: gradient_rounding), and of the penalty's:
 * 8 roundings of l2 (|w_cj| + share sum_d |w_dj|). */
SX_KERNEL double sx_newton_gradient_rounding(sx_newton_state *s, const double *inverse, double sum)
{
    const ptrdiff_t m = s->rows.model.n_logits, k = s->k, n = s->rows.X.n_rows;
    const double tile = (double)sx_min(SX_TILE, n), additions = tile + (double)n / tile + 1.0;
    const double logits = sx_newton_logit_rounding(s) * sqrt(s->rows.total);
    const double sums = (additions + SX_NEWTON_ROW_ROUNDINGS) * SX_NEWTON_U * s->at.nll.high * sqrt(sum);
    if (s->penalty.l2 == 0.0) return logits + sums;
    for (ptrdiff_t j = 0; j < k; ++j) {
        double row = 0.0, all = 0.0;
        for (ptrdiff_t c = 0; c < m; ++c) all += sx_abs(s->at.coef[c * k + j]);
        for (ptrdiff_t c = 0; c < m; ++c) {
            row = sx_abs(s->at.coef[c * k + j]) + s->penalty.share * all;
            s->vector[c * k + j] = j < s->penalty.intercept ? 0.0 : 8.0 * SX_NEWTON_U * s->penalty.l2 * row;
        }
    }
    double square = 0.0;
    for (ptrdiff_t i = 0; i < s->size; ++i) {
        double row = 0.0;
        for (ptrdiff_t l = 0; l < s->size; ++l) row += sx_abs(inverse[i * s->size + l]) * s->vector[l];
        square += s->vector[i] * row;
    }
    return logits + sums + sqrt(square);
}

/* Scale back what belongs to the weights as they were given, and hand it out: sums by 4^h, nu and what else is measured
 * in standard errors by 2^h. */
SX_KERNEL void sx_newton_finish(sx_newton_state *s, double decrement, const sx_newton_answer *answer)
{
    const double up = s->rows.up, down = s->rows.down;
    const ptrdiff_t size = s->size;
    double *const inverse = answer->inverse ? answer->inverse : s->trial.hessian, *const numbers = answer->numbers;
    double condition = (double)INFINITY, norm = (double)INFINITY, rounding = (double)INFINITY;
    if (decrement == decrement) { /* there is a factor */
        double sum;
        sx_cholesky_inverse(&s->factor, s->at.hessian, inverse, &condition);
        norm = sx_newton_row_norm(s, inverse, &sum);
        rounding = sx_newton_gradient_rounding(s, inverse, sum);
        for (ptrdiff_t j = 0; j < size * size; ++j) inverse[j] = inverse[j] * down * down;
    } else {
        for (ptrdiff_t j = 0; j < size * size; ++j) inverse[j] = (double)NAN;
    }
    for (ptrdiff_t j = 0; j < size; ++j) answer->coef[j] = s->at.coef[j];
    for (ptrdiff_t j = 0; answer->gradient && j < size; ++j) answer->gradient[j] = s->at.gradient[j] * up * up;
    for (ptrdiff_t j = 0; answer->hessian && j < size * size; ++j)
        answer->hessian[j] = s->at.hessian[j] * up * up;
    numbers[SX_NEWTON_NLL_HIGH] = s->at.nll.high * up * up;
    numbers[SX_NEWTON_NLL_LOW] = s->at.nll.low * up * up;
    numbers[SX_NEWTON_PENALTY] = s->at.penalty * up * up;
    numbers[SX_NEWTON_DECREMENT] = decrement * up;
    numbers[SX_NEWTON_ROW_NORM] = norm * down;
    numbers[SX_NEWTON_GRADIENT_ROUNDING] = rounding * up;
    numbers[SX_NEWTON_CONDITION] = sqrt(condition);
}

/* No answer: nan everywhere but in the counts. */
SX_KERNEL void sx_newton_nothing(const sx_newton_state *s, const sx_newton_answer *answer)
{
    const ptrdiff_t size = s->size;
    for (ptrdiff_t j = 0; j < size; ++j) answer->coef[j] = (double)NAN;
    for (ptrdiff_t j = 0; answer->gradient && j < size; ++j) answer->gradient[j] = (double)NAN;
    for (ptrdiff_t j = 0; answer->hessian && j < size * size; ++j) answer->hessian[j] = (double)NAN;
    for (ptrdiff_t j = 0; answer->inverse && j < size * size; ++j) answer->inverse[j] = (double)NAN;
    for (int i = 0; i < SX_NEWTON_NUMBERS; ++i) answer->numbers[i] = (double)NAN;
}

SX_INLINE void sx_newton_larger(ptrdiff_t n, const double *restrict x, double *restrict largest)
{
    for (ptrdiff_t j = 0; j < n; ++j) {
        const double size = sx_abs(x[j]);
        largest[j] = size > largest[j] ? size : largest[j];
    }
}

/* max_i |x_ij| for each coefficient of a logit; `lanes` is work space of SX_LANES p.  A nan is passed over here, and
 * found in the NLL. */
SX_KERNEL void sx_newton_largest(const sx_rows *X, int intercept, double *restrict lanes, double *restrict largest)
{
    double *const out = largest + intercept;
    if (intercept) largest[0] = 1.0;
    const ptrdiff_t p = X->n_cols, n = X->n_rows, together = SX_LANES * p;
    ptrdiff_t i = 0;
    for (ptrdiff_t j = 0; j < together; ++j) lanes[j] = 0.0;
    if (X->row_stride == p) /* SX_LANES rows at once: element j of them belongs to column j mod p */
        for (; i + SX_LANES <= n; i += SX_LANES) sx_newton_larger(together, X->data + i * p, lanes);
    for (; i < n; ++i) sx_newton_larger(p, X->data + i * X->row_stride, lanes);
    for (ptrdiff_t j = 0; j < p; ++j) out[j] = 0.0;
    for (ptrdiff_t r = 0; r < SX_LANES; ++r) sx_newton_larger(p, lanes + r * p, out);
}

/* Fit; returns one of SX_NEWTON_*.  `work`: sx_newton_work doubles. */
SX_INLINE int32_t sx_newton(const sx_newton_layers *layers, const sx_rows *X, const sx_newton_task *task,
                            const sx_newton_answer *answer, double *work)
{
    const sx_model *model = &task->model;
    sx_newton_state s;
    double *rows_work, decrement = (double)NAN;
    int32_t status = SX_NEWTON_ABSENT;
    s.layers = layers;
    s.k = X->n_cols + model->intercept;
    s.size = model->n_logits * s.k;
    s.steps = s.reads = 0;
    sx_newton_parts(&s, X, model->n_logits, s.k, work, &rows_work);
    s.rows = sx_small_rows_of(X, model, rows_work);
    s.penalty = sx_penalty_of(task->l2 * s.rows.down * s.rows.down, model->n_logits, s.k, model->intercept);
    if (s.rows.every_class) {
        sx_newton_largest(&s.rows.X, model->intercept, s.lanes, s.largest);
        sx_newton_begin(&s, model->coef);
        status = sx_newton_iterate(&s, task, &decrement);
    }
    if (status == SX_NEWTON_ABSENT || status == SX_NEWTON_HAND_OVER)
        sx_newton_nothing(&s, answer);
    else
        sx_newton_finish(&s, decrement, answer);
    answer->numbers[SX_NEWTON_STEPS] = (double)s.steps;
    answer->numbers[SX_NEWTON_READS] = (double)s.reads;
    answer->numbers[SX_NEWTON_TOTAL_WEIGHT] = s.rows.total * s.rows.up * s.rows.up;
    return status;
}

#endif /* SX_NEWTON_H */
