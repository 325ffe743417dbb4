/* log1p(x) for x >= -1/2, without branches, tables or FMA.
 *
 *     u + c = 1 + x  exactly,  u = 2^k m,  sqrt(1/2) <= m < sqrt(2),  f = m - 1 (exact)
 *     log1p(x) = k ln 2 + log(1 + f) + c / u
 *     log(1 + f) = f - (h - s (h + R(s^2))),   s = f / (2 + f),  h = f^2 / 2
 *
 * from log(1 + f) = 2 atanh(s) = 2 s + s R and 2 s = f - s f.  R: ext/tools/coefficients.py, error
 * 0.04 * 2^-53.  The domain is what a log-likelihood needs: log1p(t) with t >= 0, and the change along
 * a step, whose argument is never below -1/2.
 *
 * Special cases: log1p(inf) = inf, log1p(nan) = nan, log1p(+-0) = +-0.
 */
#ifndef SX_LOG1P_H
#define SX_LOG1P_H

#include "sx_exp.h"

#define SX_SQRT_HALF_BITS 0x3fe6a09e00000000u /* sqrt(1/2), upper word */
#define SX_EXPONENT_OF_ONE 0x3ff0000000000000u
#define SX_MANTISSA_MASK 0x000fffffffffffffu
#define SX_LOG_R0 0x1.5555555555558p-1
#define SX_LOG_R1 0x1.99999999952e2p-2
#define SX_LOG_R2 0x1.2492492df14bcp-2
#define SX_LOG_R3 0x1.c71c62e57c3c4p-3
#define SX_LOG_R4 0x1.7462b4ac441afp-3
#define SX_LOG_R5 0x1.39fe604146b74p-3
#define SX_LOG_R6 0x1.2b584c6b42d60p-3

/* R(z) = z (R0 + R1 z + ... + R6 z^6), Estrin's scheme. */
SX_INLINE double sx_log_r(double z)
{
    const double z2 = z * z;
    const double r01 = SX_LOG_R0 + z * SX_LOG_R1;
    const double r23 = SX_LOG_R2 + z * SX_LOG_R3;
    const double r45 = SX_LOG_R4 + z * SX_LOG_R5;
    return z * ((r01 + z2 * r23) + (z2 * z2) * (r45 + z2 * SX_LOG_R6));
}

SX_INLINE double sx_log1p(double x)
{
    const double u = 1.0 + x;
    const double c = x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x);

    /* Shift the bits so that the exponent field changes at sqrt(1/2) instead of at 1. */
    const uint64_t moved = sx_bits(u) + (SX_EXPONENT_OF_ONE - SX_SQRT_HALF_BITS);
    const double m = sx_from_bits((moved & SX_MANTISSA_MASK) + SX_SQRT_HALF_BITS);
    /* k as a double: the biased exponent field sits in the low bits of the shift constant. */
    const double k = sx_from_bits((moved >> 52) | sx_bits(0x1p+52)) - (0x1p+52 + 1023.0);

    const double f = m - 1.0;
    const double s = f / (2.0 + f);
    const double h = 0.5 * (f * f);
    const double tail = s * (h + sx_log_r(s * s)) + (k * SX_LN2_LOW + c / u);
    const double result = k * SX_LN2_HIGH - ((h - tail) - f);
    /* x is kept where it is its own logarithm: -0, and inf (whose c is nan). */
    return x == 0.0 || x > 0x1.fffffffffffffp+1023 ? x : result;
}

/* log1p(t + t_low) for 0 <= t <= 1, as exp(-|eta|) is: no exponent to take apart, and the caller divides.
 *
 *     t <= sqrt(2) - 1:  f = t            log1p(t) = log(1 + f)
 *     else:              f = (t - 1) / 2  log1p(t) = ln 2 + log(1 + f)      both f exact
 */
typedef struct {
    double f;
    double divisor; /* 2 + f */
    double ln2_high;
    double ln2_low;
} sx_log1p_unit_parts;

SX_INLINE sx_log1p_unit_parts sx_log1p_unit_parts_of(double t)
{
    const int far = t > 0x1.a827999fcef32p-2; /* sqrt(2) - 1 */
    const double f = far ? 0.5 * (t - 1.0) : t;
    return (sx_log1p_unit_parts){f, 2.0 + f, far ? SX_LN2_HIGH : 0.0, far ? SX_LN2_LOW : 0.0};
}

/* `inverse` is 1 / (2 + f), to some 50 bits; `low` is t_low / (1 + t). */
SX_INLINE double sx_log1p_unit(sx_log1p_unit_parts a, double inverse, double low)
{
    const double s = a.f * inverse;
    const double h = 0.5 * (a.f * a.f);
    const double tail = s * (h + sx_log_r(s * s)) + (a.ln2_low + low);
    return a.ln2_high - ((h - tail) - a.f);
}

#endif /* SX_LOG1P_H */
