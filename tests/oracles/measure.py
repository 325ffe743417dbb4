"""What a backend makes of a chunk of points, and how far that is from the exact values, in ulp.

A chunk knows its points, the outputs a backend has for them, and the errors of those outputs: `Errors`, one
for each quantity, with the words that describe element i.  The exact values are computed once a chunk,
however many backends are measured.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from oracles import exact, line_points, points
from oracles.exact import Exact, ExactLine, ExactRows

#: quantity -> what a backend gave; `nll` of single rows for a part of the points only
Outputs = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors of one quantity, (n,), and the description of element i."""

    quantity: str
    K: int | None
    ulps: np.ndarray
    where: Callable[[int], str]


def _empty(shape) -> np.ndarray:
    return np.full(shape, np.nan)


def _nll_of_each(rows: Callable, logits: np.ndarray, y: np.ndarray, *out) -> np.ndarray:
    """NLL row by row: a call for each, as the sum over rows is all that an operation returns."""
    pairs = [rows(z, code, *out) for z, code in zip(logits[:, None, :], y[:, None], strict=True)]
    found = np.array(pairs).reshape(-1, 2)
    # one row: nothing is left to carry
    return np.where(found[:, 1] == 0.0, found[:, 0], np.nan)


# -- functions of one number, and the binary model -------------------------------------------------


class Numbers:
    """Functions of one number and rows of the binary model, at n / 2 magnitudes and both signs."""

    def __init__(self, seed: int, n: int, *, switches: tuple[int, int] | None = None) -> None:
        found = points.magnitudes(seed, n // 2) if switches is None else points.near_switches(*switches)
        self.magnitude = found
        self.x = np.concatenate([found, -found])

    def outputs(self, kernels, every: int = 1) -> Outputs:
        """Every quantity; the NLL of single rows at every `every`-th point."""
        x, out = self.x, {}
        for name, operation, argument in (
            ("exp", kernels.exp, x),
            ("sigmoid", kernels.expit, x),
            ("1 - sigmoid", kernels.expit, -x),
            ("log1pexp", kernels.log1pexp, x),
            ("log_expit", kernels.log_expit, x),
            ("tanh", kernels.tanh, x),
        ):
            out[name] = _empty(x.shape)
            operation(argument, out[name])
        eta, one = x[:, None].copy(), _empty((1, 1))
        for y in (0, 1):
            codes, residual, weight = np.full(len(x), y, np.int32), _empty(eta.shape), _empty(eta.shape)
            with np.errstate(over="ignore"):  # the sum of the rows is beyond the range
                kernels.binary_rows(eta, codes, residual, weight)
            out[f"residual, y = {y}"], out[f"weight, y = {y}"] = residual[:, 0], weight[:, 0]
            out[f"nll, y = {y}"] = _nll_of_each(kernels.binary_rows, eta[::every], codes[::every], one, one)
        return out

    @functools.cached_property
    def exact(self) -> dict[str, Exact]:
        return exact.of_numbers(self.magnitude)

    def errors(self, outputs: Outputs, every: int = 1) -> Iterator[Errors]:
        for name, got in outputs.items():
            if name.startswith("nll"):
                ulps = self.exact[name][::every].ulps(got)
                yield Errors("nll", None, ulps, lambda i: self.describe(i * every))
            else:
                of = "weight" if name.startswith("weight") else name
                yield Errors(name.split(",")[0], None, self.exact[of].ulps(got), self.describe)

    def describe(self, i: int) -> str:
        x = float(self.x[i])
        return f"x = {x.hex()} = {x!r}"


# -- rows of logits --------------------------------------------------------------------------------

#: up to so many classes, 1 - p is measured for every one of them; beyond, for `_LABELS`
_ALL_CLASSES = 10
_LABELS = 8


class Rows:
    """Functions of rows that have a logit for every class."""

    def __init__(self, family: str, K: int, seed: int, n: int) -> None:
        self.points = points.rows(family, K, seed, n)
        self.logits, self.y = self.points.logits, self.points.y
        self.n, self.K = self.logits.shape
        # (labels, n): the classes whose 1 - p is measured, from the gradient of the cross-entropy
        if K <= _ALL_CLASSES:
            labels = np.repeat(np.arange(K)[:, None], n, axis=1)
        else:
            fixed = np.repeat(np.linspace(0, K - 1, _LABELS - 2).astype(int)[:, None], n, axis=1)
            labels = np.vstack([self.logits.argmax(axis=1), self.y, fixed])
        self.labels = labels.astype(np.int32)

    def outputs(self, kernels, every: int = 1) -> Outputs:
        shape, rows = self.logits.shape, np.arange(self.n)
        out = {"softmax": _empty(shape), "log_softmax": _empty(shape), "logsumexp": _empty(self.n)}
        others, gradient = _empty(self.labels.shape), _empty(shape)
        with np.errstate(over="ignore"):
            kernels.softmax(self.logits, out["softmax"])
            kernels.log_softmax(self.logits, out["log_softmax"])
            kernels.logsumexp(self.logits, out["logsumexp"])
            for label, row in zip(self.labels, others, strict=True):
                kernels.cross_entropy(self.logits, label, gradient)
                row[:] = -gradient[rows, label]
            out["1 - softmax"] = others
            out["gradient"] = _empty(shape)
            kernels.cross_entropy(self.logits, self.y, out["gradient"])
            out["cross-entropy"] = _nll_of_each(
                kernels.cross_entropy, self.logits[::every], self.y[::every], None
            )
        return out

    @functools.cached_property
    def exact(self) -> ExactRows:
        return exact.of_rows(self.logits)

    def errors(self, outputs: Outputs, every: int = 1) -> Iterator[Errors]:
        E, K = self.exact, self.K
        start = np.arange(self.n) * K

        def element(i: int) -> str:
            return self.points.describe(i // K, i % K)

        yield Errors("softmax", K, E.softmax.ulps(outputs["softmax"]), element)
        yield Errors("log_softmax", K, (-E.nll).ulps(outputs["log_softmax"]), element)
        others = E.others[(start + self.labels).ravel()].ulps(outputs["1 - softmax"])
        yield Errors(
            "1 - softmax",
            K,
            others,
            lambda i: self.points.describe(i % self.n, int(self.labels.ravel()[i])),
        )
        gradient = E.softmax.ulps(outputs["gradient"])
        gradient[start + self.y] = (-E.others[start + self.y]).ulps(outputs["gradient"][start // K, self.y])
        yield Errors("residual of the cross-entropy", K, gradient, element)
        nll = E.nll[(start + self.y)[::every]].ulps(outputs["cross-entropy"])
        yield Errors("cross-entropy", K, nll, lambda i: self.points.describe(i * every))
        yield from self._sum_errors(outputs["logsumexp"])

    def _sum_errors(self, got: np.ndarray) -> Iterator[Errors]:
        """a + log1p(s): in ulp, or where the two cancel, in units of what their rounding allows."""
        E = self.exact
        ulps = E.logsumexp.ulps(got)
        well, ill = np.flatnonzero(~E.cancels()), np.flatnonzero(E.cancels())
        yield Errors("logsumexp", self.K, ulps[well], lambda i: self.points.describe(int(well[i])))
        yield Errors(
            "logsumexp that cancels, of its bound",
            self.K,
            (ulps / E.logsumexp_bound())[ill],
            lambda i: self.points.describe(int(ill[i])),
        )


class ModelRows:
    """Rows of the multinomial model: class 0 is the reference, with logit 0."""

    def __init__(self, family: str, K: int, seed: int, n: int) -> None:
        self.points = points.rows(family, K, seed, n, model=True)
        self.eta, self.y = self.points.logits[:, 1:].copy(), self.points.y
        self.n, self.K = self.points.logits.shape

    def outputs(self, kernels, every: int = 1) -> Outputs:
        n, m = self.eta.shape
        residual, weight = _empty((n, m)), _empty((n, m, m))
        with np.errstate(over="ignore"):
            kernels.softmax_rows(self.eta, self.y, residual, weight)
            one = _empty((1, m)), _empty((1, m, m))
            nll = _nll_of_each(kernels.softmax_rows, self.eta[::every], self.y[::every], *one)
        return {"nll": nll, "residual": residual, "weight": weight}

    @functools.cached_property
    def exact(self) -> ExactRows:
        return exact.of_rows(self.points.logits, pairs=True)

    def errors(self, outputs: Outputs, every: int = 1) -> Iterator[Errors]:
        E, n, K, m = self.exact, self.n, self.K, self.K - 1
        start, describe = np.arange(n) * K, self.points.describe
        nll = E.nll[(start + self.y)[::every]].ulps(outputs["nll"])
        yield Errors("softmax_rows nll", K, nll, lambda i: describe(i * every))
        k = np.arange(1, K)
        at = (start[:, None] + k).ravel()
        true = (self.y[:, None] == k).ravel()
        residual = np.where(
            true, (-E.others[at]).ulps(outputs["residual"]), E.softmax[at].ulps(outputs["residual"])
        )
        yield Errors("softmax_rows residual", K, residual, lambda i: describe(i // m, 1 + i % m))
        upper, lower = np.triu_indices(m)
        ulps = np.maximum(  # the other triangle holds the same
            E.pairs.ulps(outputs["weight"][:, upper, lower]), E.pairs.ulps(outputs["weight"][:, lower, upper])
        ).reshape(n, -1)
        for name, chosen in (("weight, diagonal", upper == lower), ("weight, off-diagonal", upper != lower)):
            size = int(chosen.sum())
            if size:
                yield Errors(
                    f"softmax_rows {name}", K, ulps[:, chosen].ravel(), lambda i, s=size: describe(i // s)
                )


# -- along a line ----------------------------------------------------------------------------------


class LineRows:
    """Change and derivatives along a line, row by row, with a step for each row."""

    def __init__(self, lines: line_points.Lines, *, softmax: bool) -> None:
        self.lines, self.softmax = lines, softmax
        self.K = lines.eta.shape[1] + 1

    def outputs(self, kernels, every: int = 1) -> Outputs:
        """Change and derivatives; of all rows, whatever `every` is."""
        L, operation = self.lines, kernels.softmax_line if self.softmax else kernels.binary_line
        rows = zip(L.eta[:, None], L.slope[:, None], L.y[:, None], L.step.tolist(), strict=True)
        found = [operation(*row) for row in rows]
        if any(low != 0.0 for (_, low), _, _ in found):
            raise AssertionError("one row left something in the low word")
        names = ("change", "first", "second")
        return dict(zip(names, np.array([(c, f, s) for (c, _), f, s in found]).T.copy(), strict=True))

    @functools.cached_property
    def exact(self) -> ExactLine:
        L = self.lines
        return exact.of_lines(L.eta, L.slope, L.y, L.step)

    def errors(self, outputs: Outputs, every: int = 1) -> Iterator[Errors]:
        E, K, describe = self.exact, self.K, self.lines.describe
        change = E.change.ulps(outputs["change"])
        if not self.softmax:
            yield Errors("binary_line change", None, change, describe)
            return
        yield Errors("softmax_line change", K, change, describe)
        yield Errors("softmax_line change, of its bound", K, change / self.exact.change_bound(K), describe)
