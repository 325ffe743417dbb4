/* Two threads and a forked child may call the kernels at once: shared inputs, outputs of their own, the bits
 * of the serial call.  Built with ThreadSanitizer it shows that nothing is shared in secret. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inputs.h"

enum { THREADS = 4, ROUNDS = 8, N = 4 * TILE + 37, P = 21, M = 2, WIDTH = P + 1, ALL = M * WIDTH };

/* What one caller writes to. */
typedef struct {
    double numbers[5][N], sum[N], p[N * M], log_p[N * M], cross[N * M];
    double eta[N * M], residual[N * M], curvature[N * M * M], largest[P];
    double product[ALL], both[P * M], gram[WIDTH * WIDTH], gradient[ALL], hessian[ALL * ALL];
    double binary_gradient[WIDTH], binary_hessian[WIDTH * WIDTH], binary_residual[N], binary_curvature[N];
    double eta_dd[2 * N * M], refined[2 * ALL + P], binary_refined[2 * WIDTH + P];
    double scalars[32];
    int64_t group[N], first[N];
} results;

typedef struct {
    const sx_kernels *K;
    const problem *q, *binary;
    const int64_t *key;
    double *logits_work, *rows_work, *pass_work, *binary_work, *gram_work, *group_work, *refine_work;
    results *out;
} caller;

static void put(double **to, sx_dd a)
{
    *(*to)++ = a.high;
    *(*to)++ = a.low;
}

static void put_line(double **to, sx_line a)
{
    put(to, a.change);
    *(*to)++ = a.first;
    *(*to)++ = a.second;
}

/* Every operation of the table once. */
static void call_all(const caller *c)
{
    const sx_kernels *K = c->K;
    const problem *q = c->q, *b = c->binary;
    results *out = c->out;
    double *to = out->scalars;
    const sx_rows logits = {q->eta, N, M, M, 1};
    K->exp(N, q->eta, out->numbers[0]);
    K->expit(N, q->eta, out->numbers[1]);
    K->log_expit(N, q->eta, out->numbers[2]);
    K->log1pexp(N, q->eta, out->numbers[3]);
    K->tanh(N, q->eta, out->numbers[4]);
    K->logsumexp(&logits, out->sum, c->logits_work);
    K->softmax(&logits, (sx_rows_out){out->p, M, 1}, c->logits_work);
    K->log_softmax(&logits, (sx_rows_out){out->log_p, M, 1}, c->logits_work);
    put(&to, K->cross_entropy(&logits, b->model.y, b->model.weight, (sx_rows_out){out->cross, M, 1},
                              c->logits_work));
    *to++ = K->column_largest(&q->X, out->largest);
    memset(out->first, 0, sizeof out->first);
    *to++ = (double)K->group_rows(&q->X, c->key, N, out->group, out->first, c->group_work);
    K->linear_predictor(&q->X, &q->model, out->eta, c->pass_work);
    K->transpose_product(&q->X, 1, M, q->eta, out->product, c->pass_work);
    const sx_rows transposed = {q->X.data, P, N, 1, P};
    K->matrix_product(&transposed, &logits, NULL, out->both);
    K->weighted_gram(&q->X, 1, q->model.weight, out->gram, c->gram_work);
    put(&to,
        K->binary_rows(N, b->eta, b->model.y, b->model.weight, out->binary_residual, out->binary_curvature));
    put(&to, K->softmax_rows(N, M, q->eta, q->model.y, q->model.weight, out->residual, out->curvature,
                             c->rows_work));
    put(&to, K->binary_pass(&b->X, &b->model, out->binary_gradient, out->binary_hessian, c->binary_work));
    put(&to, K->softmax_pass(&q->X, &q->model, out->gradient, out->hessian, c->pass_work));
    put_line(&to, K->binary_line(N, 0.5, b->eta, b->slope, b->model.y, b->model.weight));
    put_line(&to, K->softmax_line(N, M, 0.5, q->eta, q->slope, q->model.y, q->model.weight, c->rows_work));
    K->linear_predictor_dd(&q->X, &q->model, q->model.coef, out->eta_dd, out->eta_dd + N * M, c->refine_work);
    sx_refined found = K->softmax_refine(&q->X, &q->model, q->model.coef, out->refined, out->refined + ALL,
                                         out->refined + 2 * ALL, c->refine_work);
    put(&to, found.nll);
    *to++ = found.spread;
    found = K->binary_refine(&b->X, &b->model, NULL, out->binary_refined, out->binary_refined + WIDTH,
                             out->binary_refined + 2 * WIDTH, c->refine_work);
    put(&to, found.nll);
    *to++ = found.spread;
    while (to < out->scalars + sizeof out->scalars / sizeof *out->scalars) *to++ = 0.0;
}

static caller caller_of(const sx_kernels *K, const problem *q, const problem *binary)
{
    results *out = exactly(1, sizeof *out);
    int64_t *key = exactly(N, sizeof *key);
    memset(out, 0xff, sizeof *out);
    for (ptrdiff_t i = 0; i < N; ++i) key[i] = q->model.y[i];
    return (caller){K,
                    q,
                    binary,
                    key,
                    doubles(K->logits_work(M)),
                    doubles(K->rows_work(M)),
                    doubles(K->pass_work(&q->X, M, 1)),
                    doubles(K->pass_work(&binary->X, 1, 1)),
                    doubles(K->pass_work(&q->X, 2, 1)),
                    doubles(K->group_work(N)),
                    doubles(K->refine_work(&q->X, M)),
                    out};
}

static int all_finite(const results *a)
{
    const double *x = (const double *)a;
    for (size_t i = 0; i < offsetof(results, group) / sizeof *x; ++i)
        if (!(x[i] - x[i] == 0.0)) return 0;
    return 1;
}

typedef struct {
    caller c;
    const results *serial;
    pthread_barrier_t *start;
    int equal;
} thread;

static void *run(void *argument)
{
    thread *t = argument;
    pthread_barrier_wait(t->start);
    for (int round = 0; round < ROUNDS; ++round) {
        memset(t->c.out, 0xff, sizeof *t->c.out);
        call_all(&t->c);
        t->equal += memcmp(t->c.out, t->serial, sizeof *t->serial) == 0;
    }
    return NULL;
}

/* What a child of this process computes; 0 for the serial bits. */
static int in_a_child(const caller *c, const results *serial)
{
    const pid_t child = fork();
    if (child == 0) {
        call_all(c);
        _exit(memcmp(c->out, serial, sizeof *serial) != 0);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static void side_by_side(const sx_kernels *K)
{
    const problem q = problem_of(N, P, M, 1, 1, 41), binary = problem_of(N, P, 1, 1, 1, 43);
    const caller alone = caller_of(K, &q, &binary), forked = caller_of(K, &q, &binary);
    thread threads[THREADS];
    pthread_t handles[THREADS];
    pthread_barrier_t start;
    call_all(&alone);
    CHECK(all_finite(alone.out), "a result of the serial call on %s is nan or inf", K->name);
    pthread_barrier_init(&start, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; ++i) {
        threads[i] = (thread){caller_of(K, &q, &binary), alone.out, &start, 0};
        CHECK(pthread_create(&handles[i], NULL, run, &threads[i]) == 0, "thread %d", i);
    }
    pthread_barrier_wait(&start);
    CHECK(in_a_child(&forked, alone.out) == 0, "a child forked beside %d threads, on %s", THREADS, K->name);
    for (int i = 0; i < THREADS; ++i) {
        pthread_join(handles[i], NULL);
        CHECK(threads[i].equal == ROUNDS, "thread %d: %d of %d rounds equal, on %s", i, threads[i].equal,
              ROUNDS, K->name);
    }
    pthread_barrier_destroy(&start);
    /* and the parent works on */
    call_all(&forked);
    CHECK(memcmp(forked.out, alone.out, sizeof *alone.out) == 0, "after the fork, on %s", K->name);
}

int main(void)
{
    on_each_target(side_by_side);
    return check_end("threads");
}
