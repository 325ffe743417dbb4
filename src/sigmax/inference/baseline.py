"""What a likelihood is measured against: the model without regressors, and the one that fits every row.

    null         eta_i = a + offset_i: an intercept for each logit, where the model has one
    saturated    p_ik = c_ik / N_i in each row i

Without offsets the null model fits the shares of the classes, and its log-likelihood is the closed form
sum_k n_k log(n_k / n).  With labels the saturated model predicts every row, and its log-likelihood is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmax.data.design import Design
from sigmax.data.units import Units
from sigmax.identification.rank import dependence
from sigmax.inference.observations import Observations
from sigmax.kernels import Float


@dataclass(frozen=True, slots=True)
class Baseline:
    """Log-likelihoods of the null and of the saturated model.

    Attributes
    ----------
    null : float
    n_null : int
        Parameters of the null model: K - 1 with an intercept, else 0.
    saturated : float
        0 for labels.
    totals : tuple of float, of length K
        Weighted number of observations of each class.
    weighted : bool
        Whether the rows had weights.
    """

    null: float
    n_null: int
    saturated: float
    totals: tuple[float, ...]
    weighted: bool


def baseline(observations: Observations) -> Baseline:
    """Null and saturated model of the rows of a fit.

    Raises
    ------
    ValueError
        The data have been changed since the fit.  What is not our own copy of them, counts, weights and
        offsets, is held against the fit in a read of all rows.
    """
    u, design = observations.units, observations.design
    if not (u.codes is observations.objective.response.codes and u.weight() is None and u.offset is None):
        observations.each(lambda rows: None)
    m = len(observations.classes) - 1
    n, n_null = class_totals(u), m
    if not _has_intercept(observations, design):
        null, n_null = _without_parameters(observations, n), 0
    elif u.offset is not None:
        null = observations.null_of_offsets()
    else:
        total = math.fsum(n)
        null = math.fsum(x * math.log(x / total) for x in n if x > 0.0)
    return Baseline(null, n_null, _saturated(u), tuple(n), u.weight() is not None)


def class_totals(u: Units) -> list[float]:
    """Weighted number of observations of each class."""
    w = u.weight()
    if u.counts is None:
        assert u.codes is not None
        sums = np.bincount(u.codes, w, minlength=len(u.classes))
        return [float(x) for x in sums]
    return [math.fsum(c if w is None else c * w) for c in u.counts.T]


def _has_intercept(observations: Observations, design: Design) -> bool:
    """Whether a column of ones is one of the design's, or a combination of them."""
    if design.intercept:
        return True
    names = list(design.names)
    with_ones = Design(design.rows, intercept=True, names=names)
    found = dependence(with_ones, observations.units.weight(), observations.kernels, observations.n_threads)
    return bool(found.aliased.any())


def _saturated(u: Units) -> float:
    """sum_i w_i sum_k c_ik log(c_ik / N_i)."""
    if u.counts is None:
        return 0.0
    c, w = u.counts, u.weight()
    share = np.where(c > 0.0, c, 1.0) / np.where(c > 0.0, c.sum(axis=1, keepdims=True), 1.0)
    rows = (c * np.log(share)).sum(axis=1)
    return math.fsum(rows if w is None else rows * w)


def _without_parameters(observations: Observations, totals: list[float]) -> float:
    """Log-likelihood where the logits are the offsets alone."""
    u = observations.units
    if u.offset is None:
        return -math.fsum(totals) * math.log(len(u.classes))
    logits = np.concatenate([np.zeros((len(u.offset), 1)), u.offset], axis=1)
    top = logits.max(axis=1, keepdims=True)
    log_p: Float = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    if u.counts is None:
        assert u.codes is not None
        rows = log_p[np.arange(len(log_p)), u.codes]
    else:
        rows = (u.counts * log_p).sum(axis=1)
    w = u.weight()
    return math.fsum(rows if w is None else rows * w)
