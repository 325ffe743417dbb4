"""The front door: from arrays and labels to a result with its certificate."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax import kernels, threads
from sigmax.data.checks import finite, numbers, plural
from sigmax.data.chunks import Chunks
from sigmax.data.design import Design
from sigmax.data.given import given
from sigmax.data.missing import MISSING
from sigmax.data.response import Response
from sigmax.data.tabular.frames import Frame
from sigmax.data.units import WEIGHT_TYPES
from sigmax.estimation import Data, Found, dependent_columns, estimate, nearly_dependent
from sigmax.evidence import firth_observations, limiting_observations, observations
from sigmax.exceptions import ConvergenceWarning, SeparationError, SeparationWarning
from sigmax.existence.likelihood_tests import LikelihoodTests
from sigmax.existence.pairs import Pairs
from sigmax.existence.profile import LimitingProfile
from sigmax.existence.separation import (
    limiting_certificate,
    limiting_covariance,
    limiting_params,
    separation,
)
from sigmax.firth import firth_result
from sigmax.identification.parametrisation import functions, rebased, rebased_covariance
from sigmax.inference.collinear import with_dependence
from sigmax.inference.result import Result, class_index
from sigmax.kernels import Float
from sigmax.solvers.certificate import Certificate
from sigmax.solvers.covariance import Covariance
from sigmax.solvers.curvature import DependentColumn
from sigmax.solvers.monitor import Callback
from sigmax.solvers.profile import Profile
from sigmax.solvers.solution import Stop
from sigmax.solvers.solve import final_nll

_TOL = 1e-12
_COLLINEAR = ("alias", "min_norm", "raise")
_ON_SEPARATION = ("warn", "raise", "firth")
_SEPARATION_ADVICE = (
    "the maximum-likelihood estimate does not exist, and the parameters are those of the limiting fit, "
    'infinite where it is; drop or merge what separates, collect more data, or pass on_separation="firth"'
)
_FIRTH_INSTEAD = "the maximum-likelihood estimate does not exist, and these are Firth's, which are finite"


def fit(
    X: npt.ArrayLike | Chunks | Frame | str,
    y: npt.ArrayLike | Frame | str | None = None,
    *,
    data: object = None,
    sample_weight: npt.ArrayLike | str | None = None,
    weight_type: str = "frequency",
    offset: npt.ArrayLike | str | None = None,
    fit_intercept: bool | None = None,
    l2: float = 0.0,
    start: npt.ArrayLike | None = None,
    tol: float | None = None,
    max_iter: int | None = None,
    n_threads: int | None = None,
    backend: str | None = None,
    callback: Callback | None = None,
    names: Sequence[str] | None = None,
    classes: npt.ArrayLike | None = None,
    reference: object = None,
    on_separation: str = "warn",
    collinear: str = "alias",
    bias_reduction: str | None = None,
    missing: str = "raise",
) -> Result:
    """Fit a logistic or multinomial regression by exact maximum likelihood.

    Minimises the negative log-likelihood, summed over rows, plus a penalty where one is asked for, in a
    handful of reads of the data; says how far from the exact optimum the result can be.

    Parameters
    ----------
    X : array_like of shape (n, p), sigmax.data.chunks.Chunks, table, or str
        Real numbers, any dtype and memory layout; neither copied as a whole nor written.  `Chunks` are
        rows in several arrays, which need not be joined.  Where most of some thousand rows repeat, and the
        weights are whole numbers, each distinct row is read once, with its summed weight.
        A table is a DataFrame of pandas, polars, pyarrow or another library that narwhals knows, a mapping of
        columns, or a record array.  Its columns keep their names.  Numbers (nullable ones and decimals, too)
        stay what they are, truth values are 0 and 1.  Text and categories are in treatment coding, a column
        of zeros and ones for each level but the first, ``race[T.black]``: levels are in the order of the
        categories where the type declares one (pandas categories, polars Enum, an ordered dictionary of
        pyarrow), else sorted; those without rows are left out.  Without an intercept the first such column
        has one for each level.  Predictions then find columns by name, and what has a value a row comes back
        as the table's library has it, under its index.
        A str is a formula, ``"low ~ age + lwt + C(race)"``, in formulaic's language (extra ``formula``):
        labels, or a sum of columns of counts, left of ~; numbers, factors, interactions, ``I()``,
        ``np.log``, ``poly``, ``bs``, ``center`` and others right of it.  ``offset(np.log(t))`` is a known
        part of the logit of the second of two classes.  Predictions then take tables, too.  A formula is
        code.
    y : array_like of shape (n,) or (n, K), Series, DataFrame or str, optional
        (n,): labels of any sortable dtype.  Two classes: logistic; more: multinomial regression.
        (n, K), K >= 2: grouped data, row i stands for y[i, k] observations of class k; non-negative numbers,
        not necessarily whole, a positive one in each column.  The classes are 0 .. K-1.
        Columns of a DataFrame of counts name the classes.  Labels are sorted, whatever order a category
        declares; `reference` chooses.  A str is a column of the table X, which then does not explain.  Left
        out with a formula.
    data : DataFrame of any make, or mapping of columns, optional
        What the formula's names are columns of.
    sample_weight : array_like of shape (n,), Series or str, optional
        Weights of any scale from 1e-300 to 1e300; a row of weight 0 does not count at all.  A str is a column
        of `data`, or of the table X.  Rows are taken in their order, and so a Series with another index than
        the table's is an error, here and of y and `offset`.
    weight_type : {"frequency", "importance", "probability"}
        What weights mean.  The estimates are the same.  "frequency": a row of weight w stands for w equal
        rows, in every number of the result; counts of grouped data are multiplied.  "importance": w
        multiplies the log-likelihood of the row, and the number of observations is that of the rows.
        "probability": the row was drawn with a probability proportional to 1 / w; as "importance", and the
        covariance is the sandwich "HC0" unless another one is asked for.
    offset : array_like of shape (n,) or (n, K), Series, DataFrame or str, optional
        Known part of the logits: (n,) for two classes, added to the logit of the second; (n, K) for one
        column a class.  A str is a column of `data`, or of X; predictions need it again.  It is added to what
        ``offset()`` in a formula says, which predictions of tables compute themselves.
    fit_intercept : bool, optional
        Whether each logit has an intercept; yes by default, and with a formula what it says ("- 1": none).
    l2 : float
        Adds l2 / 2 times the sum of the squared slopes to the summed negative log-likelihood; intercepts are
        free. With K > 2 classes the slopes of all K are penalised, which `params` differ from by those of the
        first class.  scikit-learn's C is 1 / l2.
    start : array_like, shape of the result's `params`, optional
        Where to start.  A bad start costs time, never the answer.  What it has for columns that are left out
        is not looked at, but has to be finite.
    tol : float, optional
        Newton decrement to reach, in standard errors; 1e-12 by default.  The fit ends where a hundred times
        that is proved and the rate of its steps says that `tol` is reached.  It also ends, as converged,
        where rounding leaves nothing to gain.
    max_iter : int, optional
        Steps over all rows at most; 100 by default, 1000 where each reads the data for a gradient alone.
    n_threads : int, optional
        None: ``SIGMAX_NUM_THREADS``, else ``OMP_NUM_THREADS``, else the CPUs this process may use.  The
        result has the same bits for any number.
    backend : {"auto", "compiled", "reference"}, optional
        None: ``SIGMAX_BACKEND``, else "auto".
    callback : callable, optional
        Called after every read of all rows with a :class:`sigmax.solvers.monitor.Progress`; a true return
        value ends the fit, unconverged.
    names : sequence of str, optional
        Names of the columns of X; x1, x2, ... by default.  A table has its own, a formula formulaic's.
    classes : array_like of shape (K,), optional
        The classes, of which some may have no row; those of `y` by default.  Labels are sorted, for counts
        they name the columns.  The estimates of a class without a row are infinite or have no limit.
    reference : label, optional
        The class whose coefficients are zero; the first in sorted order by default.
    on_separation : {"warn", "raise", "firth"}
        What to do where the estimate does not exist, because some direction of the coefficients predicts rows
        ever better: "warn" returns the limiting fit, its `params` -inf and inf where they run away, nan where
        they have no limit, with `Result.separation`; "raise" is a :class:`sigmax.SeparationError`;
        "firth" returns Firth's estimates, with a warning, too.
    collinear : {"alias", "min_norm", "raise"}
        What to do where a column is, over the rows of positive weight, a combination of columns before it,
        the intercept first: zero, constant, a multiple, a sum; or where there are fewer rows than columns.

        "alias" leaves it out, as R does: its parameters are nan, `Result.aliased` says so, the summary names
        it, and everything else has the bits of a fit without it.  "min_norm" has that fit, and of all
        coefficients with the same fitted values those of the smallest sum of squares, b+ = P b, P the
        projector onto the row space of the design, intercept included; the covariance is the Moore-Penrose
        inverse of the information.  These depend on the units of the columns.  "raise" is a ValueError.

        A combination is one to 1e-13 of the column's length; with ``l2 > 0`` dependent columns have a unique
        estimate, and nothing is left out.
    bias_reduction : {None, "firth"}, optional
        "firth": the maximum of the likelihood with Jeffreys' prior as its penalty, 1/2 log det of the
        information (Firth, Biometrika 80, 1993): bias of first order removed, and finite for separated
        classes, too.  Not together with `l2`.  See :func:`sigmax.firth.firth_result`.
    missing : {"raise", "drop"}
        What to do about missing values (null, nan, None) in y, weights, offset and the columns that are used:
        "raise" is a ValueError with the column, how many, and the first row.  "drop" leaves out the rows that
        have one; `Result.dropped` records which, and the summary says so.  Rows of `Chunks` are not dropped.

    Returns
    -------
    Result
        Estimates, standard errors, log-likelihood, predictions, certificate.

    Raises
    ------
    ValueError
        Bad input: the message names the argument, the first offending index, the count and what was
        expected.  Also where ``collinear="raise"`` and a column of X is a combination of those before it; or
        where columns are not, but are too near to it to be fitted.
    SeparationError
        The estimate does not exist, and ``on_separation="raise"``.
    TypeError
        `data` is no table; a table is lazy, and has to be collected.
    ImportError
        ``backend="compiled"`` where the kernels were not built; a formula without formulaic and pandas.

    Warns
    -----
    SeparationWarning
        The estimate does not exist; the message names the columns.
    ConvergenceWarning
        No certificate could be given: `max_iter` reached, or columns too nearly dependent.

    Notes
    -----
    Algorithms and proofs: :mod:`sigmax.solvers.solve`, :mod:`sigmax.solvers.certificate`.

    Memory beyond X: a few Hessians of 8 (m k)^2 bytes, a few vectors of n, one block of 4 MiB for each
    thread, and for many rows a sample of n / 32 to n / 5 of them.  A table of pandas whose columns are one
    block of numbers is read where it lies; any other is copied once, as float64.

    Examples
    --------
    >>> import sigmax as sx
    >>> data = sx.datasets.load("spector")
    >>> r = sx.fit(data.X, data.y, names=data.features)
    >>> r.params.round(6)
    array([-13.021347,   2.826113,   0.095158,   2.378688])
    >>> round(r.llf, 6)
    -12.889634
    """
    tol = _TOL if tol is None else tol
    if not (isinstance(tol, int | float) and math.isfinite(tol) and tol >= 0.0):
        raise ValueError(f"tol must be a number of at least 0; got {tol!r}")
    if max_iter is not None and (
        isinstance(max_iter, bool) or not hasattr(max_iter, "__index__") or max_iter < 0
    ):
        raise ValueError(f"max_iter must be a whole number of at least 0; got {max_iter!r}")
    if not (isinstance(l2, int | float | np.floating) and math.isfinite(l2) and l2 >= 0.0):
        raise ValueError(f"l2 must be a number of at least 0; got {l2!r}")
    _one_of("weight_type", weight_type, WEIGHT_TYPES)
    _one_of("collinear", collinear, _COLLINEAR)
    _one_of("on_separation", on_separation, _ON_SEPARATION)
    _one_of("missing", missing, MISSING)
    chosen = kernels.get(backend)
    count = threads.resolve(n_threads)
    found = given(
        X,
        y,
        data=data,
        names=names,
        classes=classes,
        sample_weight=sample_weight,
        offset=offset,
        fit_intercept=fit_intercept,
        missing=missing,
    )
    design = Design(found.X, intercept=found.intercept, names=found.names, terms=found.terms)
    observed = Data(
        design,
        found.y,
        found.sample_weight,
        found.offset,
        found.classes,
        chosen,
        count,
        weight_type,
        found.dropped,
        found.origin,
        offset is not None,
    )
    base = 0
    begin: Float | None = None
    if reference is not None or start is not None:
        known = observed.rows(design)[1].classes
        base = 0 if reference is None else class_index(known, reference)
        begin = None if start is None else _start(start, (len(known) - 1, design.width), base)
    if bias_reduction not in (None, "firth"):
        raise ValueError(f"bias_reduction must be None or 'firth'; got {bias_reduction!r}")
    if bias_reduction is not None and l2 > 0.0:
        raise ValueError(f"bias_reduction='firth' is a penalty of its own, and l2 must be 0; got l2={l2!r}")
    reduce_bias = partial(
        _bias_reduced,
        observed,
        begin,
        base,
        tol=float(tol),
        max_iter=max_iter,
        callback=callback,
        collinear=collinear,
    )
    if bias_reduction is not None:
        return reduce_bias()
    estimated = estimate(
        observed,
        l2=float(l2),
        start=begin,
        tol=float(tol),
        max_iter=max_iter,
        callback=callback,
        refuse_dependence=collinear == "raise",
    )
    result, doubt = concluded(observed, estimated, base, l2=float(l2), collinear=collinear)
    if isinstance(doubt, SeparationWarning):
        if on_separation == "raise":
            raise SeparationError(str(doubt), result.separation)
        advice = _SEPARATION_ADVICE
        if on_separation == "firth":
            result, advice = replace(reduce_bias(), separation=result.separation), _FIRTH_INSTEAD
        doubt = SeparationWarning(f"{doubt}; {advice}")
    if doubt is not None:
        warnings.warn(doubt, stacklevel=2)
    return result


def concluded(
    data: Data, found: Found, base: int, *, l2: float, collinear: str
) -> tuple[Result, ConvergenceWarning | None]:
    """The result of a search against the class `base`, and what to warn of.

    Nothing where there is an optimum and it was reached; a SeparationWarning, which says what separates the
    classes, where there is none; else a ConvergenceWarning with advice.
    """
    if found.verdict is not None and found.verdict.exists is False:
        result, message = _separated(data, found, base, l2=l2)
        return result, SeparationWarning(message)
    result = _estimated(data, found, l2=l2, collinear=collinear)
    doubt = None
    if not result.certificate.converged:
        assert found.solution is not None
        doubt = ConvergenceWarning(_advice(result.certificate, found.solution.stop))
    return (result if base == 0 else result.rebase(result.classes[base])), doubt


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}")


def _estimated(data: Data, found: Found, *, l2: float, collinear: str) -> Result:
    """The result of a fit with an optimum, or without a verdict."""
    objective, solution, certificate = found.objective, found.solution, found.certificate
    assert solution is not None
    assert certificate is not None
    if found.verdict is not None:
        certificate = certificate.after(found.verdict.exists, found.verdict.reason, found.verdict.passes)
    before = objective.rows_read
    nll = final_nll(objective, solution)
    if objective.rows_read > before:
        spent = (objective.rows_read - before) / objective.n_rows
        certificate = replace(certificate, passes=certificate.passes + spent)
    covariance = Covariance(objective, solution)
    response = objective.response
    llf = -nll * response.scale
    result = Result(
        params=solution.coef.reshape(_shape(response, objective.design.width)),
        _covariance=covariance.compute() if covariance.is_known else covariance.compute,
        llf=llf,
        certificate=certificate,
        l2=l2,
        reference=response.classes[0],
        _observations=observations(data, found.design, objective, solution, covariance, llf),
        **_asked_later(found, certificate),
        **data.facts(objective),
    )
    if found.dependence is not None:
        result = with_dependence(result, found.dependence, data.design.names, collinear, found.spent)
    return result.of_weights()


def _asked_later(found: Found, certificate: Certificate) -> dict[str, Any]:
    """What computes profiles and tests where there is an optimum; reads nothing before it is asked."""
    objective, solution = found.objective, found.solution
    assert solution is not None
    if not (certificate.converged or certificate.exists):
        return {}
    profile = Profile(objective, solution.coef)
    if objective.penalty is not None:
        return {"_profile": profile}
    return {"_profile": profile, "_tests": LikelihoodTests(objective, solution.coef, None)}


def _bias_reduced(
    data: Data,
    start: Float | None,
    base: int,
    *,
    tol: float,
    max_iter: int | None,
    callback: Callback | None,
    collinear: str,
) -> Result:
    """Firth's estimates."""
    design, dependence = data.design, None
    while True:
        objective = data.objective(design, 0.0)
        starts = [np.zeros(objective.n_params)]
        if start is not None:
            kept = start if dependence is None else start[:, ~dependence.aliased]
            starts.append(np.ascontiguousarray(kept).ravel())
        try:
            result = firth_result(
                objective, starts, tol=tol, max_iter=max_iter, callback=callback, stacklevel=4
            )
            behind = firth_observations(data, design, objective, result.params, result.covariance, result.llf)
            result = replace(result, _observations=behind, **data.facts(objective))
            break
        except DependentColumn as error:
            if dependence is not None:
                raise ValueError(nearly_dependent(design, error)) from None
            dependence = dependent_columns(data, objective, refuse=collinear == "raise")
            if dependence is None:
                raise ValueError(nearly_dependent(design, error)) from None
            design = design.without(dependence.aliased)
    if dependence is not None:
        result = with_dependence(result, dependence, data.design.names, collinear, dependence.reads)
    result = result.of_weights()
    return result if base == 0 else result.rebase(result.classes[base])


def _separated(data: Data, found: Found, base: int, *, l2: float) -> tuple[Result, str]:
    """The limiting fit of separated classes, and what separates them."""
    objective, verdict = found.objective, found.verdict
    assert verdict is not None
    assert verdict.limit is not None
    assert verdict.face is not None
    limit, pairs, shape = verdict.limit, found.pairs(), _shape(objective.response, objective.design.width)
    given = Pairs(*data.rows(found.design), data.kernels, data.n_threads)
    about = separation(verdict, pairs, given, base=base, shape=shape, n_rows=data.design.n_rows)
    message = about.text(objective.design.names)

    def report(covariance: Float) -> Float:
        m = len(objective.response.classes) - 1
        return limiting_covariance(about, rebased_covariance(covariance, m, 0, base) if base else covariance)

    steps = 0 if found.solution is None else found.solution.iterations
    result = Result(
        params=limiting_params(about),
        _covariance=lambda: limiting_covariance(about, limit.covariance(base)),
        llf=limit.llf,
        certificate=limiting_certificate(
            about, limit, steps, found.spent + objective.rows_read / objective.n_rows + verdict.passes
        ),
        l2=l2,
        reference=objective.response.classes[base],
        separation=about,
        _profile=LimitingProfile(
            pairs,
            verdict.face,
            functions(len(objective.response.classes), objective.design.width, base),
            about.infinite.ravel(),
            about.undetermined.ravel(),
            l2 / objective.response.scale,
        ),
        _tests=None if l2 > 0.0 else LikelihoodTests(objective, np.zeros(objective.n_params), verdict.face),
        _observations=limiting_observations(data, found.design, objective, limit, about),
        _report=report,
        **data.facts(objective),
    )
    if found.dependence is not None:
        # of minimum norm there is no limit
        result = with_dependence(result, found.dependence, data.design.names, "alias", 0.0)
    return result.of_weights(), message


def _shape(response: Response, width: int) -> tuple[int, ...]:
    return (width,) if response.n_logits == 1 else (response.n_logits, width)


def _start(start: npt.ArrayLike, shape: tuple[int, int], base: int) -> Float:
    """The start against the first class, (m, k)."""
    array = numbers("start", start)
    expected = shape[1:] if shape[0] == 1 else shape
    if array.shape != expected:
        raise ValueError(f"start must have the shape of the parameters, {expected}; got {array.shape}")
    finite("start", array)
    matrix = np.atleast_2d(np.array(array, dtype=np.float64))
    return rebased(matrix, base, 0) if base else matrix


def _advice(certificate: Certificate, stop: Stop) -> str:
    knob = {
        Stop.ITERATIONS: "raise max_iter",
        Stop.CALLBACK: "let it run to reach the optimum",
        Stop.SEPARATED: "a combination of the columns predicts every row: drop columns or merge classes",
    }.get(stop, "look for a column that predicts a class without error, or for nearly equal columns")
    return f"{certificate.reason} after {plural(certificate.iterations, 'step')}; {knob}"
