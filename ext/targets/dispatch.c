/* The targets that this machine can run. */
#include "targets.h"

#if SX_HAVE_X86_TARGETS
static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static int has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

typedef struct {
    const sx_kernels *kernels;
    int runs_here;
} sx_candidate;

const sx_kernels *sx_kernels_here(int rank)
{
    /* best first; the generic target runs everywhere */
    const sx_candidate candidates[] = {
#if SX_HAVE_X86_TARGETS
        {&sx_kernels_avx512, has_avx512()},
        {&sx_kernels_avx2, has_avx2()},
#endif
#if SX_HAVE_NEON_TARGET
        {&sx_kernels_neon, 1},
#endif
        {&sx_kernels_generic, 1},
    };
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; ++i)
        if (candidates[i].runs_here && rank-- == 0) return candidates[i].kernels;
    return NULL;
}
