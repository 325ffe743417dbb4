"""Random problems, small and nasty, each made from (seed, index, attempt) alone.

The index decides the family; an attempt is a new draw where the one before has no optimum.
The indices 0, 1, 2 are the three examples on which undamped Newton fails from ordinary data, as published.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

#: switches: what a family always has.  "some" takes two others at random, "all" each with an even chance
FAMILIES: dict[str, tuple[str, ...]] = {
    "plain": (),
    "weights": ("weights",),
    "offsets": ("offsets",),
    "warm start": ("start",),
    "rare classes": ("rare",),
    "heavy tails": ("heavy",),
    "grids and dummies": ("grid",),
    "near-collinear": ("collinear",),
    "column scales": ("scales",),
    "no intercept": ("bare",),
    "penalty": ("penalty",),
    "weights, warm start": ("weights", "start"),
    "offsets, heavy tails": ("offsets", "heavy"),
    "weights, rare, start": ("weights", "rare", "start"),
    "two at random": ("some",),
    "everything": ("all",),
}
PUBLISHED = "published failures"
SWITCHES = ("weights", "offsets", "start", "rare", "heavy", "grid", "collinear", "scales", "bare", "penalty")
#: chance of a switch in "everything", where it is not even
_CHANCE = {"penalty": 0.15, "bare": 0.2}

#: offsets are whole multiples of this, so that differences of two are exact: an oracle takes differences
_OFFSET_GRID = 2.0**-30
_CAUCHY_LIMIT = 1e3


@dataclass(frozen=True, eq=False)
class Problem:
    """One problem, as `sigmax.fit` takes it.

    Attributes
    ----------
    index, attempt : int
        What it was made from, beside the seed.
    family : str
    X : ndarray of shape (n, p)
    y : int ndarray of shape (n,)
        Codes 0 .. K-1; each has a row of positive weight.
    n_classes : int
        K.
    weight : ndarray of shape (n,), or None
    offset : ndarray of shape (n,) for K = 2, (n, K) else, or None
    start : ndarray, shape of the parameters, or None
    l2 : float
        Adds l2/2 ||slopes||^2; for K > 2 over all K classes, the reference included.
    intercept : bool
    """

    index: int
    attempt: int
    family: str
    X: np.ndarray
    y: np.ndarray
    n_classes: int
    weight: np.ndarray | None = None
    offset: np.ndarray | None = None
    start: np.ndarray | None = None
    l2: float = 0.0
    intercept: bool = True

    @property
    def n_logits(self) -> int:
        """m = K - 1."""
        return self.n_classes - 1

    def counted(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(design with its column of ones, codes, weights, offsets (n, K - 1)) of the rows that count."""
        n = len(self.y)
        ones = [np.ones(n)] if self.intercept else []
        D = np.column_stack([*ones, self.X])
        w = np.ones(n) if self.weight is None else self.weight
        o = np.zeros((n, self.n_logits))
        if self.offset is not None:
            o = self.offset[:, None] if self.offset.ndim == 1 else self.offset[:, 1:] - self.offset[:, :1]
        keep = w > 0.0
        return D[keep], self.y[keep], w[keep], o[keep]

    def arguments(self) -> dict[str, object]:
        """Keywords of `sigmax.fit`; no `l2` where there is no penalty."""
        given: dict[str, object] = {"fit_intercept": self.intercept}
        if self.weight is not None:
            given["sample_weight"] = self.weight
        if self.offset is not None:
            given["offset"] = self.offset
        if self.start is not None:
            given["start"] = self.start
        if self.l2 > 0.0:
            given["l2"] = self.l2
        return given

    def __str__(self) -> str:
        n, p = self.X.shape
        parts = [
            f"index {self.index} (attempt {self.attempt}), {self.family}: n={n} p={p} K={self.n_classes}"
        ]
        parts += [name for name in ("weight", "offset", "start") if getattr(self, name) is not None]
        parts += ["no intercept"] * (not self.intercept) + [f"l2={self.l2:.3g}"] * (self.l2 > 0.0)
        return ", ".join(parts)


def _published() -> tuple[Problem, ...]:
    def problem(index: int, x: list[float], y: list[int], **more: list[float]) -> Problem:
        arrays = {name: np.array(value) for name, value in more.items()}
        return Problem(index, 0, PUBLISHED, np.array(x)[:, None], np.array(y), 2, **arrays)

    return (
        problem(
            0,
            [-1.3, 3.1, 2.5, -491.4, 0.1, 1.3],
            [1, 1, 0, 1, 1, 0],
            weight=[201.61, 1.8, 2.36, 6.0, 9.33, 1.99],
        ),
        problem(
            1,
            [0.3, -0.7, 1.4, -7.3, -1.6, 1.7],
            [1, 0, 0, 0, 0, 0],
            offset=[1.59, 2.239, 10.004, -4.327, 0.744, -8.488],
        ),
        problem(2, [-3.7, -1.6, 1.4, -1.7, -0.9, 11.8], [1, 0, 0, 1, 0, 1], start=[-0.703, 1.121]),
    )


PUBLISHED_PROBLEMS = _published()


def family_of(index: int) -> str:
    """The family of a problem."""
    names = list(FAMILIES)
    return PUBLISHED if index < len(PUBLISHED_PROBLEMS) else names[index % len(names)]


def draw(seed: int, index: int, attempt: int, *, penalties: bool) -> Problem:
    """A problem; `penalties` is False where `sigmax.fit` takes no `l2`, and then none is drawn."""
    if index < len(PUBLISHED_PROBLEMS):
        return replace(PUBLISHED_PROBLEMS[index], attempt=attempt)
    rng = np.random.default_rng([seed, index, attempt])
    family = family_of(index)
    on = _switches(rng, FAMILIES[family])
    if not penalties:
        on -= {"penalty"}

    n_classes = int(rng.choice([2, 2, 2, 2, 2, 3, 3, 4, 5, 6]))
    p = int(rng.integers(1, 7))
    low = max(6, n_classes + 2, p + 2)
    n = round(float(np.exp(rng.uniform(np.log(low), np.log(200)))))
    X = _columns(rng, n, p, on)
    weight = _weights(rng, n) if "weights" in on else None
    offset = _offsets(rng, n, n_classes) if "offsets" in on else None
    y = _labels(rng, X, n_classes, rare="rare" in on)
    if weight is not None:
        # every class needs a row that counts
        for c in range(n_classes):
            if not (weight[y == c] > 0.0).any():
                weight[y == c] = 1.0
    intercept = "bare" not in on
    start = None
    if "start" in on:
        spread = X.std(axis=0)
        scale = np.where(spread > 0.0, spread, 1.0)
        scale = np.concatenate([[1.0], scale]) if intercept else scale
        start = rng.normal(0.0, 3.0, size=(n_classes - 1, len(scale))) / scale
        start = start[0] if n_classes == 2 else start
    l2 = float(rng.lognormal(0.0, 3.0)) if "penalty" in on else 0.0
    return Problem(index, attempt, family, X, y, n_classes, weight, offset, start, l2, intercept)


def _switches(rng: np.random.Generator, names: tuple[str, ...]) -> set[str]:
    if names == ("some",):
        return set(rng.choice(SWITCHES, 2, replace=False).tolist())
    if names == ("all",):
        return {one for one in SWITCHES if rng.random() < _CHANCE.get(one, 0.5)}
    return set(names)


def _column(rng: np.random.Generator, n: int, on: set[str]) -> np.ndarray:
    kinds = ["normal"]
    if "heavy" in on:
        kinds = ["student", "lognormal", "cauchy"]
    if "grid" in on:
        kinds = [*kinds, "dummy", "grid"] if "heavy" in on else ["dummy", "grid", "grid", "normal"]
    kind = str(rng.choice(kinds))
    if kind == "student":
        return rng.standard_t(1.5, n)
    if kind == "lognormal":
        return rng.lognormal(0.0, rng.uniform(1.0, 2.5), n)
    if kind == "cauchy":
        return np.clip(rng.standard_cauchy(n), -_CAUCHY_LIMIT, _CAUCHY_LIMIT)
    if kind == "dummy":
        return (rng.random(n) < rng.choice([0.05, 0.2, 0.5])).astype(float)
    if kind == "grid":
        return rng.integers(-2, 3, n).astype(float)
    return rng.normal(size=n) + rng.choice([0.0, 0.0, 3.0])


def _columns(rng: np.random.Generator, n: int, p: int, on: set[str]) -> np.ndarray:
    X = np.column_stack([_column(rng, n, on) for _ in range(p)])
    if "collinear" in on:
        for j in range(1, p):
            if rng.random() < 0.6:
                other = X[:, rng.integers(0, j)]
                spread = other.std() or 1.0
                X[:, j] = other + 10.0 ** -rng.uniform(1.0, 4.0) * spread * rng.normal(size=n)
        if p == 1:  # close to the intercept
            X[:, 0] = 1.0 + 10.0 ** -rng.uniform(1.0, 4.0) * rng.normal(size=n)
    if "scales" in on:
        X *= 10.0 ** rng.uniform(-6.0, 6.0, p)
    return X


def _weights(rng: np.random.Generator, n: int) -> np.ndarray:
    w = rng.lognormal(0.0, 3.0, n)
    if rng.random() < 0.2:
        w = np.ceil(w)  # frequencies
    if rng.random() < 0.2:
        w[rng.random(n) < 0.2] = 0.0
    return w


def _offsets(rng: np.random.Generator, n: int, n_classes: int) -> np.ndarray:
    o = rng.normal(0.0, 5.0, n if n_classes == 2 else (n, n_classes))
    return np.round(o / _OFFSET_GRID) * _OFFSET_GRID


def _labels(rng: np.random.Generator, X: np.ndarray, n_classes: int, *, rare: bool) -> np.ndarray:
    """Labels of the model with random coefficients, from none to strong ones; each class occurs."""
    p = X.shape[1]
    spread = X.std(axis=0)
    Z = (X - X.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    strength = rng.choice([0.0, 0.5, 1.0, 3.0]) / np.sqrt(p)
    logits = Z @ rng.normal(0.0, strength, (p, n_classes))
    if rare:
        logits[:, rng.permutation(n_classes)[: max(1, n_classes // 2)]] -= rng.uniform(2.0, 6.0)
    y = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    # a class that did not occur gets a row of the others, each another one
    absent = [c for c in range(n_classes) if not (y == c).any()]
    for c in absent:
        counts = np.bincount(y, minlength=n_classes)
        y[rng.choice(np.flatnonzero(counts[y] > 1))] = c
    return y
