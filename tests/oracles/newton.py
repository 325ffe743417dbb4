"""Maximum likelihood of the logistic and the softmax regression to 50 digits.

This module is the judge of the library, so it shares nothing with it: no import, no kernel, no
solver, no data loader.  It knows the models from their definition alone and computes in
arbitrary-precision arithmetic (mpmath, or mpmath on gmpy2 when that is installed).

Models
------
For row i let t_i = o_i + b + x_i . B be the K - 1 logits relative to the reference class 0 (row of
offsets o_i, intercepts b, features x_i, coefficients B), and z_i = (0, t_i1, ..., t_i(K-1))::

    NLL = sum_i w_i [ log sum_j exp(z_ij) - z_i(y_i) ]        (nats, summed, never averaged)

An L2 penalty of the slopes may be added (see `oracles.likelihoods.Penalty`).

Coefficients are laid out class-major over the classes 1 .. K-1, and within a class the intercept
comes first (when there is one) and the features follow in column order; k is the number of
coefficients in one class and P = (K - 1) k their total.

Entry points
------------
``evaluate``
    NLL, gradient and Hessian at given coefficients.
``optimum``
    The maximum likelihood estimate with covariance and standard errors, certified.
``null_llf``
    The log-likelihood of the intercept-only model, in closed form.
``bundled``
    One of the three bundled data sets with its certified optimum, computed once per process.
``relative_error``, ``to_float``
    Compare floating-point results with, or round, arbitrary-precision ones.

Accuracy
--------
Every float64 input is taken as the exact binary number that it is.  Sums and dot products are
accumulated exactly and rounded once (``mpmath.fdot``); the remaining roundings happen at a
precision of ``digits + GUARD`` decimal digits, raised further by the magnitude of the largest
logit, because exp() turns an absolute error of its argument into a relative error of its result.
No formula below subtracts quantities that nearly agree, so NLL, residuals and curvatures keep
their relative accuracy at saturated rows, too.  ``optimum`` carries more guard digits when the
information matrix turns out to need them.

A caution for callers: an mpf keeps its digits until it is computed with.  Every operation on it,
a change of sign included, rounds to the precision in force, which is 15 digits by default.
Compute inside ``with mpmath.mp.workdps(75):``, or leave it to ``relative_error``.
"""

from oracles.bundled import Bundled, bundled
from oracles.definite import IllConditionedError
from oracles.inputs import GUARD, Form
from oracles.likelihoods import Evaluation
from oracles.optimum import Optimum, evaluate, null_llf, optimum
from oracles.rounding import relative_error, to_float

__all__ = [
    "GUARD",
    "Bundled",
    "Evaluation",
    "Form",
    "IllConditionedError",
    "Optimum",
    "bundled",
    "evaluate",
    "null_llf",
    "optimum",
    "relative_error",
    "to_float",
]
