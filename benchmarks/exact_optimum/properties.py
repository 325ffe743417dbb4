"""What the problems are like: measured from the data, and whether the estimate exists, with its proof.

rarest        share of the rarest class
correlation   how the columns were made, and the largest |r| of two of them as measured
condition     of the standardised design: root of the largest over the smallest eigenvalue of the
              correlation matrix R; columns without variation are left out.  inf where R has no eigenvalue
              that its rounding leaves, p eps times the largest.
scales        largest over smallest standard deviation of a column, as libraries are given them
0/1, zeros    columns of nothing but 0 and 1, and the share of zeros in X
bytes         X, y, weights, groups
estimate      whether it exists, and which proof sigmax gives:

    bound       nu R < 1 at the point where the fit ended (sigmax/solvers/certificate.py): a convex function
                that rises on a sphere around it has its one minimum inside.  The radius is shown, in
                standard errors.
    examined    the fit has no bound, and the rows themselves were asked, in whole numbers
                (sigmax/existence): no direction separates the classes, or this one does.

With a penalty the bound is that of the penalised estimate; whether the classes overlap without it is asked
where that is cheap, and otherwise said to be open.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import files
import numpy as np
import problems
import real
from problems import Float, Problem, Spec

import sigmax as sx
from sigmax.bench.report import aligned, number

#: rows that are centred at once
_BLOCK = 4096
#: parameters and numbers in X up to which the question of overlap is cheap beside a penalised fit
_FEW_PARAMETERS, _FEW_NUMBERS = 100, 200_000


@dataclass(frozen=True)
class Existence:
    """Whether the estimate exists.

    Attributes
    ----------
    exists : bool or None
        Of a problem with many fits: of all of them.  None: not proved.
    proof : {"bound", "examined", ""}
    standard_errors_off : float or None
        Largest proved distance to the optimum, of a proof by bound.
    overlap : bool or None
        Whether the classes overlap, that is, the estimate without a penalty exists; None: not asked, or
        undecided.
    said : str
        In words.
    """

    exists: bool | None
    proof: str
    standard_errors_off: float | None
    overlap: bool | None
    said: str


@dataclass(frozen=True)
class Properties:
    """Of a problem.

    Attributes
    ----------
    name : str
    n, p, K, fits : int
        n: rows in X.
    l2 : float
    rarest : float
    construction : str
    largest_correlation : float or None
        None with less than two columns that vary.
    condition : float
    scales : float
    constant_columns, zero_one_columns : int
    zeros : float
    bytes : int
    dropped : int
    existence : Existence
    """

    name: str
    n: int
    p: int
    K: int
    fits: int
    l2: float
    rarest: float
    construction: str
    largest_correlation: float | None
    condition: float
    scales: float
    constant_columns: int
    zero_one_columns: int
    zeros: float
    bytes: int
    dropped: int
    existence: Existence

    def record(self) -> dict[str, Any]:
        """Ready for JSON, which has no infinity."""
        return asdict(self) | {"condition": self.condition if np.isfinite(self.condition) else None}


def construction(spec: Spec) -> str:
    """How the data come about, in words."""
    if spec.source != "generated":
        return (real.SOURCES | files.SOURCES)[spec.source]
    power = "^|i - j|" if spec.columns == "chain" else ""
    said = [f"{spec.numeric} normal columns, r = {spec.correlation:g}{power}"]
    if spec.factors:
        levels = " and ".join(map(str, spec.factors))
        said.append(f"factors of {levels} levels as {spec.p - spec.numeric} 0/1 columns")
    if spec.size != 1.0:
        said.append(f"sizes {1.0 / spec.size:g} .. {spec.size:g}")
    if spec.against >= 0:
        said.append(f"class {1 + spec.against} of {spec.drawn} against the rest")
    elif spec.shares:
        said.append(f"shares {', '.join(f'{share:.3g}' for share in spec.shares)}")
    return ", ".join(said) + f", seed {spec.seed}"


def correlations(X: Float) -> tuple[Float, Float]:
    """The correlation matrix of the columns that vary, and the standard deviation of every column."""
    mean, low, high = X.mean(axis=0), X.min(axis=0), X.max(axis=0)
    some = low < high
    S = np.zeros((np.count_nonzero(some),) * 2)
    for start in range(0, len(X), _BLOCK):
        centred = X[start : start + _BLOCK, some] - mean[some]
        S += centred.T @ centred
    root = np.sqrt(np.diag(S))
    R: Float = S / root / root[:, None]
    deviations = np.zeros(X.shape[1])
    deviations[some] = root / np.sqrt(len(X))
    return R, deviations


def condition_number(R: Float) -> float:
    """Of the standardised design whose correlation matrix is R."""
    if not len(R):
        return 1.0
    eigenvalues = np.linalg.eigvalsh(R)
    least, largest = float(eigenvalues[0]), float(eigenvalues[-1])
    noise = len(R) * np.finfo(float).eps * largest
    return float(np.sqrt(largest / least)) if least > noise else float("inf")


def describe(problem: Problem, n_threads: int | None = None) -> Properties:
    """Measured, and one fit for the proof."""
    spec, X, y = problem.spec, problem.X, problem.y
    R, deviations = correlations(X)
    varying = deviations[deviations > 0.0]
    zeros, zero_one = 0, np.ones(X.shape[1], dtype=bool)
    for start in range(0, len(X), _BLOCK):
        block = X[start : start + _BLOCK]
        zeros += block.size - int(np.count_nonzero(block))
        zero_one &= ((block == 0.0) | (block == 1.0)).all(axis=0)
    arrays = (X, y, problem.weights, problem.groups)
    return Properties(
        name=spec.name,
        n=len(X),
        p=spec.p,
        K=spec.K,
        fits=spec.fits,
        l2=spec.l2,
        rarest=float(np.bincount(y, minlength=spec.K).min() / len(y)),
        construction=construction(spec),
        largest_correlation=float(np.abs(R - np.eye(len(R))).max()) if len(R) > 1 else None,
        condition=condition_number(R),
        scales=float(varying.max() / varying.min()) if len(varying) else 1.0,
        constant_columns=len(deviations) - len(varying),
        zero_one_columns=int(zero_one.sum()),
        zeros=zeros / X.size,
        bytes=sum(a.nbytes for a in arrays if a is not None),
        dropped=problem.dropped,
        existence=existence(problem, n_threads),
    )


# -- the proof ---------------------------------------------------------------------------------


def existence(problem: Problem, n_threads: int | None = None) -> Existence:
    """What sigmax proves about the estimate."""
    spec = problem.spec
    with warnings.catch_warnings():
        # separated, or without a bound: that is what is asked
        warnings.simplefilter("ignore", sx.SeparationWarning)
        warnings.simplefilter("ignore", sx.ConvergenceWarning)
        if spec.many:
            given: dict[str, Any] = (
                {"groups": problem.groups} if problem.weights is None else {"sample_weight": problem.weights}
            )
            return _of_many(sx.fit_many(problem.X, problem.y, l2=spec.l2, n_threads=n_threads, **given))
        found = _of_one(problem, spec.l2, n_threads)
        if not spec.l2:
            return found
        few = (spec.K - 1) * (1 + spec.p) <= _FEW_PARAMETERS and problem.X.size <= _FEW_NUMBERS
        if not few:
            return Existence(**asdict(found) | {"overlap": None, "said": f"{found.said}; overlap not asked"})
        bare = _of_one(problem, 0.0, n_threads)
    return Existence(
        **asdict(found) | {"overlap": bare.exists, "said": f"{found.said}; without it: {bare.said}"}
    )


def _of_one(problem: Problem, l2: float, n_threads: int | None) -> Existence:
    result = sx.fit(problem.X, problem.y, l2=l2, n_threads=n_threads)
    c = result.certificate
    under = f"l2 = {l2:g}, " if l2 else ""
    if c.exists and np.isfinite(c.standard_errors_off):
        said = f"{under}bound: {c.standard_errors_off:.0e} se from the optimum"
        return Existence(True, "bound", float(c.standard_errors_off), None if l2 else True, said)
    if c.exists is None:
        return Existence(None, "", None, None, f"{under}not proved: {c.reason}")
    overlap = None if l2 else c.exists
    said = "no direction separates" if c.exists else f"separated ({c.reason})"
    return Existence(c.exists, "examined", None, overlap, f"{under}examined: {said}")


def _of_many(found: Any) -> Existence:
    """Each fit has a bound of its own; those without one are not asked any further."""
    bound = np.asarray(found.error_bound).reshape(len(found), -1).max(axis=1)
    proved = np.isfinite(bound)
    some = int(proved.sum())
    if some < len(found):
        return Existence(None, "", None, None, f"bound of {some:,} of {len(found):,} fits only")
    worst = float(bound.max())
    return Existence(True, "bound", worst, True, f"bound of all {some:,} fits: {worst:.0e} se or less")


# -- the table ---------------------------------------------------------------------------------

_HEAD = ["", "n", "p", "K", "rarest", "max |r|", "condition", "scales", "0/1", "zeros", "MB"]


def table(found: Sequence[Properties | tuple[str, str]]) -> str:
    """Two lines for each problem: figures, then words.  A pair is a name and why its data are missing."""
    rows = [_HEAD]
    for one in found:
        if isinstance(one, Properties):
            r = one.largest_correlation
            rows.append(
                [
                    one.name,
                    f"{one.n:,}",
                    f"{one.p:,}",
                    str(one.K),
                    f"{100 * one.rarest:.2g} %",
                    "" if r is None else f"{r:.3f}",
                    number(one.condition),
                    number(one.scales),
                    str(one.zero_one_columns),
                    f"{100 * one.zeros:.0f} %",
                    number(one.bytes / 1e6),
                ]
            )
        else:
            rows.append([one[0], *[""] * (len(_HEAD) - 1)])
    lines = aligned(rows, 1)
    shown = [lines[0]]
    for line, one in zip(lines[1:], found, strict=True):
        shown.append(line.rstrip())
        if isinstance(one, Properties):
            extra = f", {one.dropped:,} rows left out" if one.dropped else ""
            extra += f", {one.constant_columns} columns without variation" if one.constant_columns else ""
            shown += [f"    {one.construction}{extra}", f"    {one.existence.said}"]
        else:
            shown.append(f"    missing: {one[1]}")
    return "\n".join(shown)


def report(
    specs: Sequence[Spec], n_threads: int | None = None
) -> tuple[list[Properties | tuple[str, str]], list[dict[str, Any]]]:
    """Properties of each, or why there are none; and the same ready for JSON."""
    found: list[Properties | tuple[str, str]] = []
    records: list[dict[str, Any]] = []
    for spec in specs:
        # the large ones take long
        print(f"  {spec.name}", file=sys.stderr, flush=True)
        try:
            problem = problems.make(spec)
        except ImportError as error:
            found.append((spec.name, str(error)))
            records.append({"name": spec.name, "missing": str(error)})
            continue
        one = describe(problem, n_threads)
        # before the next one is made
        del problem
        found.append(one)
        records.append(one.record())
    return found, records
