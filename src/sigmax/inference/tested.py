"""Tests of hypotheses about the parameters, and combinations of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sigmax.identification import parametrisation
from sigmax.inference.combinations import LinearCombinations, linear_combinations
from sigmax.inference.estimates import Estimates, class_index
from sigmax.inference.hypotheses import Given, Parameters, combinations, joint
from sigmax.inference.nested import lr_test_between, lr_test_of, score_test_of
from sigmax.inference.profile import ParameterProfile
from sigmax.inference.tables import label_text
from sigmax.inference.testing import TestResult
from sigmax.inference.uncertainty import Uncertainty
from sigmax.inference.wald import covariance_root, wald_test
from sigmax.kernels import Float


class Tested(Uncertainty):
    """Estimates of which something is asked."""

    @property
    def _parameters(self) -> Parameters:
        """What hypotheses by name are about."""
        reference = None if self.reference is None else label_text(self.reference)
        labels = tuple(map(label_text, self.row_labels))
        return Parameters(self.param_names, np.atleast_2d(self.params), labels, reference)

    @property
    def _reported_root(self) -> Float:
        """L with L L' = `covariance`, shape (params.size, r); nan in the rows of parameters without one."""
        origin = self._source
        if origin is not self:
            # of differences, so that what cancels in the covariance does not cancel in its root
            m, old = len(self.classes) - 1, class_index(self.classes, origin.reference)
            blocks = origin._reported_root.reshape(m, -1)
            if self.reference is None:
                moved = parametrisation.symmetric(blocks, old)
            else:
                moved = parametrisation.rebased(blocks, old, class_index(self.classes, self.reference))
            return np.asarray(moved.reshape(self.params.size, -1))
        whole = self._limit is None and (self.dependence is None or self.collinear == "alias")
        if not whole:
            rank = self.n_estimated if self._limit is None and self.covariance_kind == "mle" else None
            return covariance_root(self.covariance, rank)
        R = self._root("a test").whole
        gone = self.aliased.ravel()
        L = np.full((len(gone), R.shape[1]), np.nan)
        L[~gone] = R
        return L

    def _slopes(self) -> Float:
        """R of the hypothesis that all slopes are 0, a row for each that was estimated."""
        slopes = np.ones(np.atleast_2d(self.params).shape, bool)
        slopes[:, : int(self.fit_intercept)] = False
        return np.eye(self.params.size)[(slopes & ~np.atleast_2d(self.aliased)).ravel()]

    def _slopes_test(self) -> TestResult | None:
        """The Wald test that all slopes are 0; None where it has no meaning."""
        R = self._slopes()
        if not len(R) or not np.isfinite(self.params.ravel()[R.any(axis=0)]).all():
            return None
        try:
            return self.wald_test(R)
        except ValueError:  # more slopes than clusters
            return None

    def wald_test(self, hypotheses: Given) -> TestResult:
        """Wald test of joint linear hypotheses about `params`.

        (R theta - q)' (R V R')^-1 (R theta - q), with V the `covariance`, against chi^2.

        Parameters
        ----------
        hypotheses : str, sequence of str, dict, matrix, or pair
            By name, separated by commas: ``"age = lwt"``, ``"age"`` for age = 0, ``"2*age - lwt/3 = 1.5"``,
            ``"a = b = c"``.  A name that is no word and no name of a column stands in backticks.  With more
            than two classes a name stands for that column in every logit, ``age[red]`` for that of a class;
            the reference's is 0 (:mod:`sigmax.inference.hypotheses`).  Or ``{"age": 1.5}``; or a matrix R, of
            shape (n, params.size) in the order of ``params.ravel()``; or a pair (R, q).

        Returns
        -------
        TestResult
            With ``statistic``, ``df``, ``pvalue``, ``log_pvalue`` and ``hypotheses``.  A hypothesis that
            follows from others counts no degree of freedom.  In a parametrisation with dependent parameters
            (:meth:`symmetric`, ``collinear="min_norm"``) the hypotheses are about those very parameters.

        Raises
        ------
        ValueError
            The text is not in the language, or a name or class unknown: where, and which are near.
            Hypotheses about parameters that are aliased or infinite; that contradict each other; more than
            the covariance has a rank for.
        """
        return wald_test(joint(hypotheses, self._parameters), self.params.ravel(), self._reported_root)

    def lincom(self, expressions: Given, level: float = 0.95) -> LinearCombinations:
        """Linear combinations of `params` with standard errors, z, p and Wald intervals.

        Parameters
        ----------
        expressions : str, sequence of str, dict, matrix, or pair
            As in :meth:`wald_test`: ``"age - lwt"``; ``"age = lwt"`` is the same combination.  A name without
            a class gives a line for every logit.
        level : float
            Coverage of the intervals, 0 < level < 1.

        Returns
        -------
        LinearCombinations
            A table; its ``exp()`` are the odds ratios.

        Raises
        ------
        ValueError
            As :meth:`wald_test`, but for contradictions, of which there are none; `level` is none.
        """
        found = combinations(expressions, self._parameters)
        return linear_combinations(found, self.params.ravel(), self._reported_root, level)

    def lr_test(self, other: Estimates | Given) -> TestResult:
        """Likelihood-ratio test against a smaller model.

        Parameters
        ----------
        other : Result, or hypotheses as in :meth:`wald_test`
            A fit of the same rows whose columns are combinations of this one's, or the other way round: to
            1e-9 of a column's length, over the rows of positive weight, one read of both designs.  Or
            hypotheses, ``"age = lwt"``: the constrained model is fitted.  They may be about infinite
            parameters.

        Returns
        -------
        TestResult
            Twice the difference of the log-likelihoods, in nats, against chi^2 with as many degrees of
            freedom as parameters are lost.  That of a hypothesis is proved to 1e-9, of itself where it is
            above 1.  Where the classes are separated suprema are compared.

        Raises
        ------
        ValueError
            The results have different rows, classes, weights or offsets, the same number of parameters, or
            are not nested; one is penalised, Firth's, has probability weights, has not converged, or was
            pickled, which leaves the data behind.  Hypotheses: as :meth:`wald_test`.
        """
        if isinstance(other, Estimates):
            return lr_test_between(self, other)
        return lr_test_of(self, joint(other, self._finite_parameters))

    def score_test(self, hypotheses: Given | None = None) -> TestResult:
        """Rao's score test of joint linear hypotheses.

        Parameters
        ----------
        hypotheses : str, sequence of str, dict, matrix, or pair, optional
            As in :meth:`wald_test`; they may be about infinite parameters.  By default that all slopes are 0.

        Returns
        -------
        TestResult
            U'I^-1 U, score and information at the estimate under the hypothesis, against chi^2.  Where the
            classes are separated, too, as long as they are not under the hypothesis.

        Raises
        ------
        ValueError
            As for :meth:`lr_test`; the estimate under the hypothesis does not exist.
        """
        if hypotheses is None:
            hypotheses = self._slopes()
            if not len(hypotheses):
                raise ValueError("hypotheses must be given: the model has no slope to test")
        return score_test_of(self, joint(hypotheses, self._finite_parameters))

    def profile(self, term: str) -> ParameterProfile:
        """The profile likelihood of one parameter.

        Parameters
        ----------
        term : str
            Name of a parameter; where parameters belong to several classes with the class, ``age[red]``.

        Returns
        -------
        ParameterProfile
            With ``deviance(values)`` and ``interval(level)``, the ends of which are those of
            ``conf_int(level, method="profile")``.  Nothing is read before they are asked for.

        Raises
        ------
        TypeError
            `term` is no text.
        ValueError
            No such parameter, or one whose column was left out; or there is no profile, as for
            ``conf_int(method="profile")``.

        Examples
        --------
        >>> import sigmax as sx
        >>> data = sx.datasets.load("spector")
        >>> r = sx.fit(data.X, data.y, names=data.features)
        >>> r.profile("PSI").deviance([0.0, 1.0]).round(6)
        array([6.203698, 1.939768])
        """
        found = self._parameters
        index = found.index_of("term", term)
        aliased = self.aliased.ravel()
        if aliased[index]:
            raise ValueError(
                f"term must be a parameter that was estimated; the column of {term!r} was left out as a "
                "combination of others"
            )
        return ParameterProfile(
            name=found.plain[index],
            estimate=float(self.params.ravel()[index]),
            covariance_kind=self.covariance_kind,
            _std_error=lambda: float(self.bse.ravel()[index]),
            _profile=self._require_profile("profile()"),
            # the profile counts the parameters that were estimated
            _index=int(np.count_nonzero(~aliased[:index])),
        )

    @property
    def _finite_parameters(self) -> Parameters:
        """The same with finite numbers for infinite parameters, of which a likelihood can be asked."""
        found = self._parameters
        gone = np.isinf(found.values)
        if self.separation is not None:
            gone |= np.atleast_2d(self.separation.undetermined)
        return replace(found, values=np.where(gone, 0.0, found.values))
