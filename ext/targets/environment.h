/* The floating-point environment of the caller: set aside while a kernel runs, and put back.
 *
 * Some libraries switch a whole process to flushing subnormals, and any may change the rounding direction.  Kernels
 * run in the default environment, round to nearest with gradual underflow, and the caller finds his own again,
 * exception flags included.  Never inlined into a kernel: no arithmetic can move across.
 */
#ifndef SX_ENVIRONMENT_H
#define SX_ENVIRONMENT_H

#if defined(__x86_64__) && defined(__GNUC__)
#include <xmmintrin.h>

typedef unsigned int sx_environment;

#define SX_ENVIRONMENT_DEFAULT 0x1f80u /* nearest, no flushing, exceptions masked and clear */

static inline sx_environment sx_environment_enter(void)
{
    const sx_environment caller = _mm_getcsr();
    _mm_setcsr(SX_ENVIRONMENT_DEFAULT);
    return caller;
}

static inline void sx_environment_leave(sx_environment caller) { _mm_setcsr(caller); }

#else
#include <fenv.h>

typedef fenv_t sx_environment;

static inline sx_environment sx_environment_enter(void)
{
    sx_environment caller;
    fegetenv(&caller);
    fesetenv(FE_DFL_ENV);
    return caller;
}

static inline void sx_environment_leave(sx_environment caller) { fesetenv(&caller); }

#endif
#endif /* SX_ENVIRONMENT_H */
