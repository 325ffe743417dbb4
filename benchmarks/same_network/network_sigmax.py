"""A case in sigmax."""

from __future__ import annotations

import time
import warnings
from typing import Any

from network_cases import MOMENTUM, Case, Float, network

from sigmax.exceptions import ConvergenceWarning
from sigmax.layers import Network


class Ours:
    """The case in sigmax."""

    def __init__(self, case: Case, n_threads: int) -> None:
        self.case, self.n_threads = case, n_threads

    def epochs(self, count: int) -> float:
        """Seconds of an epoch, the mean of so many after the first."""
        return self._fit(count + 1)[1]

    def after(self, count: int) -> tuple[float, list[Float]]:
        """The mean loss and the parameters after so many epochs from the start."""
        trained, _ = self._fit(count)
        return trained.cost(self.case.data.X, self.case.data.y), [*trained.parameters.values()]

    def _fit(self, count: int) -> tuple[Network, float]:
        case, ends = self.case, list[float]()
        own: dict[str, Any] = {"batch_size": case.batch, "seed": 0} if case.batch else {"tol": 0.0}
        if case.method == "sgd":
            own["momentum"] = MOMENTUM
        with warnings.catch_warnings():
            # gd: that so few steps do not converge
            warnings.simplefilter("ignore", ConvergenceWarning)
            trained = network(case).fit(
                case.data.X,
                case.data.y,
                method=case.method,
                learning_rate=case.rate,
                max_iter=count,
                n_threads=self.n_threads,
                callback=lambda state: ends.append(time.perf_counter()),
                **own,
            )
        assert len(ends) == count
        return trained, (ends[-1] - ends[0]) / max(count - 1, 1)
