"""One problem of the campaign, made from (seed, index) alone; the index decides its kind."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

_DRAWS = 200


@dataclass(frozen=True, eq=False)
class Problem:
    """One problem, as `sigmax.fit` takes it.

    Attributes
    ----------
    index : int
    kind : str
        A key of `kinds.KINDS`.
    X : ndarray of shape (n, p)
    y : ndarray of shape (n,), labels 0 .. K-1, or (n, K), counts
    n_classes : int
        K; each class has an observation of positive weight, unless `declared`.
    weight : ndarray of shape (n,), or None
    offset : ndarray of shape (n,) for K = 2, (n, K) else, or None
    intercept : bool
    declared : bool
        Whether ``classes=range(K)`` is told.
    layout : str
        How X lies in memory, or its dtype.
    l2 : float
        Penalty of the slopes: with one, only intercepts can run away.
    start : float
        Size of a random start; 0 for none.
    """

    index: int
    kind: str
    X: np.ndarray
    y: np.ndarray
    n_classes: int
    weight: np.ndarray | None = None
    offset: np.ndarray | None = None
    intercept: bool = True
    declared: bool = False
    layout: str = ""
    l2: float = 0.0
    start: float = 0.0

    def given(self) -> np.ndarray:
        """X as it is handed to `sigmax.fit`: the same numbers."""
        X = self.X
        if self.layout in ("float32", "int8"):
            return X.astype(self.layout)
        if self.layout == "fortran":
            return np.asfortranarray(X)
        if self.layout == "every other":
            wide = np.full((2 * X.shape[0], 3 * X.shape[1]), np.nan)
            wide[::2, 1::3] = X
            return wide[::2, 1::3]
        if self.layout == "reversed":
            return np.ascontiguousarray(X[::-1])[::-1]
        return X

    def seen(self) -> np.ndarray:
        """Which classes each row that counts has observations of, bool (n, K)."""
        seen = self.y > 0.0 if self.y.ndim == 2 else self.y[:, None] == np.arange(self.n_classes)
        return seen if self.weight is None else seen & (self.weight > 0.0)[:, None]

    def masses(self) -> np.ndarray:
        """How many observations of each class a row stands for, float (n, K)."""
        counts = self.y if self.y.ndim == 2 else self.seen().astype(np.float64)
        return counts * (1.0 if self.weight is None else self.weight[:, None])

    def design(self) -> np.ndarray:
        """X with its column of ones first, where there is one."""
        return np.column_stack([np.ones(len(self.X)), self.X]) if self.intercept else self.X

    def offsets(self) -> np.ndarray:
        """One for each class, the first column 0, float (n, K)."""
        found = np.zeros((len(self.X), self.n_classes))
        if self.offset is not None and self.offset.ndim == 1:
            found[:, 1] = self.offset
        elif self.offset is not None:
            found = self.offset - self.offset[:, :1]
        return found

    def arguments(self) -> dict[str, object]:
        """Keywords of `sigmax.fit`."""
        given: dict[str, object] = {"fit_intercept": self.intercept}
        if self.weight is not None:
            given["sample_weight"] = self.weight
        if self.offset is not None:
            given["offset"] = self.offset
        if self.declared:
            given["classes"] = list(range(self.n_classes))
        if self.l2 > 0.0:
            given["l2"] = self.l2
        if self.start > 0.0:
            k, m = self.X.shape[1] + self.intercept, self.n_classes - 1
            shape = (k,) if m == 1 else (m, k)
            given["start"] = np.random.default_rng(self.index).normal(size=shape) * self.start
        return given

    def __str__(self) -> str:
        n, p = self.X.shape
        parts = [f"index {self.index}, {self.kind}: n={n} p={p} K={self.n_classes}"]
        parts += [name for name in ("weight", "offset") if getattr(self, name) is not None]
        parts += ["no intercept"] * (not self.intercept) + ["counts"] * (self.y.ndim == 2)
        parts += [self.layout] * bool(self.layout) + [f"start {self.start:g}"] * (self.start > 0.0)
        parts += [f"l2 {self.l2:g}"] * (self.l2 > 0.0)
        return ", ".join(parts + ["declared"] * self.declared)


def complete(problem: Problem) -> Problem | None:
    """The problem with labels 0 .. K-1 of the classes that are observed; None where they are not two.

    None, too, where the design has nothing but zeros: that is no problem, and `sigmax.fit` refuses it.
    """
    if not problem.design()[problem.seen().any(axis=1)].any():
        return None
    seen = problem.seen().any(axis=0)
    if problem.declared:
        return problem if problem.seen().any() else None
    present = np.flatnonzero(seen)
    if len(present) < 2:
        return None
    if len(present) == problem.n_classes:
        return problem
    offset = problem.offset
    if offset is not None and offset.ndim == 2:
        offset = offset[:, present]
    if problem.y.ndim == 2:
        return replace(problem, y=problem.y[:, present], n_classes=len(present), offset=offset)
    # labels that only rows of weight 0 have become those of a class that is there: they do not count
    y = np.minimum(np.searchsorted(present, problem.y), len(present) - 1)
    return replace(problem, y=y, n_classes=len(present), offset=offset)


def kind_of(index: int) -> str:
    """The kinds in turn."""
    import kinds

    return tuple(kinds.KINDS)[index % len(kinds.KINDS)]


def draw(seed: int, index: int) -> Problem:
    """Problem `index`, the first of its draws that has two classes."""
    import kinds

    kind = kind_of(index)
    for attempt in range(_DRAWS):
        rng = np.random.default_rng((seed, index, attempt))
        drawn = kinds.KINDS[kind](rng)
        found = complete(
            Problem(
                index,
                kind,
                np.ascontiguousarray(drawn["X"], dtype=np.float64),
                drawn["y"],
                drawn["K"],
                drawn.get("weight"),
                drawn.get("offset"),
                drawn.get("intercept", True),
                drawn.get("declared", False),
                drawn.get("layout", ""),
                drawn.get("l2", 0.0),
                drawn.get("start", 0.0),
            )
        )
        if found is not None:
            return found
    raise AssertionError(f"{_DRAWS} draws of problem {index}, {kind}, have no two classes")
