"""The functions of logits, for arrays of any shape, axis, layout and real dtype.

=============  ========================================  =========================
expit          1 / (1 + exp(-x))                         scipy.special.expit
log_expit      log expit(x)                              scipy.special.log_expit
log1pexp       log(1 + exp(x))                           numpy.logaddexp(0, x)
logsumexp      log sum_k b_k exp(a_k)                    scipy.special.logsumexp
softmax        exp(x_k) / sum_l exp(x_l)                 scipy.special.softmax
log_softmax    log softmax(x)_k                          scipy.special.log_softmax
cross_entropy  -sum_i w_i log softmax(x_i)[y_i], and     none
               its gradient
=============  ========================================  =========================

What is common to all
---------------------
Input is taken as ``numpy.asarray`` takes it: a mask or the class of a matrix is not looked at.  Any real
dtype; complex numbers, text and objects are a TypeError.  Everything is computed in float64; the result is
rounded once to the dtype that SciPy (1.17) gives, float64 but for

    float32                   float32
    float16                   float16 from functions of an axis, float64 from functions of one number
    longdouble                float64: more digits than that are not computed
    integers, bool            float64 from every function (SciPy's softmax gives float16 for int8)

Input is never written, and copied block by block at most; only where `out` overlaps it otherwise than as the
very same array, it is copied as a whole.  One row of a function of an axis is one block at least.
Results have the same bits for any number of threads and any memory layout of the same numbers.

Special values
--------------
=================  =========  =========  ========  ================================
x                  expit      log_expit  log1pexp  SciPy
=================  =========  =========  ========  ================================
-inf               0          -inf       0         the same
inf                1          0          inf       the same
nan                nan        nan        nan       the same
-745               4.9e-324   -745       4.9e-324  expit 0, as for all x below -709.8
=================  =========  =========  ========  ================================

====================  =========  ============  =============  ===========================================
row                   logsumexp  softmax       log_softmax    SciPy
====================  =========  ============  =============  ===========================================
[0, -inf]             0          [1, 0]        [0, -inf]      the same
[-inf, -inf]          -inf       [nan, nan]    [nan, nan]     the same
[0, inf]              inf        [nan, nan]    [nan, nan]     log_softmax [-inf, nan]
[-inf, inf]           inf        [nan, nan]    [nan, nan]     log_softmax [-inf, nan]
[0, nan]              nan        [nan, nan]    [nan, nan]     the same
[]                    -inf       []            []             softmax, log_softmax: ValueError
====================  =========  ============  =============  ===========================================

SciPy warns of an invalid value in some of these rows; sigmax does so in `cross_entropy` alone.
"""

from __future__ import annotations

from sigmax.functions.elementwise import expit, log1pexp, log_expit
from sigmax.functions.loss import cross_entropy
from sigmax.functions.normalised import log_softmax, logsumexp, softmax

__all__ = ["cross_entropy", "expit", "log1pexp", "log_expit", "log_softmax", "logsumexp", "softmax"]
