"""A case in torch, imported on demand: the leanest loop, and the settings that are fastest."""

from __future__ import annotations

import importlib
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from network_cases import MOMENTUM, REST, Case, Float, epochs_of_a_sample, network

from sigmax.bench import machine

#: how torch's optimisers go over the parameters
_OPTIMISERS = {"fused": {"fused": True}, "foreach": {"foreach": True}, "plain": {"foreach": False}}


def load() -> Any | None:
    """torch, or None where it is not installed."""
    try:
        return importlib.import_module("torch")
    except ImportError:
        return None


@dataclass(frozen=True)
class Setting:
    """What torch leaves to its user.

    Attributes
    ----------
    n_threads : int
    optimiser : {"fused", "foreach", "plain"}
    gather : {"batch", "epoch"}
        Whether rows are copied into their order batch by batch, or once an epoch.
    """

    n_threads: int
    optimiser: str = "fused"
    gather: str = "batch"

    def __str__(self) -> str:
        return f"{machine.threads_text(self.n_threads)}, {self.optimiser}, by {self.gather}"


class Theirs:
    """The case in torch."""

    def __init__(self, torch: Any, case: Case, setting: Setting) -> None:
        self.torch, self.case, self.setting = torch, case, setting
        self.X, self.y = torch.from_numpy(case.data.X), torch.from_numpy(case.data.y)

    def epochs(self, count: int) -> float:
        """Seconds of an epoch, the mean of so many after the first."""
        epoch, _ = self._start()
        epoch()
        begin = time.perf_counter()
        for _ in range(count):
            epoch()
        return (time.perf_counter() - begin) / count

    def after(self, count: int) -> tuple[float, list[Float]]:
        """The mean loss and the parameters after so many epochs from the start."""
        epoch, model = self._start()
        for _ in range(count):
            epoch()
        with self.torch.no_grad():
            loss = self.torch.nn.functional.cross_entropy(model(self.X), self.y)
        return float(loss), [one.detach().numpy() for one in model.parameters()]

    def model(self) -> Any:
        """As the network of sigmax is before the first step."""
        torch, layers = self.torch, list[Any]()
        torch.set_num_threads(self.setting.n_threads)
        for i, (n_in, n_out) in enumerate(itertools.pairwise(self.case.widths)):
            layers += [torch.nn.Tanh()] if i else []
            layers += [torch.nn.Linear(n_in, n_out, dtype=torch.float64)]
        model = torch.nn.Sequential(*layers)
        with torch.no_grad():
            for theirs, ours in zip(model.parameters(), network(self.case).parameters.values(), strict=True):
                theirs.copy_(torch.from_numpy(np.ascontiguousarray(ours)))
        return model

    def _start(self) -> tuple[Callable[[], None], Any]:
        """An epoch of training, and the model."""
        torch, batch, X, y, n = self.torch, self.case.batch, self.X, self.y, len(self.X)
        model = self.model()
        parameters = list(model.parameters())
        criterion = torch.nn.CrossEntropyLoss()
        step = self._optimiser(parameters).step
        rng = np.random.default_rng(0)

        def learn(rows: Any, labels: Any) -> None:
            for one in parameters:
                one.grad = None
            criterion(model(rows), labels).backward()
            step()

        def whole() -> None:
            learn(X, y)

        def by_batch() -> None:
            order = torch.from_numpy(rng.permutation(n))
            for first in range(0, n, batch):
                rows = order[first : first + batch]
                learn(X.index_select(0, rows), y.index_select(0, rows))

        def by_epoch() -> None:
            order = torch.from_numpy(rng.permutation(n))
            rows, labels = X.index_select(0, order), y.index_select(0, order)
            for first in range(0, n, batch):
                learn(rows[first : first + batch], labels[first : first + batch])

        if not batch:
            return whole, model
        return by_epoch if self.setting.gather == "epoch" else by_batch, model

    def _optimiser(self, parameters: list[Any]) -> Any:
        how, case, optim = _OPTIMISERS[self.setting.optimiser], self.case, self.torch.optim
        if case.method == "adam":
            return optim.Adam(parameters, lr=case.rate, **how)
        return optim.SGD(parameters, lr=case.rate, momentum=MOMENTUM if case.method == "sgd" else 0.0, **how)


def best(torch: Any, case: Case, n_threads: int) -> Setting:
    """On so many threads, the fastest optimiser, and with that the fastest way to the rows."""
    found, seconds = Setting(n_threads), math.inf
    choices: list[dict[str, Any]] = [{"optimiser": how} for how in _OPTIMISERS]
    choices += [{"gather": "epoch"}] if case.batch else []
    for choice in choices:
        setting = replace(found, **choice)
        one = Theirs(torch, case, setting)
        count = epochs_of_a_sample(one.epochs(1))
        time.sleep(REST)
        fastest = min(one.epochs(count) for _ in range(3))
        if fastest < seconds:
            found, seconds = setting, fastest
    return found
