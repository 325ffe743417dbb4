"""The exponent with which a cost grows, from its values at several sizes.

    log y = a + b log x,      b: the slope,      error^2 = sum r^2 / (k - 2) / sum (log x - mean)^2

by least squares over k points with residuals r.  Small sizes cost what a call costs whatever its size, so
that only the upper half of the points counts, three at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

#: points that a slope and its error need
FEWEST = 3


@dataclass(frozen=True)
class Slope:
    """Of log cost against log size.

    Attributes
    ----------
    value, error : float
        Of least squares, and its standard error.
    start, end : float
        The sizes between which it was measured.
    theory : str
        What is expected: "1", "1 to 2".
    why : str
        Where that comes from, or why it may be another.
    """

    value: float
    error: float
    start: float
    end: float
    theory: str = ""
    why: str = ""

    def record(self) -> dict[str, Any]:
        """Ready for JSON."""
        found = asdict(self)
        return {"value": found.pop("value"), "error": found.pop("error")} | {
            "from": found.pop("start"),
            "to": found.pop("end"),
            **found,
        }


def power(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Exponent and its standard error.

    Raises
    ------
    ValueError
        Fewer than three points, sizes that do not differ, or a number that has no logarithm.
    """
    if len(x) != len(y) or len(x) < FEWEST:
        raise ValueError(f"a slope needs {FEWEST} points or more; got {len(x)} sizes and {len(y)} costs")
    if min(*x, *y) <= 0.0:
        raise ValueError(f"sizes and costs must be positive; got {min(x)} and {min(y)} as the least")
    u, v = np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float))
    u, v = u - u.mean(), v - v.mean()
    if not u.any():
        raise ValueError(f"sizes must differ; got {x[0]:g} alone")
    value = (u @ v) / (u @ u)
    residual = v - value * u
    error = np.sqrt((residual @ residual) / (len(x) - 2) / (u @ u))
    return float(value), float(error)


def upper(count: int) -> int:
    """Where the upper half of `count` points begins; of an odd number it has the middle one."""
    return count // 2


def fitted(
    x: Sequence[float], y: Sequence[float], theory: str = "", why: str = "", *, all_points: bool = False
) -> Slope | None:
    """The slope over the upper half of the points, which are in ascending order.

    Parameters
    ----------
    x, y : sequence of float
        Sizes and costs.  Costs that are not positive have no logarithm and are left out.
    theory, why : str
        As in `Slope`.
    all_points : bool
        Whether the small sizes count too.

    Returns
    -------
    Slope or None
        None where fewer than three points are left.
    """
    start = 0 if all_points else upper(len(x))
    kept = [(a, b) for a, b in zip(x[start:], y[start:], strict=True) if b > 0.0]
    if len(kept) < FEWEST:
        return None
    sizes, costs = zip(*kept, strict=True)
    return Slope(*power(sizes, costs), float(sizes[0]), float(sizes[-1]), theory, why)
