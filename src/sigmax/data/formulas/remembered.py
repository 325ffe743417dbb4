"""What transforms remember of the rows of a fit, out of formulaic's states into JSON, and checked back."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from sigmax.data.formulas.stated import listed, member, only, real, reals, truth, wrong

#: rows of constraints of a cubic spline, and knots: its memory is that of their square
_CONSTRAINTS, _KNOTS = 100, 2_000

State = dict[str, Any]


def state_out(name: str, state: State) -> State:
    """The state of a transform as JSON has it.

    Raises
    ------
    ValueError
        It is another one than the transform keeps of one column.
    """
    found = _out(name, state)
    for value in found.values():
        if value is not None and not np.isfinite(np.asarray(value, dtype=np.float64)).all():
            raise ValueError(f"what {name}() remembers is not finite")
    return found


def _out(name: str, state: State) -> State:
    try:
        if name in ("center", "scale", "standardize"):
            return {key: _array_out(state[key]) for key in ("ddof", "center", "scale")}
        if name == "poly":
            if not state:  # raw powers
                return {}
            alpha, norms = state["alpha"], state["norms2"]
            return {
                "alpha": [float(alpha[k]) for k in range(len(alpha))],
                "norms2": [float(norms[k]) for k in range(len(norms))],
            }
        found: State = {key: float(state[key]) for key in ("lower_bound", "upper_bound")}
        found["knots"] = [float(knot) for knot in state["knots"]]
        if name != "bs":
            held = state["constraints"]
            found["constraints"] = None if held is None else np.asarray(held, np.float64).tolist()
            found["cyclic"] = bool(state["cyclic"])
        return found
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"what {name}() remembers is not that of one column") from None


def _array_out(value: Any) -> Any:
    array = None if value is None else np.asarray(value)
    if array is not None and (array.ndim > 1 or array.dtype.kind not in "iufb"):
        raise ValueError
    return None if array is None else array.astype(np.float64).tolist()


def state_in(name: str, state: object, options: dict[str, Any], size: int, where: str) -> State:
    """The state of a transform as formulaic has it, from JSON.

    Parameters
    ----------
    name : str
        Of the transform.
    state : object
    options : dict
        What the transform is called with.
    size : int
        How many columns it may give at most.
    where : str
        Of messages.

    Raises
    ------
    ValueError
        Something is missing, is of another type or size than it can be, or is not finite.
    """
    reader: Callable[..., State]
    if name in ("center", "scale", "standardize"):
        reader = _scale_in
    elif name == "poly":
        reader = _poly_in
    else:
        reader = _spline_in
    return reader(name, state, options, size, where)


def _scale_in(name: str, state: object, options: State, size: int, where: str) -> State:
    found: State = {"ddof": real(member(state, "ddof", where), f"{where}.ddof")}
    for key in ("center", "scale"):
        value = member(state, key, where)
        if type(value) is list:
            numbers = reals(value, f"{where}.{key}")
            if len(numbers) > size:
                raise wrong(f"{where}.{key}", f"must have at most {size} numbers; it has {len(numbers)}")
            found[key] = np.array(numbers)
        else:
            found[key] = None if value is None else np.float64(real(value, f"{where}.{key}"))
    assert isinstance(state, dict)
    only(state, set(found), where)
    return found


def _poly_in(name: str, state: object, options: State, size: int, where: str) -> State:
    degree = 1 if options.get("degree") is None else options["degree"]
    if state == {} and options.get("raw"):
        return {}
    alpha = reals(member(state, "alpha", where), f"{where}.alpha")
    norms = reals(member(state, "norms2", where), f"{where}.norms2")
    assert isinstance(state, dict)
    only(state, {"alpha", "norms2"}, where)
    if len(alpha) != degree or len(norms) != degree + 1 or min(norms) <= 0.0:
        raise wrong(where, f"must be that of a polynomial of degree {degree}")
    return {
        "alpha": {k: np.float64(one) for k, one in enumerate(alpha)},
        "norms2": {k: np.float64(one) for k, one in enumerate(norms)},
    }


def _spline_in(name: str, state: object, options: State, size: int, where: str) -> State:
    found: State = {
        key: real(member(state, key, where), f"{where}.{key}") for key in ("lower_bound", "upper_bound")
    }
    knots = reals(member(state, "knots", where), f"{where}.knots")
    found["knots"] = knots
    assert isinstance(state, dict)
    rising = all(a <= b for a, b in itertools.pairwise(knots))
    if name == "bs":
        only(state, set(found), where)
        degree = 3 if options.get("degree") is None else options["degree"]
        # columns: knots - degree - 1, of which one may be left out
        if not rising or not 2 * degree + 2 <= len(knots) <= size + degree + 2:
            raise wrong(f"{where}.knots", f"must rise, and be those of at most {size} columns")
        return found
    found["constraints"] = _constraints_in(member(state, "constraints", where), len(knots), where)
    found["cyclic"] = truth(member(state, "cyclic", where), f"{where}.cyclic")
    only(state, set(found), where)
    rising = all(a < b for a, b in itertools.pairwise(knots))
    held = 0 if found["constraints"] is None else len(found["constraints"])
    if not rising or not 2 <= len(knots) <= min(size + held + 2, _KNOTS) or found["cyclic"] != (name == "cc"):
        raise wrong(where, f"must have knots that rise, of at most {size} columns, cyclic for cc() alone")
    if held and found["constraints"].shape != (held, len(knots) - found["cyclic"]):
        raise wrong(f"{where}.constraints", "must have a number for each knot")
    return found


def _constraints_in(value: object, most: int, where: str) -> Any:
    if value is None:
        return None
    rows = listed(value, f"{where}.constraints", reals, _CONSTRAINTS)
    if not rows or len({len(row) for row in rows}) > 1 or len(rows[0]) > most:
        raise wrong(f"{where}.constraints", "must be a matrix")
    return np.array(rows)
