/* The caller's floating-point environment is set aside while a kernel runs, and found again: rounding direction,
 * flushing of subnormals, exception flags.
 */
#include <fenv.h>

#include "environment.h"
#include "inputs.h"

enum { N = 1000 };

/* -- the bit that flushes subnormals, where the processor has one --------------------------------------- */

#if defined(__x86_64__)
#define FLUSHING 0x8040u /* FTZ and DAZ */
enum { can_flush = 1 };
static void flush_subnormals(void) { _mm_setcsr(_mm_getcsr() | FLUSHING); }
static int flushes(void) { return (_mm_getcsr() & FLUSHING) == FLUSHING; }
#elif defined(__aarch64__)
#define FLUSHING (UINT64_C(1) << 24) /* FZ */
enum { can_flush = 1 };
static uint64_t fpcr(void)
{
    uint64_t state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    return state;
}
static void flush_subnormals(void)
{
    const uint64_t state = fpcr() | FLUSHING;
    __asm__ volatile("msr fpcr, %0" : : "r"(state));
}
static int flushes(void) { return (fpcr() & FLUSHING) != 0; }
#else
enum { can_flush = 0 };
static void flush_subnormals(void) {}
static int flushes(void) { return 0; }
#endif

/* As arithmetic sees it; fegetround asks another unit on x86-64, which no kernel uses.  A call through a pointer
 * that may change, as the kernels are called: no arithmetic moves out of it. */
static int add_rounds_up(double one, double little) { return one + little > 1.0; }
static int (*volatile added)(double, double) = add_rounds_up;
static int rounds_up(void) { return added(1.0, 0x1p-60); }

/* sigmoid and log-sum-exp of logits around the smallest doubles */
static void run(const sx_kernels *K, const double *x, double *p, double *sums, double *work)
{
    const sx_rows rows = {x, N / 4, 4, 4, 1};
    K->expit(N, x, p);
    K->logsumexp(&rows, sums, work);
}

static void test(const sx_kernels *K)
{
    double *x = doubles(N), *p = doubles(N), *q = doubles(N), *sums = doubles(N / 4), *other = doubles(N / 4);
    double *work = doubles(K->logits_work(4));
    for (ptrdiff_t i = 0; i < N; ++i) x[i] = -690.0 - 0.05 * (double)i;
    run(K, x, p, sums, work);

    fenv_t start;
    fegetenv(&start);
    fesetround(FE_UPWARD);
    flush_subnormals();
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(FE_DIVBYZERO);
    const sx_environment caller = sx_environment_enter();
    const int inside = rounds_up(), flag_inside = fetestexcept(FE_DIVBYZERO), flushes_inside = flushes();
    run(K, x, q, other, work);
    sx_environment_leave(caller);
    const int flags = fetestexcept(FE_ALL_EXCEPT), after = rounds_up(), flushes_after = flushes();
    fesetenv(&start);

    CHECK(!inside, "%s", K->name);
    CHECK(flag_inside == 0, "%s", K->name);
    CHECK(flushes_inside == 0, "%s", K->name);
    CHECK(after, "%s", K->name);
    CHECK(flags == FE_DIVBYZERO, "flags %d on %s", flags, K->name);
    CHECK(flushes_after == can_flush, "%s", K->name);
    CHECK_SAME_ALL(N, q, p, "sigmoids on %s", K->name);
    CHECK_SAME_ALL(N / 4, other, sums, "log-sum-exps on %s", K->name);
    CHECK(p[N - 1] > 0.0 && p[N - 1] < 0x1p-1022, "%a on %s", p[N - 1], K->name);
}

int main(void)
{
    on_each_target(test);
    return check_end("environment");
}
