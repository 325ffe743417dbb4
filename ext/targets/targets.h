/* The operations of one instruction set as a table of functions.
 *
 * Each target is one short C file that includes operations.h, which compiles the kernels for that
 * instruction set, and exports its table.  Arguments follow src/sigmax/kernels/interface.py, where every
 * operation is described once; arrays are contiguous unless an sx_rows says otherwise, `work` is scratch
 * of the size the matching *_work function gives (in doubles), NULL means "not given" or "not wanted".
 */
#ifndef SX_TARGETS_H
#define SX_TARGETS_H

#include "../kernels/sx_types.h"

/* Targets beyond the baseline need GCC or Clang, on x86-64 or AArch64. */
#if defined(__x86_64__) && defined(__GNUC__)
#define SX_HAVE_X86_TARGETS 1
#include <immintrin.h>

/* What stands between SX_TARGET_BEGIN_* and SX_TARGET_END is compiled for that instruction set; everything else,
 * and so the package, for the baseline of the machine. */
#if defined(__clang__)
#define SX_TARGET_BEGIN_AVX2                                                                         \
    _Pragma("clang attribute push(__attribute__((target(\"avx2,fma\"))), apply_to = function)")
#define SX_TARGET_BEGIN_AVX512                                                                       \
    _Pragma("clang attribute push(__attribute__((target(\"avx512f,avx512bw,avx512dq,avx512vl,avx2,fma\"))), apply_to = function)")
#define SX_TARGET_END _Pragma("clang attribute pop")
#else
#define SX_TARGET_BEGIN_AVX2 _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma\")")
#define SX_TARGET_BEGIN_AVX512                                                                       \
    _Pragma("GCC push_options")                                                                      \
    _Pragma("GCC target(\"avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512\")")
#define SX_TARGET_END _Pragma("GCC pop_options")
#endif
#else
#define SX_HAVE_X86_TARGETS 0
#endif

/* GCC's jump threading would turn a clamp in a vector loop into several blends: exp loses 7 %. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-thread-jumps")
#endif

#if defined(__aarch64__) && defined(__GNUC__)
#define SX_HAVE_NEON_TARGET 1
#else
#define SX_HAVE_NEON_TARGET 0
#endif

typedef struct {
    const char *name;

    void (*exp)(ptrdiff_t n, const double *x, double *out);
    void (*expit)(ptrdiff_t n, const double *x, double *out);
    void (*log_expit)(ptrdiff_t n, const double *x, double *out);
    void (*log1pexp)(ptrdiff_t n, const double *x, double *out);
    void (*tanh)(ptrdiff_t n, const double *x, double *out);
    void (*tanh_slope)(ptrdiff_t n, const double *x, double *out);

    ptrdiff_t (*logits_work)(ptrdiff_t n_classes);
    void (*logsumexp)(const sx_rows *logits, double *out, double *work);
    void (*softmax)(const sx_rows *logits, sx_rows_out p_out, double *work);
    void (*log_softmax)(const sx_rows *logits, sx_rows_out out, double *work);
    sx_dd (*cross_entropy)(const sx_rows *logits, const int32_t *y, const double *weight,
                           sx_rows_out gradient_out, double *work); /* gradient_out.data may be NULL */

    int (*column_largest)(const sx_rows *X, double *largest_out);
    ptrdiff_t (*group_work)(ptrdiff_t most);
    ptrdiff_t (*group_rows)(const sx_rows *X, const int64_t *key, ptrdiff_t most, int64_t *index_out,
                            int64_t *first_out, double *work); /* `most` groups fit into first_out */
    void (*linear_predictor)(const sx_rows *X, const sx_model *model, double *eta_out, double *work);
    void (*transpose_product)(const sx_rows *X, int intercept, ptrdiff_t n_logits,
                              const double *residual, double *gradient_out, double *work);
    /* rows of B and of `out` are dense: B->col_stride is 1 */
    void (*matrix_product)(const sx_rows *A, const sx_rows *B, const double *bias, double *out);
    void (*weighted_gram)(const sx_rows *X, int intercept, const double *curvature, double *gram_out,
                          double *work);
    ptrdiff_t (*pass_work)(const sx_rows *X, ptrdiff_t n_logits, int hessian);

    ptrdiff_t (*rows_work)(ptrdiff_t n_logits);
    sx_dd (*binary_rows)(ptrdiff_t n, const double *eta, const int32_t *y, const double *weight,
                         double *residual_out, double *curvature_out);
    sx_dd (*softmax_rows)(ptrdiff_t n, ptrdiff_t n_logits, const double *eta, const int32_t *y,
                          const double *weight, double *residual_out, double *curvature_out,
                          double *work);

    sx_dd (*binary_pass)(const sx_rows *X, const sx_model *model, double *gradient_out,
                         double *hessian_out, double *work);
    sx_dd (*softmax_pass)(const sx_rows *X, const sx_model *model, double *gradient_out,
                          double *hessian_out, double *work);

    /* `model->y` is not read */
    ptrdiff_t (*jeffreys_work)(const sx_rows *X, ptrdiff_t n_logits, int intercept);
    double (*binary_jeffreys)(const sx_rows *X, const sx_model *model, const double *root, double *gradient_out,
                              double *work);
    double (*softmax_jeffreys)(const sx_rows *X, const sx_model *model, const double *root, double *gradient_out,
                               double *work);

    ptrdiff_t (*refine_work)(const sx_rows *X, ptrdiff_t n_logits);
    /* coef_low, eta_low_out and largest_out may be NULL */
    void (*linear_predictor_dd)(const sx_rows *X, const sx_model *model, const double *coef_low,
                                double *eta_out, double *eta_low_out, double *work);
    sx_refined (*binary_refine)(const sx_rows *X, const sx_model *model, const double *coef_low,
                                double *gradient_out, double *gradient_low_out, double *largest_out,
                                double *work);
    sx_refined (*softmax_refine)(const sx_rows *X, const sx_model *model, const double *coef_low,
                                 double *gradient_out, double *gradient_low_out, double *largest_out,
                                 double *work);

    sx_line (*binary_line)(ptrdiff_t n, double step, const double *eta, const double *slope,
                           const int32_t *y, const double *weight);
    sx_line (*softmax_line)(ptrdiff_t n, ptrdiff_t n_logits, double step, const double *eta,
                            const double *slope, const int32_t *y, const double *weight, double *work);

    ptrdiff_t (*newton_work)(const sx_rows *X, ptrdiff_t n_logits, int intercept); /* grows with the rows of X */
    int32_t (*newton)(const sx_rows *X, const sx_newton_task *task, const sx_newton_answer *answer,
                      double *work);

    ptrdiff_t (*firth_work)(const sx_rows *X, int intercept); /* grows with the rows of X */
    int32_t (*firth)(const sx_rows *X, const sx_firth_task *task, const sx_firth_answer *answer, double *work);
} sx_kernels;

extern const sx_kernels sx_kernels_generic;
#if SX_HAVE_X86_TARGETS
extern const sx_kernels sx_kernels_avx2;
extern const sx_kernels sx_kernels_avx512;
#endif
#if SX_HAVE_NEON_TARGET
extern const sx_kernels sx_kernels_neon;
#endif

/* The targets this machine can run, best first: rank 0, 1, ...; NULL beyond the last, the generic one. */
const sx_kernels *sx_kernels_here(int rank);

#endif /* SX_TARGETS_H */
