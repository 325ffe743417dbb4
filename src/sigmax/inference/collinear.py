"""A result of all columns from that of a fit without the dependent ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sigmax.existence.separation import with_columns
from sigmax.identification import parametrisation
from sigmax.identification.rank import Dependence
from sigmax.inference.result import Result
from sigmax.kernels import Float


def with_dependence(
    result: Result, dependence: Dependence, names: tuple[str, ...], collinear: str, passes: float
) -> Result:
    """The result of a fit without aliased columns as that of all columns.

    Parameters
    ----------
    result : Result
        Against the first class, of the columns that are not aliased.
    dependence : Dependence
    names : tuple of str, of length k
        Of all columns, the intercept's first.
    collinear : {"alias", "min_norm"}
        Whether parameters of aliased columns are nan, or all are those of minimum norm.
    passes : float
        Reads of the data that it took to find out.
    """
    gone, m = dependence.aliased, len(result.classes) - 1
    matrix, bound = np.atleast_2d(result.params), np.atleast_2d(result.certificate.error_bound)
    report = result._report
    if collinear == "alias":

        def of_all(covariance: Float) -> Float:
            return parametrisation.expand_covariance(covariance, m, gone)

        params, bound = parametrisation.expand(matrix, gone), parametrisation.expand(bound, gone)
    else:
        M = parametrisation.minimum_norm_map(dependence.row_space())

        def of_all(covariance: Float) -> Float:
            return parametrisation.minimum_norm_covariance(covariance, M)

        params = parametrisation.minimum_norm(matrix, M)
        bound = parametrisation.minimum_norm_bound(bound, matrix, M)
    shape = (len(names),) if m == 1 else (m, len(names))
    params, bound = params.reshape(shape), bound.reshape(shape)
    return replace(
        result,
        params=params,
        _covariance=(
            of_all(result.covariance)
            if isinstance(result._covariance, np.ndarray)
            else lambda: of_all(result.covariance)
        ),
        _report=of_all if report is None else lambda V: of_all(report(V)),
        param_names=names,
        certificate=result.certificate.of(params, bound, passes=passes),
        dependence=dependence,
        collinear=collinear,
        separation=None if result.separation is None else with_columns(result.separation, gone),
    )
