"""How far estimates may be from the truth: covariances of several kinds, standard errors, intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import coverage
from sigmax.data.tabular.tables import require_aligned
from sigmax.inference.covariances import KINDS, spread
from sigmax.inference.estimates import Estimates
from sigmax.inference.nested import no_data
from sigmax.inference.profile import LikelihoodRatioTest, Profile, likelihood_ratio_test, profile_intervals
from sigmax.inference.roots import Root
from sigmax.inference.tables import label_text
from sigmax.inference.tails import log_normal_tail, normal_tail
from sigmax.kernels import Float


class Uncertainty(Estimates):
    """Estimates with their covariance."""

    @property
    def covariance(self) -> Float:
        """Covariance of the estimates, of `covariance_kind`, in the order of ``params.ravel()``.

        "mle" is the inverse of the observed information at `params`.  nan in the rows and columns of
        parameters that are `aliased`.
        """
        if not isinstance(self._covariance, np.ndarray):
            object.__setattr__(self, "_covariance", self._covariance())
        found = self._covariance
        assert isinstance(found, np.ndarray)
        return found

    def cov_params(self, kind: str | None = None, groups: npt.ArrayLike | None = None) -> Float:
        """Covariance of the estimates, in the order of ``params.ravel()``.

        Parameters
        ----------
        kind : {"mle", "HC0", "HC1", "cluster"}, optional
            By default the kind that this result has, or "cluster" where there are groups.
            "mle": the inverse of the observed information, penalty included.  "HC0": the sandwich A M A of
            Huber (1967) and White (1982), M the sum of the squared scores.  "HC1": n / (n - P) times that.
            "cluster": scores are summed within clusters before they are squared (Liang & Zeger, 1986), times
            G / (G - 1).
        groups : array_like of shape (n,), or Series, optional
            The cluster of each row of X, for "cluster"; those of rows that ``missing="drop"`` left out may be
            among them.

        Returns
        -------
        ndarray of shape (P, P)
            A copy.  nan for parameters that are aliased or infinite.

        Raises
        ------
        ValueError
            No such kind; clusters missing, or given for another kind; fewer than two clusters; data that were
            changed since the fit, or left behind by pickling or saving (but for the kind that this result
            has).

        Notes
        -----
        One read of the data, O((m k)^2) memory, and O(block) beside it.  Weights: a frequency weight w makes
        w observations, an importance or probability weight multiplies the score (:mod:`sigmax.data.units`).
        """
        if kind is None:
            if groups is None:
                return self.covariance.copy()
            kind = "cluster"
        return self.with_covariance(kind, groups).covariance.copy()

    def with_covariance(self, kind: str, groups: npt.ArrayLike | None = None) -> Self:
        """The same estimates with a covariance of another kind.

        Standard errors, tests, intervals, margins and summary of what comes back are those of that kind;
        likelihood and profile do not depend on it.

        Parameters
        ----------
        kind, groups
            As for :meth:`cov_params`.

        Raises
        ------
        ValueError
            As for :meth:`cov_params`.
        """
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}; got {kind!r}")
        if kind == self.covariance_kind and groups is None:
            return self
        return self._of_kind(kind, groups)

    def _of_kind(self, kind: str, groups: npt.ArrayLike | None) -> Self:
        """:meth:`with_covariance`, computed though this one has it."""
        origin = self._source
        observations = self._rows(f"a covariance of kind {kind!r}")
        groups = None if groups is None else origin._groups(groups)
        found = spread(observations, kind, groups, n_estimated=origin.n_estimated)
        new = replace(
            origin,
            _covariance=found.matrix if origin._report is None else origin._report(found.matrix),
            covariance_kind=kind,
            n_clusters=found.n_clusters,
            _spread=found,
        )
        return new._parametrised_as(self)

    def _groups(self, groups: npt.ArrayLike) -> npt.ArrayLike:
        """The clusters of the rows of the fit, which may be given with those of the rows that went."""
        labels = np.asarray(groups)
        if self.dropped is not None and labels.shape == (self.dropped.n_given,):
            return np.delete(labels, self.dropped.rows)
        if self._origin_of_rows is not None:
            require_aligned("groups", groups, self._origin_of_rows.index, "the table of the fit")
        return labels

    def of_weights(self) -> Self:
        """The same, with the covariance that the kind of the weights calls for, computed when it is read."""
        if self.weight_type != "probability":
            return self
        return replace(
            self, _covariance=lambda: self.with_covariance("HC0").covariance, covariance_kind="HC0"
        )

    def _parametrised_as(self, other: Estimates) -> Self:
        """The same in the parametrisation of another one of the same fit."""
        raise NotImplementedError

    def _root(self, what: str) -> Root:
        """A root of the covariance in the coordinates that were fitted; `what` asks for it."""
        origin = self._source
        if origin._observations is None and origin._kept_root is not None:
            return origin._kept_root
        if origin._spread is not None:
            return origin._spread.root
        if origin.covariance_kind != "mle":
            found = origin._of_kind(origin.covariance_kind, None)._spread
            object.__setattr__(origin, "_spread", found)
            assert found is not None
            return found.root
        return self._rows(what).bread.root

    def _root_to_keep(self) -> Root | None:
        # another parametrisation has that of the result that it comes from
        if self._observations is None or self._origin is not None:
            return self._kept_root
        return self._root("a copy without the data")

    @property
    def bse(self) -> Float:
        """Standard errors, shape of `params`."""
        errors: Float = np.sqrt(self.covariance.diagonal()).reshape(self.params.shape)
        return errors

    @property
    def zvalues(self) -> Float:
        """Estimates divided by their standard errors, shape of `params`; nan where both are 0."""
        with np.errstate(invalid="ignore"):
            return self.params / self.bse

    @property
    def pvalues(self) -> Float:
        """Two-sided normal tail 2 Phi(-|z|), shape of `params`; 14 digits down to 1e-307, 0 below 5e-324."""
        return normal_tail(self.zvalues)

    @property
    def log_pvalues(self) -> Float:
        """Natural logarithm of the p-values, shape of `params`; 14 digits, where `pvalues` is 0, too."""
        return log_normal_tail(self.zvalues)

    def conf_int(self, level: float = 0.95, method: str = "wald") -> Float:
        """Confidence intervals of each parameter.

        Parameters
        ----------
        level : float
            Coverage, 0 < level < 1.
        method : {"wald", "profile"}
            "wald": params -+ Phi^-1((1 + level) / 2) bse.  "profile": the values that the likelihood-ratio
            test does not reject, each other parameter at its constrained maximum (Venzon & Moolgavkar, Appl.
            Stat. 37, 1988), or the test of the penalised likelihood, of Firth's estimates (Heinze &
            Schemper, Stat. Med. 21, 2002) and with `l2`; some five reads of the data for each end.  Ends of
            estimates that are not Firth's have a deviance that is proved to be what is wanted to 1e-9.

        Returns
        -------
        ndarray, shape of `params` plus (2,)
            Lower and upper ends; a profile has -inf or inf where it never falls so far, as on the side to
            which separated classes take a parameter: the deviance is that from the supremum.  nan for
            parameters without an estimate, and, with a warning, for ends that could not be proved.

        Raises
        ------
        ValueError
            `level` or `method` is none of these, or there is no profile: of a fit that has not converged, or
            of a result that was pickled or saved, which leaves the data behind.

        Warns
        -----
        ConvergenceWarning
            The end of a profile could not be proved.
        """
        level = coverage(level)
        if method not in ("wald", "profile"):
            raise ValueError(f"method must be 'wald' or 'profile'; got {method!r}")
        if method == "profile":
            return profile_intervals(self._require_profile("method='profile'"), self.aliased, level)
        from scipy.special import ndtri

        half = -float(ndtri((1.0 - level) / 2.0)) * self.bse
        return np.stack([self.params - half, self.params + half], axis=-1)

    def penalised_lr_test(self) -> LikelihoodRatioTest:
        """Penalised likelihood-ratio test of each parameter of Firth's estimates against 0.

        2 (penalised_llf - its maximum with the parameter at 0), with the determinant of the whole information
        in both (Heinze & Schemper, Stat. Med. 21, 2002), against chi^2 with one degree of freedom.  Reads the
        data for a constrained fit of each parameter.

        Returns
        -------
        LikelihoodRatioTest
            ``statistic`` and ``pvalue``, shape of `params`.

        Raises
        ------
        ValueError
            As for ``conf_int(method="profile")``.
        """
        if self.bias_reduction is None:
            raise ValueError("penalised_lr_test() is for fits with bias_reduction='firth'; this one has none")
        return likelihood_ratio_test(self._require_profile("penalised_lr_test()"), self.aliased)

    def _require_profile(self, what: str) -> Profile:
        if self.collinear == "min_norm":
            raise ValueError(f'{what} is for parameters that were fitted; fit with collinear="alias"')
        profile = self._profile
        if profile is None:
            raise ValueError(no_data(self, what))
        if self.weight_type == "probability":
            raise ValueError(
                f"{what} rests on a likelihood, and that of probability weights is none of the sample; take "
                "method='wald'"
            )
        if self._origin is not None:
            profile = profile.against(self._base)
        if profile is None:
            raise ValueError(
                f"{what} is for the parameters that were fitted, against the class "
                f"{label_text(self.classes[0])}; ask the result before rebase() or symmetric()"
            )
        return profile
