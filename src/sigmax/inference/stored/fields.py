"""Values of a header, asked for by name and kind; what is not as expected is a :class:`Damaged` file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from sigmax.archive import Damaged

T = TypeVar("T")

#: a whole number as text; those of a direction of separation may be long, and decimal digits take the square
#: of their number to read
_HEX = re.compile(r"-?[0-9a-f]{1,100000}", re.ASCII)
#: numbers that JSON has no word for
_BEYOND = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def number(value: float) -> float | str:
    """A float as JSON has it: shortest digits that give the same bits, or "nan", "inf", "-inf"."""
    value = float(value)
    if math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else ("inf" if value > 0.0 else "-inf")


class Fields:
    """An object of the header, and the arrays beside it.

    Parameters
    ----------
    values : object
        Has to be a dict.
    where : str
        Its name in messages.
    arrays : dict of str to ndarray
        All of the file.
    strict : bool
        Whether a key or an array that nothing asked for is an error: so it is, unless a later version wrote
        the file.
    """

    def __init__(
        self,
        values: object,
        where: str,
        arrays: dict[str, npt.NDArray[np.generic]],
        *,
        strict: bool,
        read: set[str] | None = None,
    ) -> None:
        if not isinstance(values, dict):
            raise Damaged(f"{where} of its header is no object")
        self._values: dict[str, Any] = values
        self._where, self._arrays, self._strict = where, arrays, strict
        self._asked: set[str] = set()
        #: names of arrays, of all objects of the header together
        self._read: set[str] = set() if read is None else read

    def _take(self, key: str) -> Any:
        self._asked.add(key)
        if key not in self._values:
            raise Damaged(f"{self._where} of its header has no {key!r}")
        return self._values[key]

    def refuse(self, key: str, expected: str) -> Damaged:
        """The error of a value that is not what was expected."""
        shown = repr(self._values.get(key))
        return Damaged(f"{key!r} in {self._where} of its header must be {expected}; it is {shown[:80]}")

    def end(self) -> None:
        """Nothing else may be there."""
        more = sorted(self._values.keys() - self._asked)
        if more and self._strict:
            raise Damaged(
                f"{self._where} of its header has {more[0][:80]!r}, which this format does not have"
            )

    def end_of_arrays(self) -> None:
        """No other array may be there."""
        more = sorted(self._arrays.keys() - self._read)
        if more and self._strict:
            raise Damaged(f"it has an array {more[0]!r}, which this format does not have, or not here")

    # -- kinds -----------------------------------------------------------------------------------

    def maybe(self, key: str, kind: Callable[[str], T]) -> T | None:
        """What `kind` reads of the key, or None where it is null."""
        return None if self._take(key) is None else kind(key)

    def text(self, key: str) -> str:
        """A str."""
        value = self._take(key)
        if not isinstance(value, str):
            raise self.refuse(key, "text")
        return value

    def one_of(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of some words."""
        value = self._take(key)
        if not (isinstance(value, str) and value in allowed):
            raise self.refuse(key, f"one of {', '.join(map(repr, allowed))}")
        return value

    def truth(self, key: str) -> bool:
        """True or False."""
        value = self._take(key)
        if not isinstance(value, bool):
            raise self.refuse(key, "true or false")
        return value

    def whole(self, key: str, low: int, high: int = 2**53) -> int:
        """A whole number, low <= value < high."""
        value = self._take(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value < high:
            raise self.refuse(key, f"a whole number from {low} to {high - 1}")
        return value

    def number(self, key: str, *, finite: bool = False, least: float = -math.inf) -> float:
        """A float of at least `least`; nan and inf unless it must be finite."""
        value = self._take(key)
        if isinstance(value, str) and value in _BEYOND:
            value = _BEYOND[value]
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse(key, "a number")
        try:
            value = float(value)
        except OverflowError:
            raise self.refuse(key, "a number within the range of float64") from None
        if value < least or (finite and not math.isfinite(value)):
            raise self.refuse(key, f"a {'finite ' if finite else ''}number of at least {least}")
        return value

    def items(self, key: str, length: int | None = None) -> list[Any]:
        """A list, of so many items where that is known."""
        value = self._take(key)
        if not isinstance(value, list) or (length is not None and len(value) != length):
            raise self.refuse(key, "a list" if length is None else f"a list of {length}")
        return value

    def texts(self, key: str, length: int | None = None) -> tuple[str, ...]:
        """A tuple of str."""
        value = self.items(key, length)
        if not all(isinstance(one, str) for one in value):
            raise self.refuse(key, "a list of text")
        return tuple(value)

    def whole_numbers(self, key: str, length: int) -> tuple[int, ...]:
        """Whole numbers of any size, each as text in hexadecimal digits."""
        value = self.texts(key, length)
        if not all(_HEX.fullmatch(one) for one in value):
            raise self.refuse(key, "a list of whole numbers as text, in hexadecimal digits")
        return tuple(int(one, 16) for one in value)

    def inner(self, key: str) -> Fields:
        """An object inside."""
        return Fields(
            self._take(key), f"{self._where}.{key}", self._arrays, strict=self._strict, read=self._read
        )

    def raw(self, key: str) -> Any:
        """Whatever it is: whoever asks checks it."""
        return self._take(key)

    # -- arrays ----------------------------------------------------------------------------------

    def array(self, name: str, dtype: type[np.generic], shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
        """An array of a dtype and a shape, of which None may be anything."""
        found = self.any_array(name)
        fits = found.ndim == len(shape) and all(
            wanted in (None, n) for wanted, n in zip(shape, found.shape, strict=True)
        )
        if found.dtype != np.dtype(dtype) or not fits:
            shown = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
            raise Damaged(
                f"its array {name!r} must be {np.dtype(dtype)} of shape {shown}; it is {found.dtype} of "
                f"shape {found.shape}"
            )
        return found

    def any_array(self, name: str) -> npt.NDArray[np.generic]:
        """An array of any dtype and shape."""
        self._read.add(name)
        if name not in self._arrays:
            raise Damaged(f"it has no array {name!r}")
        return self._arrays[name]
