"""The words of the language of formulas that can be stored: functions, transforms, codings, their options."""

from __future__ import annotations

import math

_ONE = (
    "abs absolute fabs sign positive negative sqrt cbrt square reciprocal exp exp2 expm1 log log2 log10 "
    "log1p "
    "sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh deg2rad rad2deg degrees radians "
    "floor ceil trunc rint isnan isfinite isinf signbit logical_not"
)
_TWO = (
    "add subtract multiply divide true_divide floor_divide power float_power mod remainder fmod maximum "
    "minimum fmax fmin arctan2 hypot logaddexp logaddexp2 copysign heaviside greater greater_equal less "
    "less_equal equal not_equal logical_and logical_or logical_xor"
)
#: of NumPy: name -> number of arguments, by position
ELEMENTWISE = {
    **dict.fromkeys(_ONE.split(), 1),
    **dict.fromkeys(_TWO.split(), 2),
    "where": 3,
    "clip": 3,
}
#: those of NumPy that take text, too
OF_OBJECTS = frozenset(
    ("add", "where", "equal", "not_equal", "greater", "greater_equal", "less", "less_equal")
)
CONSTANTS = {"pi": math.pi, "e": math.e}
#: of formulaic and Python, without an owner
PLAIN = {"log", "log2", "log10", "exp", "exp2", "exp10", "abs"}

_SPLINE = {"df": "whole", "knots": "numbers", "lower_bound": "number", "upper_bound": "number"}
_CUBIC = {**_SPLINE, "constraints": "constraints", "*extrapolation": "text"}
#: options of a transform in their order and of which kind; with a star by name alone
OPTIONS: dict[str, dict[str, str]] = {
    "I": {},
    "center": {},
    "scale": {"center": "number", "scale": "number", "ddof": "number"},
    "standardize": {"center": "number", "rescale": "number", "ddof": "number"},
    "poly": {"degree": "whole", "raw": "truth"},
    "bs": {
        "df": "whole",
        "knots": "numbers",
        "degree": "whole",
        "include_intercept": "truth",
        "lower_bound": "number",
        "upper_bound": "number",
        "extrapolation": "text",
    },
    "cr": _CUBIC,
    "cs": _CUBIC,
    "cc": _CUBIC,
    "hashed": {"levels": "whole", "contrasts": "coding", "*spans_intercept": "truth"},
    "C": {"contrasts": "coding", "*levels": "levels", "*spans_intercept": "truth"},
}
#: transforms that remember the rows of the fit
STATEFUL = frozenset({"center", "scale", "standardize", "poly", "bs", "cr", "cs", "cc"})

#: codings of levels: options by position or name
CODINGS: dict[str, dict[str, str]] = {
    "contr.treatment": {"base": "level"},
    "contr.SAS": {"base": "level"},
    "contr.sum": {},
    "contr.helmert": {"reverse": "truth", "scale": "truth"},
    "contr.poly": {"scores": "numbers"},
    "contr.diff": {"backward": "truth"},
    "contr.custom": {"contrasts": "matrix", "names": "levels"},
    "Treatment": {"reference": "level"},
    "Sum": {},
    "Helmert": {"reverse": "truth", "scale": "truth"},
    "Poly": {"scores": "numbers"},
    "Diff": {"backward": "truth"},
}
