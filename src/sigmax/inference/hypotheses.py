"""Joint linear hypotheses about reported parameters: R theta = q, from text, numbers or a dict.

Text is read by :mod:`sigmax.inference.expressions`.  With several rows of parameters, one for each logit, a
name without a class stands for that column in every one of them:

    age = 0                     age is 0 in every logit: as many equations
    age = lwt                   they are equal in each logit
    age[red] = age[blue]        two logits compared
    age[red] = lwt              the one class that is named holds for the whole chain: lwt[red]
    age[red] = lwt[blue] + x    refused: x of which class?

The coefficients of the reference class are 0 and may be named: ``age[red] = age[reference]`` is age[red] = 0.
With coefficients for every class there is no such class, and one equation of ``age = 0`` follows from the
others; the test finds that out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import finite, numbers, plural
from sigmax.inference.expressions import REFERENCE, Linear, Vocabulary, begins_a_name, parse
from sigmax.kernels import Float

#: what users may write
Given: TypeAlias = str | Sequence[str] | Mapping[str, float] | npt.ArrayLike | tuple[npt.ArrayLike, Any]

#: of rows and columns of length 1, what is left of a row that depends on the others is rounding
_DEPENDENT = 1e-10


@dataclass(frozen=True, slots=True)
class Parameters:
    """What hypotheses are about.

    Attributes
    ----------
    names : tuple of str, of length k
        Of the columns.
    values : ndarray of shape (rows, k)
        Estimates.
    labels : tuple of str, of length rows
        Text of the class that each row belongs to.
    reference : str or None
        That of the class whose coefficients are 0.
    """

    names: tuple[str, ...]
    values: Float
    labels: tuple[str, ...]
    reference: str | None

    @property
    def vocabulary(self) -> Vocabulary:
        """What the parser may meet."""
        classes = {label: row for row, label in enumerate(self.labels)}
        if self.reference is not None:
            classes[self.reference] = REFERENCE
        return Vocabulary(self.names, classes)

    def text(self, index: int) -> str:
        """A parameter, by its number in ``values.ravel()``, as the language has it."""
        row, column = divmod(index, len(self.names))
        name = self.names[column]
        shown = name if begins_a_name(name) else "`" + name.replace("`", "``") + "`"
        return shown if len(self.labels) == 1 else f"{shown}[{_quoted(self.labels[row])}]"

    @property
    def plain(self) -> list[str]:
        """The parameters by name, ``age`` or ``age[red]``, in the order of ``values.ravel()``."""
        several = len(self.labels) > 1
        return [f"{x}[{label}]" if several else x for label in self.labels for x in self.names]

    def index_of(self, argument: str, name: str) -> int:
        """The number of one parameter in ``values.ravel()``, by its text: ``age``, or ``age[red]``.

        Backticks around a name that is no word may stand, and need not.

        Raises
        ------
        TypeError
            `name` is no text; `argument` says whose it is.
        ValueError
            It is that of no parameter, or of several.
        """
        if not isinstance(name, str):
            raise TypeError(f"{argument} must be the name of a parameter, a str; got {type(name).__name__}")
        plain = self.plain
        quoted = [self.text(j) for j in range(len(plain))]
        for known in (plain, quoted):
            if known.count(name) == 1:
                return known.index(name)
        if len(self.labels) > 1 and name in self.names:
            raise ValueError(
                f"{argument} must be one parameter, and {name!r} has one for each of {len(self.labels)} "
                f"classes: say which, as in {f'{name}[{self.labels[0]}]'!r}"
            )
        folded = {x.casefold(): x for x in plain}
        near = [folded[x] for x in get_close_matches(name.casefold(), folded, n=3)]
        shown = ", ".join(map(repr, near or plain[:4]))
        raise ValueError(
            f"{argument} must be the name of one parameter; got {name!r}, {'near' if near else 'there'} are "
            f"{shown}"
        )

    def require_estimates(self, R: Float) -> None:
        """Raise ValueError where R concerns a parameter that is nan or infinite."""
        values = self.values.ravel()
        bad = (R != 0.0).any(axis=0) & ~np.isfinite(values)
        if not bad.any():
            return
        first = int(np.argmax(bad))
        if np.isnan(values[first]):
            why = "is nan: its column was left out as a combination of others, or it has no limit"
        else:
            why = f"is {values[first]:g}: the classes are separated, and it has no finite estimate"
        count = int(bad.sum())
        more = f" (and {count - 1} more like it)" if count > 1 else ""
        raise ValueError(f"hypotheses must be about finite estimates; {self.text(first)} {why}{more}")


@dataclass(frozen=True, slots=True, eq=False)
class Hypotheses:
    """R theta = q.

    Attributes
    ----------
    R : ndarray of shape (n, P)
        P counts the reported parameters, in the order of ``params.ravel()``.
    q : ndarray of shape (n,)
    texts : tuple of str, of length n
        Each equation, in the language.
    """

    R: Float
    q: Float
    texts: tuple[str, ...]


def joint(given: Given, parameters: Parameters) -> Hypotheses:
    """Hypotheses that do not follow from each other.

    Parameters
    ----------
    given : str, sequence of str, dict, matrix (n, P), or pair of (n, P) and (n,)
        Text in the language, with commas between hypotheses; text -> value; R with q = 0; (R, q).  P is the
        number of parameters, in the order of ``params.ravel()``.
    parameters : Parameters

    Returns
    -------
    Hypotheses
        Of full row rank: an equation that follows from those before it is left out.

    Raises
    ------
    ValueError
        Not in the language; shapes do not fit; about parameters that are aliased or infinite; equations that
        contradict each other; none that is left.
    """
    R, q = _equations(given, parameters)
    texts = [equation_text(row, value, parameters) for row, value in zip(R, q.tolist(), strict=True)]
    kept = _independent(R, q, texts)
    if not kept:
        raise ValueError(f"hypotheses must say something about the estimates; got {texts[0]!r}")
    return Hypotheses(R[kept], q[kept], tuple(texts[i] for i in kept))


def combinations(given: Given, parameters: Parameters) -> Hypotheses:
    """Linear combinations R theta - q, all that were asked for; what is given as for :func:`joint`.

    ``a = b`` is the combination a - b; ``a + 1`` has q = -1.  `texts` are those of R theta - q.
    """
    R, q = _equations(given, parameters)
    texts = [combination_text(row, -value, parameters) for row, value in zip(R, q.tolist(), strict=True)]
    empty = ~(R != 0.0).any(axis=1)
    if empty.any():
        raise ValueError(
            f"expressions must say something about the estimates; {texts[int(np.argmax(empty))]!r} does not"
        )
    return Hypotheses(R, q, tuple(texts))


# -- from what was given to numbers ------------------------------------------------------------------


def _equations(given: Given, parameters: Parameters) -> tuple[Float, Float]:
    """R (n, P) and q (n,), about finite estimates."""
    if isinstance(given, str) or _is_texts(given):
        texts = [given] if isinstance(given, str) else given
        rows = [row for text in texts for row in _read(str(text), parameters)]
    elif isinstance(given, Mapping):
        rows = [row for name, value in given.items() for row in _valued(name, value, parameters)]
    else:
        R, q = _matrix(given, parameters)
        parameters.require_estimates(R)
        return R, q
    if not rows:
        raise ValueError("hypotheses must not be empty")
    R, q = np.array([row for row, _ in rows]), np.array([value for _, value in rows])
    parameters.require_estimates(R)
    return R, q


def _is_texts(given: object) -> TypeGuard[Sequence[str]]:
    return isinstance(given, Sequence | np.ndarray) and all(isinstance(one, str) for one in given)


def _read(text: str, parameters: Parameters) -> Iterator[tuple[Float, float]]:
    for chain in parse(text, parameters.vocabulary):
        yield from _chain(chain, text, parameters)


def _valued(name: object, value: object, parameters: Parameters) -> Iterator[tuple[Float, float]]:
    """The equations of ``{name: value}``; a name as it stands in the model needs no backticks."""
    if not isinstance(name, str):
        raise ValueError(f"hypotheses must have texts as keys; got {name!r}")
    constant = np.asarray(value)
    if constant.shape or constant.dtype.kind not in "fiu" or not np.isfinite(constant):
        raise ValueError(f"hypotheses[{name!r}] must be a finite number; got {value!r}")
    side = Linear({}, Fraction(constant.item()))
    if name in parameters.names:
        exact = Linear({(parameters.names.index(name), None): Fraction(1)}, Fraction(0))
        yield from _chain([exact, side], name, parameters)
        return
    for chain in parse(name, parameters.vocabulary):
        yield from _chain([*chain, side], name, parameters)


def _chain(sides: list[Linear], text: str, parameters: Parameters) -> Iterator[tuple[Float, float]]:
    """The equations of a = b = c, for every logit where no class is named."""
    named = {row for side in sides for _, row in side.terms if row is not None}
    open_ended = any(row is None for side in sides for _, row in side.terms)
    if open_ended and len(named) > 1:
        raise ValueError(
            f"in {text!r} some parameters have classes, and not all the same one: write the class of each"
        )
    zero = Linear({}, Fraction(0))
    pairs = list(pairwise(sides)) if len(sides) > 1 else [(sides[0], zero)]
    if not open_ended:
        rows: list[int] = [0]
    elif named:
        rows = list(named)
    else:
        rows = list(range(len(parameters.labels)))
    for left, right in pairs:
        form = left.plus(right, -1)
        for row in rows:
            yield _numbers(form, row, text, parameters)


def _numbers(form: Linear, logit: int, text: str, parameters: Parameters) -> tuple[Float, float]:
    """A row of R and its q, of form = 0; `logit` is the row of names without a class."""
    shape = parameters.values.shape
    exact: dict[tuple[int, int], Fraction] = {}
    for (column, named), coefficient in form.terms.items():
        row = logit if named is None else named
        if row != REFERENCE:
            exact[row, column] = exact.get((row, column), Fraction(0)) + coefficient
    R = np.zeros(shape)
    try:
        for (row, column), coefficient in exact.items():
            R[row, column] = float(coefficient)
            if coefficient and not R[row, column]:
                raise OverflowError
        q = float(-form.constant)
        if form.constant and not q:
            raise OverflowError
        return R.ravel(), q
    except OverflowError:
        raise ValueError(f"a number in {text[:60]!r} is outside of the range of doubles") from None


def _matrix(given: Any, parameters: Parameters) -> tuple[Float, Float]:
    """R and q of numbers."""
    size, pair = parameters.values.size, None
    if isinstance(given, tuple) and len(given) == 2:
        first, second = np.ndim(given[0]), np.ndim(given[1])
        # two rows of R are no pair
        if first == 2 or (first == 1 and second == 0):
            given, pair = given
    array = numbers("hypotheses", given)
    R = np.atleast_2d(array).astype(float)
    if array.ndim not in (1, 2) or R.shape[1] != size or not len(R):
        raise ValueError(
            "hypotheses must be text, texts, or a matrix with a column for each parameter, "
            f"(n, {size}); got shape {array.shape}"
        )
    finite("hypotheses", R)
    q = np.zeros(len(R)) if pair is None else np.atleast_1d(numbers("q", pair)).astype(float)
    if q.shape != (len(R),):
        raise ValueError(f"q must have shape ({len(R)},), one value for each row of R; got {q.shape}")
    finite("q", q)
    return R, q


def _independent(R: Float, q: Float, texts: list[str]) -> list[int]:
    """The equations that do not follow from those before them.

    Gram-Schmidt, row after row, twice over, on R with rows and columns scaled: the sizes of equations and the
    units of parameters do not count.  With g'theta = c for each direction g found so far, a row that is
    sum_j a_j g_j says sum_j a_j c_j, and must say the same as its q.
    """
    used = (R != 0.0).any(axis=0)
    A, values = R[:, used].copy(), q.copy()
    directions = np.empty((min(A.shape), A.shape[1]))
    constants = np.empty(len(directions))
    kept: list[int] = []
    for _ in range(3):
        A /= _or_one(np.abs(A).max(axis=0, initial=0.0))
        lengths = _or_one(np.linalg.norm(A, axis=1))
        A /= lengths[:, None]
        values /= lengths
    for i, row in enumerate(A):
        found, c = directions[: len(kept)], constants[: len(kept)]
        a = found @ row
        rest = row - a @ found
        again = found @ rest
        rest, a = rest - again @ found, a + again
        length = float(np.linalg.norm(rest))
        if length > _DEPENDENT:
            directions[len(kept)], constants[len(kept)] = rest / length, (values[i] - a @ c) / length
            kept.append(i)
        elif abs(values[i] - a @ c) > _DEPENDENT * (abs(values[i]) + np.abs(a) @ np.abs(c)):
            before = f"those before it ({plural(len(kept), 'equation')})" if row.any() else "itself"
            raise ValueError(f"hypotheses must not contradict each other; {texts[i]!r} contradicts {before}")
    return kept


def _or_one(lengths: npt.ArrayLike) -> Float:
    """`lengths`, with 1 for 0."""
    return np.where(np.asarray(lengths) > 0.0, lengths, 1.0)


# -- as text -----------------------------------------------------------------------------------------


def combination_text(row: Float, constant: float, parameters: Parameters) -> str:
    """``age - 2*lwt + 1``."""
    terms = [_term(float(row[j]), parameters.text(j)) for j in np.flatnonzero(row).tolist()]
    if constant or not terms:
        terms.append(("-" if constant < 0.0 else "+", _number(abs(constant))))
    sign, first = terms[0]
    return ("-" if sign == "-" else "") + first + "".join(f" {sign} {text}" for sign, text in terms[1:])


def equation_text(row: Float, value: float, parameters: Parameters) -> str:
    """``age - 2*lwt = -1``."""
    return f"{combination_text(row, 0.0, parameters)} = {'-' if value < 0.0 else ''}{_number(abs(value))}"


def _term(coefficient: float, name: str) -> tuple[str, str]:
    sign, size = "-" if coefficient < 0.0 else "+", abs(coefficient)
    over = Fraction(size).limit_denominator(99)
    if over and over.numerator < 100 and float(over) == size:
        times = "" if over.numerator == 1 else f"{over.numerator}*"
        return sign, times + name + ("" if over.denominator == 1 else f"/{over.denominator}")
    return sign, f"{_number(size)}*{name}"


def _number(value: float) -> str:
    """Shortest text of the same double."""
    text = repr(value + 0.0)
    return text.removesuffix(".0")


def _quoted(label: str) -> str:
    if label and "]" not in label and label == label.strip() and label[0] not in "\"'":
        return label
    return f"'{label}'" if '"' in label else f'"{label}"'
