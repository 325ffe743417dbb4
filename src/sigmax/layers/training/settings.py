"""Checks of the settings of a run: errors name the setting, what it is and what was expected."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import Any

import numpy as np


def whole(name: str, value: object) -> int:
    """`value` as a whole number of at least 1."""
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be a whole number of at least 1; got {value!r}")
    number = operator.index(value)
    if number < 1:
        raise ValueError(f"{name} must be a whole number of at least 1; got {value!r}")
    return number


def positive(name: str, value: object) -> float:
    """`value` as a finite number above 0."""
    number = _real(name, value, "a positive number")
    if not number > 0.0:
        raise ValueError(f"{name} must be a positive number; got {value!r}")
    return number


def not_negative(name: str, value: object) -> float:
    """`value` as a finite number of at least 0."""
    number = _real(name, value, "a number of at least 0")
    if not number >= 0.0:
        raise ValueError(f"{name} must be a number of at least 0; got {value!r}")
    return number


def fraction(name: str, value: object) -> float:
    """`value` as a number with 0 <= value < 1."""
    number = _real(name, value, "a number with 0 <= value < 1")
    if not 0.0 <= number < 1.0:
        raise ValueError(f"{name} must be a number with 0 <= value < 1; got {value!r}")
    return number


def generator(seed: Any) -> np.random.Generator:
    """The generator of random numbers that `seed` stands for."""
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise type(error)(
            "seed must be a whole number of at least 0, a numpy Generator, a SeedSequence or None; "
            f"got {seed!r}"
        ) from None


def _real(name: str, value: object, expected: str) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{name} must be {expected}; got {value!r}")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be {expected}, and finite; got {value!r}")
    return number
