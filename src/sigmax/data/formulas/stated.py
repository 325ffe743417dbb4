"""What a stored state holds, piece by piece checked: it is read from files that anyone may have written."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

#: pieces that a state may have of a kind, characters of a name, and digits of a whole number
MANY, TEXT, _WHOLE = 1_000_000, 10_000, 2**64

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_T = TypeVar("_T")


def wrong(where: str, what: str) -> ValueError:
    """An error that says where in the state something is wrong."""
    return ValueError(f"the stored formula is damaged or foreign: {where} {what}")


def member(state: object, key: str, where: str) -> Any:
    """A member of a dict with keys of text.

    Raises
    ------
    ValueError
        It is no such dict, or has no such key.
    """
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise wrong(where, f"must be a dict with keys of text; got {type(state).__name__}")
    if key not in state:
        raise wrong(where, f"has no {key!r}")
    return state[key]


def only(state: dict[str, Any], keys: set[str], where: str) -> None:
    """Refuse keys that nobody knows."""
    if strange := sorted(set(state) - keys):
        raise wrong(where, f"has {strange[0]!r}, which is unknown")


def text(value: object, where: str) -> str:
    """A str of bounded length."""
    if type(value) is not str or len(value) > TEXT:
        raise wrong(where, f"must be text of at most {TEXT} characters; got {shown(value)}")
    return value


def truth(value: object, where: str) -> bool:
    """A bool."""
    if type(value) is not bool:
        raise wrong(where, f"must be true or false; got {shown(value)}")
    return value


def whole(value: object, where: str, least: int, most: int) -> int:
    """An int from `least` to `most`."""
    if type(value) is not int or not least <= value <= most:
        raise wrong(where, f"must be a whole number from {least} to {most}; got {shown(value)}")
    return value


def real(value: object, where: str) -> float:
    """A finite float; whole numbers are, too."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong(where, f"must be a number; got {shown(value)}")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise wrong(where, f"must be a finite number; got {shown(value)}")
    return found


def listed(value: object, where: str, each: Callable[[Any, str], _T], most: int = MANY) -> list[_T]:
    """A list, each of its members checked."""
    if type(value) is not list or len(value) > most:
        what = f"a list of {len(value)}" if type(value) is list else shown(value)
        raise wrong(where, f"must be a list of at most {most}; got {what}")
    return [each(one, f"{where}[{i}]") for i, one in enumerate(value)]


def reals(value: object, where: str) -> list[float]:
    """A list of finite floats."""
    return listed(value, where, real)


def shown(value: object) -> str:
    """A value in a message, cut where it is long."""
    if isinstance(value, dict | list):
        return f"a {type(value).__name__}"
    if isinstance(value, int) and value.bit_length() > 256:
        return "a whole number of many digits"
    found = repr(value)
    return found if len(found) <= 80 else f"{found[:77]}..."


# -- levels of a factor ------------------------------------------------------------------------------


def level_out(level: Any) -> Any:
    """A level as JSON has it: text, truth values and numbers as they are, times and intervals tagged.

    Raises
    ------
    ValueError
        It is of another type.
    """
    import pandas as pd

    if type(level) in (str, bool) or (type(level) is int and abs(level) < _WHOLE):
        return level
    if type(level) is float and math.isfinite(level):
        return level
    if type(level) is pd.Timestamp and level.tz is None:
        try:
            return {"time": int(level.as_unit("ns").value)}
        except (ValueError, OverflowError):  # before 1677, or after 2262
            raise ValueError(f"the level {level!r}, a time out of the range of nanoseconds") from None
    if type(level) is datetime.date:
        return {"date": level.isoformat()}
    if type(level) is pd.Interval:
        ends = [level_out(_plain(end)) for end in (level.left, level.right)]
        return {"interval": ends, "closed": str(level.closed)}
    raise ValueError(f"the level {level!r} of type {type(level).__name__}")


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def level_in(value: object, where: str) -> Any:
    """A level from JSON.

    Raises
    ------
    ValueError
        It is none.
    """
    import pandas as pd

    if type(value) is str:
        return text(value, where)
    if type(value) is bool:
        return value
    if type(value) is int:
        return whole(value, where, -_WHOLE, _WHOLE)
    if type(value) is float:
        return real(value, where)
    if type(value) is dict:
        if set(value) == {"time"}:
            return pd.Timestamp(whole(value["time"], where, -(2**63) + 1, 2**63 - 1), unit="ns")
        if set(value) == {"date"} and _DATE.fullmatch(text(value["date"], where)):
            try:
                return datetime.date.fromisoformat(value["date"])
            except ValueError as error:
                raise wrong(where, f"is no date: {error}") from None
        if set(value) == {"interval", "closed"}:
            return _interval(value, where)
    raise wrong(where, f"must be a level: text, a number, a truth value, a time; got {shown(value)}")


def _interval(value: dict[str, Any], where: str) -> Any:
    import pandas as pd

    ends = value["interval"]
    if (
        type(ends) is not list
        or len(ends) != 2
        or any(type(end) is dict and "time" not in end for end in ends)
    ):
        raise wrong(where, "must be an interval of two ends")
    left, right = (level_in(end, where) for end in ends)
    closed = value["closed"]
    if type(closed) is not str or closed not in ("left", "right", "both", "neither"):
        raise wrong(where, f"must be an interval closed somewhere; got {shown(closed)}")
    try:
        return pd.Interval(left, right, closed=cast(Any, closed))
    except (TypeError, ValueError) as error:
        raise wrong(where, f"must be an interval: {error}") from None


def levels_in(value: object, where: str, most: int = MANY) -> list[Any]:
    """Levels that differ."""
    found = listed(value, where, level_in, most)
    if len(set(found)) != len(found):
        raise wrong(where, "must hold levels that differ")
    return found
