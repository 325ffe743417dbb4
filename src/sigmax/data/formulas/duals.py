"""Arrays that carry their derivative: forward-mode differentiation of what NumPy's functions compute.

A dual (v, t) stands for v + t h with h -> 0.  For a function f of arrays a, b, ...

    f(a + a' h, b + b' h, ...) = f(a, b, ...) + (f_a a' + f_b b' + ...) h

and f_a, f_b are the entries of a table, one for each function.  So derivatives are exact to the rounding of
their formula, and no step has to be chosen.  At a kink (``abs``, ``maximum``, ``minimum``) the derivative is
the right-hand one; comparisons give plain truth values, so that of ``where`` and of ``(x > a) * f(x)`` it is
that of the branch that holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

from sigmax.kernels import Float

#: (arguments, result) -> the derivative after one of the arguments
_Partial = Callable[..., Any]


class NoRuleError(TypeError):
    """A function of a dual that no derivative is known of."""


class Dual(NDArrayOperatorsMixin):
    """An array with its derivative after one variable.

    Parameters
    ----------
    value, tangent : array_like of one shape
        Copied as float64 where they are not.
    """

    # pandas leaves operations with us to us
    __pandas_priority__ = 10_000
    __array_priority__ = 10_000.0

    def __init__(self, value: npt.ArrayLike, tangent: npt.ArrayLike) -> None:
        self.value: Float = np.asarray(value, dtype=np.float64)
        given = np.asarray(tangent, dtype=np.float64)
        self.tangent: Float = np.broadcast_to(given, self.value.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the value."""
        return self.value.shape

    def __len__(self) -> int:
        return len(self.value)

    def __array__(self, *args: object, **kwargs: object) -> Any:
        # an array of the value alone would lose the derivative without a word
        raise NoRuleError("a dual is no array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            raise NoRuleError(f"{ufunc.__name__}.{method}")
        plain = [_value(given) for given in inputs]
        if ufunc in _PLAIN:
            return ufunc(*plain)
        rules = _RULES.get(ufunc)
        if rules is None:
            raise NoRuleError(ufunc.__name__)
        if ufunc in _KINKS:
            tangents = [given.tangent if isinstance(given, Dual) else 0.0 for given in inputs]
            return Dual(ufunc(*plain), _KINKS[ufunc](*plain, *tangents))
        value = ufunc(*plain)
        tangent: Any = 0.0
        for given, rule in zip(inputs, rules, strict=True):
            if isinstance(given, Dual):
                # an infinite slope of what does not move is nan: it may be anything
                tangent = tangent + np.multiply(rule(*plain, value), given.tangent)
        return Dual(value, tangent)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.where and len(args) == 3 and not kwargs and not isinstance(args[0], Dual):
            condition, yes, no = args
            tangents = [given.tangent if isinstance(given, Dual) else 0.0 for given in (yes, no)]
            return Dual(np.where(condition, _value(yes), _value(no)), np.where(condition, *tangents))
        if function is np.clip and len(args) == 3 and not kwargs:
            return np.minimum(np.maximum(args[0], args[1]), args[2])
        raise NoRuleError(function.__name__)


def _value(given: Any) -> Any:
    return given.value if isinstance(given, Dual) else np.asarray(given)


def _power_base(a: Any, b: Any, y: Any) -> Any:
    return np.where(b == 0.0, 0.0, b * np.power(a, b - 1.0))


#: comparisons: the same for all h near 0
_PLAIN = {
    np.greater,
    np.greater_equal,
    np.less,
    np.less_equal,
    np.equal,
    np.not_equal,
    np.isnan,
    np.isfinite,
    np.isinf,
}

# y is the function's value
_RULES: dict[Any, tuple[_Partial, ...]] = {
    np.positive: (lambda a, y: 1.0,),
    np.negative: (lambda a, y: -1.0,),
    np.add: (lambda a, b, y: 1.0, lambda a, b, y: 1.0),
    np.subtract: (lambda a, b, y: 1.0, lambda a, b, y: -1.0),
    np.multiply: (lambda a, b, y: b, lambda a, b, y: a),
    np.divide: (lambda a, b, y: 1.0 / b, lambda a, b, y: -y / b),
    np.power: (_power_base, lambda a, b, y: y * np.log(a)),
    np.float_power: (_power_base, lambda a, b, y: y * np.log(a)),
    np.square: (lambda a, y: 2.0 * a,),
    np.reciprocal: (lambda a, y: -y * y,),
    np.sqrt: (lambda a, y: 0.5 / y,),
    np.cbrt: (lambda a, y: 1.0 / (3.0 * y * y),),
    np.exp: (lambda a, y: y,),
    np.exp2: (lambda a, y: np.log(2.0) * y,),
    np.expm1: (lambda a, y: np.exp(a),),
    np.log: (lambda a, y: 1.0 / a,),
    np.log2: (lambda a, y: 1.0 / (np.log(2.0) * a),),
    np.log10: (lambda a, y: 1.0 / (np.log(10.0) * a),),
    np.log1p: (lambda a, y: 1.0 / (1.0 + a),),
    np.logaddexp: (lambda a, b, y: np.exp(a - y), lambda a, b, y: np.exp(b - y)),
    np.sin: (lambda a, y: np.cos(a),),
    np.cos: (lambda a, y: -np.sin(a),),
    np.tan: (lambda a, y: 1.0 + y * y,),
    np.arcsin: (lambda a, y: 1.0 / np.sqrt((1.0 - a) * (1.0 + a)),),
    np.arccos: (lambda a, y: -1.0 / np.sqrt((1.0 - a) * (1.0 + a)),),
    np.arctan: (lambda a, y: 1.0 / (1.0 + a * a),),
    np.arctan2: (lambda a, b, y: b / (a * a + b * b), lambda a, b, y: -a / (a * a + b * b)),
    np.hypot: (lambda a, b, y: a / y, lambda a, b, y: b / y),
    np.sinh: (lambda a, y: np.cosh(a),),
    np.cosh: (lambda a, y: np.sinh(a),),
    np.tanh: (lambda a, y: 1.0 / np.cosh(a) ** 2,),
    np.arcsinh: (lambda a, y: 1.0 / np.hypot(a, 1.0),),
    np.arctanh: (lambda a, y: 1.0 / ((1.0 - a) * (1.0 + a)),),
    np.deg2rad: (lambda a, y: np.pi / 180.0,),
    np.rad2deg: (lambda a, y: 180.0 / np.pi,),
    np.absolute: (),
    np.fabs: (),
    np.maximum: (),
    np.minimum: (),
    np.fmax: (),
    np.fmin: (),
}


def _absolute(a: Any, t: Any) -> Any:
    return np.where(a == 0.0, np.abs(t), np.sign(a) * t)


def _maximum(a: Any, b: Any, s: Any, t: Any) -> Any:
    return np.where(a == b, np.maximum(s, t), np.where(a > b, s, t))


def _minimum(a: Any, b: Any, s: Any, t: Any) -> Any:
    return np.where(a == b, np.minimum(s, t), np.where(a < b, s, t))


#: the right-hand derivative, of values and tangents
_KINKS: dict[Any, Callable[..., Any]] = {
    np.absolute: _absolute,
    np.fabs: _absolute,
    np.maximum: _maximum,
    np.fmax: _maximum,
    np.minimum: _minimum,
    np.fmin: _minimum,
}
