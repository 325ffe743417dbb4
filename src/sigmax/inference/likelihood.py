"""Statistics of the likelihood: against the null model, the saturated one, and the number of parameters."""

from __future__ import annotations

import numpy as np

from sigmax.inference.baseline import Baseline, baseline
from sigmax.inference.tails import chi2_tail, log_chi2_tail
from sigmax.inference.tested import Tested


class Likelihood(Tested):
    """Log-likelihood, deviance and criteria.

    All are sums over the observations, in nats, weighted as the fit was.
    """

    def _against(self) -> Baseline:
        """Null and saturated model."""
        origin = self._source
        found = origin._baseline
        if found is None:
            found = baseline(self._rows("the null model"))
            object.__setattr__(origin, "_baseline", found)
        return found

    @property
    def llnull(self) -> float:
        """Log-likelihood of the null model: an intercept for each logit where the model has one, and offsets.

        In closed form, sum_k n_k log(n_k / n), where there are no offsets.  The model has an intercept where
        a combination of its columns is constant, too.
        """
        return self._against().null

    @property
    def llr(self) -> float:
        """Likelihood-ratio statistic 2 (llf - llnull) against the null model."""
        return 2.0 * (self.llf - self.llnull)

    @property
    def llr_pvalue(self) -> float:
        """Upper tail of chi^2 with `df_model` degrees of freedom at `llr`; nan without slopes."""
        return float(chi2_tail(max(self.llr, 0.0), self.df_model)) if self.df_model else np.nan

    @property
    def log_llr_pvalue(self) -> float:
        """Natural logarithm of `llr_pvalue`, where that is 0, too."""
        return float(log_chi2_tail(max(self.llr, 0.0), self.df_model)) if self.df_model else np.nan

    @property
    def deviance(self) -> float:
        """2 (log-likelihood of the saturated model - llf): -2 llf where y holds labels."""
        return 2.0 * (self._against().saturated - self.llf)

    @property
    def null_deviance(self) -> float:
        """2 (log-likelihood of the saturated model - llnull)."""
        return 2.0 * (self._against().saturated - self.llnull)

    @property
    def prsquared(self) -> float:
        """McFadden's pseudo R^2, 1 - llf / llnull; nan where all observations are of one class."""
        return 1.0 - self.llf / self.llnull if self.llnull else np.nan

    @property
    def df_model(self) -> int:
        """Number of estimated parameters beyond those of the null model: the slopes."""
        m = len(self.classes) - 1
        return self.n_estimated - (m if self.fit_intercept else self._against().n_null)

    @property
    def df_resid(self) -> float:
        """nobs - n_estimated."""
        return self.nobs - self.n_estimated

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 n_estimated - 2 llf."""
        return 2.0 * self.n_estimated - 2.0 * self.llf

    @property
    def bic(self) -> float:
        """Schwarz's criterion, n_estimated log(nobs) - 2 llf."""
        return self.n_estimated * float(np.log(self.nobs)) - 2.0 * self.llf
