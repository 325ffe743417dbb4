"""What must be shown: on each problem, how many times as fast as which peer, at equal accuracy.

Every figure of the table stands here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

#: errors that count as exact, in standard errors: sigmax's, and the agreement of coefficients with the loop
#: over statsmodels in problems of many fits
OUR_ERROR = 1e-9
MANY_AGREEMENT = 1e-8


@dataclass(frozen=True)
class Target:
    """A line of the table.

    Attributes
    ----------
    problem, peer : str
        Keys of `problems.SPECS` and `libraries.PEERS`, or the loop of `many`.
    at_least : float
        Seconds of the peer over seconds of sigmax.
    tolerance : float or None
        What the table fixes; None: the loosest with which the peer is exact.
    """

    problem: str
    peer: str
    at_least: float
    tolerance: float | None = None


_CHOLESKY, _CG, _LBFGS = (f"scikit-learn {s}" for s in ("newton-cholesky", "newton-cg", "lbfgs"))
_INTELEX, _GLUM = "scikit-learn-intelex lbfgs", "glum"
_LOGIT, _MNLOGIT, LOOP = "statsmodels Logit", "statsmodels MNLogit", "loop over statsmodels Logit"

TARGETS = (
    Target("binary_2000000x20", _CHOLESKY, 20.0),
    Target("binary_2000000x20", _GLUM, 20.0),
    Target("binary_2000000x20", _INTELEX, 5.0),
    Target("binary_500000x100", _CHOLESKY, 12.0),
    Target("binary_500000x100", _GLUM, 12.0),
    Target("binary_500000x100", _INTELEX, 4.0),
    Target("binary_100000x500", _CHOLESKY, 10.0),
    Target("binary_100000x500", _GLUM, 10.0),
    Target("binary_100000x500", _INTELEX, 3.0),
    Target("classes5_500000x50", _CG, 12.0),
    Target("classes5_500000x50", _CHOLESKY, 25.0),
    Target("classes5_500000x50", _INTELEX, 6.0),
    Target("classes10_20000x784_l2", _LBFGS, 60.0, tolerance=1e-8),
    Target("classes10_20000x784_l2", _INTELEX, 12.0),
    Target("small_569x30_l2", _CHOLESKY, 10.0),
    Target("small_569x30_l2", _CG, 10.0),
    Target("small_569x30_l2", _LBFGS, 10.0),
    Target("small_500x10", _CHOLESKY, 10.0),
    Target("small_500x10", _CG, 10.0),
    Target("small_500x10", _LBFGS, 10.0),
    Target("small_500x10", _LOGIT, 10.0),
    Target("anes96", _MNLOGIT, 10.0),
    Target("anes96", _CHOLESKY, 10.0, tolerance=1e-8),
    Target("bootstrap_10000_of_500x5", LOOP, 50.0),
    Target("groups_10000_of_200x4", LOOP, 50.0),
)

#: reads of X in all, for the problem named: shown, not judged
AIMED_PASSES = {"binary_2000000x20": 6.0}


def of(problem: str) -> list[Target]:
    """Those of one problem."""
    return [target for target in TARGETS if target.problem == problem]
