"""Pseudo R^2 of log-likelihoods."""

from __future__ import annotations

import math

KINDS = ("mcfadden", "mcfadden_adjusted", "cox_snell", "nagelkerke", "tjur")


def likelihood_rsquared(kind: str, llf: float, llnull: float, nobs: float, n_params: int) -> float:
    """How much better a log-likelihood is than that of the shares of the classes alone.

        mcfadden           1 - llf / llnull
        mcfadden_adjusted  1 - (llf - n_params) / llnull
        cox_snell          1 - exp(2 (llnull - llf) / nobs),   at most M = 1 - exp(2 llnull / nobs) < 1
        nagelkerke         cox_snell / M

    Parameters
    ----------
    kind : {"mcfadden", "mcfadden_adjusted", "cox_snell", "nagelkerke"}
    llf, llnull : float
        Log-likelihoods of the model and of its intercepts alone, in nats, summed over the observations, at
        most 0.  A supremum of 0, of a separated fit, is allowed: mcfadden and nagelkerke are then 1.
    nobs : float
        Number of observations.
    n_params : int
        Number of estimated parameters, the intercepts included (as Stata's ``fitstat`` counts them).

    Returns
    -------
    float
        Negative where the model is worse than the shares; nan where llnull is 0, of one class only.

    Raises
    ------
    ValueError
        No such kind, a positive log-likelihood, or no observations.

    Notes
    -----
    McFadden (1974); Ben-Akiva & Lerman (1985); Cox & Snell (1989), Maddala (1983); Nagelkerke (Biometrika 78,
    1991).
    """
    if kind not in KINDS[:-1]:
        raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS[:-1]))}; got {kind!r}")
    for name, value in (("llf", llf), ("llnull", llnull)):
        if not value <= 0.0:
            raise ValueError(f"{name} must be a log-likelihood of classes, at most 0; got {value!r}")
    if not nobs > 0.0:
        raise ValueError(f"nobs must be positive; got {nobs!r}")
    if llnull == 0.0:
        return math.nan
    if kind == "mcfadden":
        return (llnull - llf) / llnull
    if kind == "mcfadden_adjusted":
        return (llnull - llf + n_params) / llnull
    lost = 2.0 * (llnull - llf) / nobs
    gained = -math.expm1(lost) if lost < 700.0 else -math.inf
    return gained if kind == "cox_snell" else gained / -math.expm1(2.0 * llnull / nobs)
