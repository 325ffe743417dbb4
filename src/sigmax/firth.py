"""Firth's bias-reduced fit of an objective: the solver, its certificate, the result.

:func:`sigmax.fit` with ``bias_reduction="firth"`` comes here; whoever has an objective, separated classes and
the wish for finite estimates may, too.
"""

from __future__ import annotations

import warnings

from sigmax.data.checks import plural
from sigmax.exceptions import ConvergenceWarning
from sigmax.inference.result import Result, facts
from sigmax.kernels import Float
from sigmax.objective import Objective
from sigmax.solvers.firth import firth
from sigmax.solvers.firth_certificate import certify_firth
from sigmax.solvers.firth_profile import Profile
from sigmax.solvers.monitor import Callback, Monitor
from sigmax.solvers.solution import Stop

_MOST_STEPS = 500


def firth_result(
    objective: Objective,
    starts: list[Float],
    *,
    tol: float,
    max_iter: int | None = None,
    callback: Callback | None = None,
    stacklevel: int = 2,
) -> Result:
    """The maximum of l*(b) = l(b) + 1/2 log det I(b).

    Parameters
    ----------
    objective : Objective
        The negative log-likelihood, without a penalty of its own.
    starts : list of ndarray of shape (n_params,)
        The origin, and others; a bad one costs time.
    tol : float
        Norm of the penalised score to reach, in standard errors; its largest element is to reach 1e-10, too.
    max_iter : int, optional
        Steps at most; 500 by default.
    callback : callable, optional
        As for :func:`sigmax.fit`.
    stacklevel : int
        Of a ConvergenceWarning.

    Returns
    -------
    Result
        ``params``; standard errors from the inverse information at them, as brglm2 has them;
        ``llf`` without and ``penalised_llf`` with the prior; a
        :class:`sigmax.solvers.firth_certificate.FirthCertificate`; profile intervals and tests on demand.

    Raises
    ------
    DependentColumn
        The design does not have full column rank.

    Warns
    -----
    ConvergenceWarning
        `max_iter` or the callback ended the fit.
    """
    design, response = objective.design, objective.response
    monitor = Monitor(callback)
    most = _MOST_STEPS if max_iter is None else max_iter
    penalised, ascent = firth(objective, starts, tol=tol, max_iter=most, monitor=monitor)
    certificate = certify_firth(penalised, ascent)
    if not certificate.converged:
        knob = {Stop.ITERATIONS: "raise max_iter", Stop.CALLBACK: "let it run to reach the maximum"}.get(
            ascent.stop, "look for nearly equal columns, or columns of very different sizes"
        )
        message = f"{certificate.reason} after {plural(certificate.iterations, 'step')}; {knob}"
        warnings.warn(message, ConvergenceWarning, stacklevel=stacklevel)
    point, m = ascent.point, objective.n_logits
    llf = -point.at.nll * response.scale
    return Result(
        params=point.coef if m == 1 else point.coef.reshape(m, design.width),
        _covariance=point.factor.inverse() / response.scale,
        llf=llf,
        certificate=certificate,
        l2=0.0,
        reference=response.classes[0],
        bias_reduction="firth",
        penalised_llf=llf + penalised.half_log_det(point),
        _profile=Profile(penalised, ascent),
        **facts(objective),
    )
