/* Checks that print file, line, values and place, and count; a program ends with `return check_end("name")`.
 */
#ifndef CHECK_H
#define CHECK_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static long check_count, check_failures;

/* Failures that are printed; the rest is only counted. */
#define CHECK_PRINTED 20

/* Bits of a double; one pattern for every nan, whose sign and payload IEEE 754 leaves open. */
static inline uint64_t bits_of(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return x != x ? 0x7ff8000000000000u : u;
}

static inline double from_bits(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

#if defined(__GNUC__)
__attribute__((format(printf, 5, 6), unused))
#endif
static int check_that(int passed, const char *file, int line, const char *claim, const char *place, ...)
{
    ++check_count;
    if (passed) return 1;
    if (++check_failures <= CHECK_PRINTED) {
        va_list values;
        va_start(values, place);
        fprintf(stderr, "%s:%d: %s: ", file, line, claim);
        vfprintf(stderr, place, values);
        fputc('\n', stderr);
        va_end(values);
    }
    return 0;
}

static inline int check_end(const char *name)
{
    if (check_failures > CHECK_PRINTED) fprintf(stderr, "... %ld failures in all\n", check_failures);
    if (check_count == 0) fprintf(stderr, "%s: nothing was checked\n", name);
    printf("%-16s %ld checks, %ld failed\n", name, check_count, check_failures);
    return check_failures != 0 || check_count == 0;
}

/* The place is a format with its values: CHECK(a < b, "row %d", i). */
#define CHECK(claim, ...) check_that(!!(claim), __FILE__, __LINE__, #claim, __VA_ARGS__)

/* Equal to the bit; nan equals nan, 0 does not equal -0. */
#define CHECK_SAME(got, wanted, place, ...) \
    check_that(bits_of(got) == bits_of(wanted), __FILE__, __LINE__, #got " is " #wanted, \
               "%a, not %a, at " place, (double)(got), (double)(wanted), __VA_ARGS__)

/* |got - wanted| <= bound; false for nan. */
#define CHECK_NEAR(got, wanted, bound, place, ...) \
    check_that(check_near(got, wanted, bound), __FILE__, __LINE__, #got " is about " #wanted, \
               "%a, not %a +- %g, at " place, (double)(got), (double)(wanted), (double)(bound), __VA_ARGS__)

static inline int check_near(double got, double wanted, double bound)
{
    const double error = got > wanted ? got - wanted : wanted - got;
    return error <= bound;
}

/* n doubles equal to the bit; the first that is not is printed. */
#define CHECK_SAME_ALL(n, got, wanted, place, ...) \
    do { \
        const ptrdiff_t at_ = first_difference((n), (got), (wanted)); \
        check_that(at_ < 0, __FILE__, __LINE__, #got " is " #wanted, "[%td] %a, not %a, at " place, at_, \
                   at_ < 0 ? 0.0 : (got)[at_], at_ < 0 ? 0.0 : (wanted)[at_], __VA_ARGS__); \
    } while (0)

static inline ptrdiff_t first_difference(ptrdiff_t n, const double *a, const double *b)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        if (bits_of(a[i]) != bits_of(b[i])) return i;
    return -1;
}

#endif /* CHECK_H */
