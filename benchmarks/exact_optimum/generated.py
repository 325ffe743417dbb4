"""Generated data: overlapping classes, correlated columns, in blocks of rows.

Rows are x ~ N(0, S), made in blocks, so that nothing but X itself is ever as large as X.

    chain     S_ij = r^|i - j|: r = 0.5 is the table's, and its condition number stays below 9
    common    S_ij = r for i != j: every column shares one factor; condition number 1 + p at r = 0.5

  Labels are drawn from the model.  Each logit has standard deviation 1.5 over the rows, and intercepts are
spread over (-0.5, 0.5): no class is rare, and the best rule still misplaces many rows.  Where shares of the
classes are asked for, intercepts are found that give them, to about 1 % of each.

Factors
    The j-th follows numeric column j: its level is where r x_j + sqrt(1 - r^2) e falls between the quantiles
    of N(0, 1) that give level l a share in proportion to 1 / sqrt(1 + l).  Each level but the first is a 0/1
    column, and moves each logit by a slope from N(0, 0.5^2).
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter
from scipy.special import ndtri
from specs import Float, Labels, Spec

#: standard deviation of each logit over the rows, without the intercept and the factors
LOGIT_DEVIATION = 1.5
#: of the slopes of a factor's levels
LEVEL_DEVIATION = 0.5
#: rows that are generated at once
_BLOCK = 4096
#: rows and steps with which intercepts are found
_CALIBRATION_ROWS, _CALIBRATION_STEPS = 65_536, 200


def generate(spec: Spec) -> tuple[Float, Labels]:
    """X of shape (n, p), n times the fits where the groups vary, and labels 0 .. K-1."""
    rng = np.random.default_rng(spec.seed)
    slopes = _all_slopes(spec, rng)
    intercepts = _intercepts(spec, slopes)
    n = spec.n * (spec.fits if spec.many == "groups" else 1)
    X, y = np.empty((n, spec.p)), np.empty(n, dtype=np.int64)
    for start in range(0, n, _BLOCK):
        block = X[start : start + _BLOCK]
        _columns(block, spec, rng)
        odds = _odds(block, slopes, intercepts)
        below = np.cumsum(odds, axis=1)
        # the class whose interval of [0, 1) holds u
        u = rng.random(len(block)) * below[:, -1]
        drawn = (u[:, None] >= below[:, :-1]).sum(axis=1)
        y[start : start + _BLOCK] = drawn if spec.against < 0 else drawn == spec.against
        if spec.size != 1.0:
            block *= sizes(spec)
    return X, y


def covariance(spec: Spec) -> Float:
    """S."""
    j = np.arange(spec.numeric)
    distance = np.abs(j[:, None] - j)
    S: Float = spec.correlation ** (distance if spec.columns == "chain" else np.minimum(distance, 1))
    return S


def slopes_of(m: int, S: Float, rng: np.random.Generator) -> Float:
    """Random directions b_c scaled to b_c' S b_c = 1.5^2: the variance of the logit."""
    b = rng.standard_normal((m, len(S)))
    deviations = np.sqrt(np.einsum("cj,jl,cl->c", b, S, b))
    slopes: Float = LOGIT_DEVIATION * b / deviations[:, None]
    return slopes


def sizes(spec: Spec) -> Float:
    """Of the columns: from 1 / size to size."""
    reach = np.log10(spec.size)
    found: Float = 10.0 ** np.linspace(-reach, reach, spec.p)
    return found


def shares_of_levels(levels: int) -> Float:
    """In proportion to 1 / sqrt(1 + l)."""
    share: Float = 1.0 / np.sqrt(1.0 + np.arange(levels))
    share /= share.sum()
    return share


def _all_slopes(spec: Spec, rng: np.random.Generator) -> Float:
    """Of every column, shape (drawn - 1, p)."""
    m = spec.drawn - 1
    numeric = slopes_of(m, covariance(spec), rng)
    if not spec.factors:
        return numeric
    levels = LEVEL_DEVIATION * rng.standard_normal((m, spec.p - spec.numeric))
    return np.concatenate([numeric, levels], axis=1)


def _columns(block: Float, spec: Spec, rng: np.random.Generator) -> None:
    """Fills `block` with rows."""
    r, q = spec.correlation, spec.numeric
    numeric = rng.standard_normal((len(block), q))
    if spec.columns == "chain":
        # x_j = r x_(j-1) + sqrt(1 - r^2) e_j, a stationary chain
        scale = np.sqrt(1.0 - r**2)
        numeric[:, 0] /= scale
        block[:, :q] = lfilter([scale], [1.0, -r], numeric, axis=1)
    else:
        # x_j = sqrt(r) z + sqrt(1 - r) e_j
        numeric *= np.sqrt(1.0 - r)
        numeric += np.sqrt(r) * rng.standard_normal((len(block), 1))
        block[:, :q] = numeric
    for j, levels in enumerate(spec.factors):
        latent = r * block[:, j] + np.sqrt(1.0 - r**2) * rng.standard_normal(len(block))
        edges = ndtri(np.cumsum(shares_of_levels(levels))[:-1])
        level = np.searchsorted(edges, latent)
        block[:, q : q + levels - 1] = level[:, None] == np.arange(1, levels)
        q += levels - 1


def _odds(block: Float, slopes: Float, intercepts: Float) -> Float:
    """exp of the logits of all classes, 1 for class 0."""
    # einsum and not BLAS, whose last bits depend on its threads
    logits = np.einsum("ij,cj->ic", block, slopes) + intercepts
    odds: Float = np.exp(np.column_stack([np.zeros(len(block)), logits]))
    return odds


def _intercepts(spec: Spec, slopes: Float) -> Float:
    """Spread evenly, or those with which the mean probabilities are the shares asked for."""
    m = spec.drawn - 1
    if not spec.shares:
        return np.linspace(-0.5, 0.5, m) if m > 1 else np.array([0.25])
    # rows of their own: those of the problem are not touched
    rng = np.random.default_rng((spec.seed, 2))
    X = np.empty((_CALIBRATION_ROWS, spec.p))
    for start in range(0, len(X), _BLOCK):
        _columns(X[start : start + _BLOCK], spec, rng)
    odds = _odds(X, slopes, np.zeros(m))
    wanted = np.array(spec.shares) / np.sum(spec.shares)
    factor = np.ones(m + 1)
    for _ in range(_CALIBRATION_STEPS):
        p = odds * factor
        p /= p.sum(axis=1, keepdims=True)
        found = p.mean(axis=0)
        if np.abs(found / wanted - 1.0).max() < 1e-6:
            break
        factor *= wanted / found
    intercepts: Float = np.log(factor[1:] / factor[0])
    return intercepts
