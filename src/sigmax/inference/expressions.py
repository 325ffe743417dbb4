"""The language of linear hypotheses: text to linear forms in named parameters, with exact coefficients.

    hypotheses  =  chain { "," chain }
    chain       =  sum { ( "=" | "==" ) sum }               a = b = c is a = b and b = c; a alone is a = 0
    sum         =  product { ( "+" | "-" ) product }
    product     =  unary { ( "*" | "/" ) unary }            one factor at most has parameters, no divisor has
    unary       =  { "+" | "-" } ( number | parameter | "(" sum ")" )
    parameter   =  name [ "[" label "]" ]
    name        =  "`" anything "`"                         a backtick in it is written twice
                |  the longest name of a parameter that stands here and begins with a letter or "_"
    label       =  '"' anything '"'  |  "'" anything "'"  |  anything without "]"

A bare name ends where a word ends: "age" is not found in "age2".  So "C(race)[T.black]" and "age:lwt" need no
backticks where the model has them, "2nd year" does.  A label is the text of a class, whose parameter is
meant; its brackets are read after the name, which may have brackets of its own.  Numbers are decimal, with an
exponent if need be, and all arithmetic is that of fractions: 0.1*a + 0.2*a - 0.3*a is 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import NoReturn, TypeAlias

#: column of a parameter, and its row: that of a class, REFERENCE, or None where no class was named
Key: TypeAlias = tuple[int, int | None]

#: "row" of the class whose coefficients are 0
REFERENCE = -1

#: parentheses in each other
_DEEPEST = 100
#: decimal exponents of numbers: what a double can hold, and some
_LARGEST = 400

_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_QUOTED = re.compile(r"`((?:[^`]|``)*)`")
_CLASS = re.compile(r"""\s*\[\s*(?:"([^"]*)"|'([^']*)'|([^\]]*?))\s*\]""")
_WORD = re.compile(r"\w+")
#: as much as a mistyped name may be
_RUN = re.compile(r"[^\s,=+*/`-]+")


@dataclass(frozen=True, slots=True)
class Linear:
    """sum of coefficient * parameter, plus a constant."""

    terms: dict[Key, Fraction]
    constant: Fraction

    def plus(self, other: Linear, factor: int) -> Linear:
        """Self + factor * other; what cancels stays, with the coefficient 0."""
        terms = dict(self.terms)
        for key, value in other.terms.items():
            terms[key] = terms.get(key, Fraction(0)) + factor * value
        return Linear(terms, self.constant + factor * other.constant)

    def times(self, factor: Fraction) -> Linear:
        """Factor * self."""
        return Linear({key: factor * value for key, value in self.terms.items()}, factor * self.constant)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What parameters are called.

    Attributes
    ----------
    names : tuple of str
        Of the columns.
    classes : dict of str to int
        Text of a class's label to the row of its parameters, or REFERENCE.
    """

    names: tuple[str, ...]
    classes: dict[str, int]
    _bare: tuple[tuple[str, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        found = [(name, j) for j, name in enumerate(self.names) if begins_a_name(name)]
        object.__setattr__(self, "_bare", tuple(sorted(found, key=lambda one: -len(one[0]))))

    def bare(self, text: str, start: int) -> tuple[int, int] | None:
        """Column and end of the longest name at `start`, or None."""
        for name, j in self._bare:
            end = start + len(name)
            if text.startswith(name, start) and not (_WORD.match(name[-1]) and _WORD.match(text, end)):
                return j, end
        return None


def begins_a_name(text: str) -> bool:
    """Whether a name may begin like this without backticks."""
    return text[:1].isidentifier()


def parse(text: str, vocabulary: Vocabulary) -> list[list[Linear]]:
    """The chains of `text`, each the sums that stand between its equal signs, one or more.

    Raises
    ------
    ValueError
        It is not in the language, a name or label is unknown, or it is not linear: where, and why.
    """
    return _Parser(text, vocabulary).hypotheses()


class _Parser:
    """Recursive descent; `at` is where the next token begins."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text, self.vocabulary = text, vocabulary
        self.at = self.depth = 0
        self.skip()

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        at = self.at if at is None else at
        start = max(at - 60, 0)
        shown = ("..." if start else "") + self.text[start : at + 60]
        shown += "..." if at + 60 < len(self.text) else ""
        raise ValueError(f"{message}, at position {at + 1} of {shown!r}")

    def accept(self, *tokens: str) -> str:
        """The first of `tokens` that stands here, read; "" for none."""
        for token in tokens:
            if self.text.startswith(token, self.at):
                self.at += len(token)
                self.skip()
                return token
        return ""

    # -- the rules of the grammar ----------------------------------------------------------------

    def hypotheses(self) -> list[list[Linear]]:
        chains = [self.chain()]
        while self.accept(","):
            chains.append(self.chain())
        if self.at < len(self.text):
            self.fail("expected an operator, '=', ',' or the end")
        return chains

    def chain(self) -> list[Linear]:
        begin = self.at
        sides = [self.sum()]
        while self.accept("==", "="):
            sides.append(self.sum())
        if not any(side.terms for side in sides):
            self.fail("a hypothesis must name a parameter", begin)
        return sides

    def sum(self) -> Linear:
        total = self.product()
        while sign := self.accept("+", "-"):
            total = total.plus(self.product(), 1 if sign == "+" else -1)
        return total

    def product(self) -> Linear:
        value = self.unary()
        while True:
            at = self.at
            operator = self.accept("*", "/")
            if not operator:
                return value
            other = self.unary()
            if operator == "/":
                if other.terms:
                    self.fail("a hypothesis must be linear, and a parameter is divided by", at)
                if not other.constant:
                    self.fail("division by zero", at)
                value = value.times(1 / other.constant)
            elif value.terms and other.terms:
                self.fail("a hypothesis must be linear, and two parameters are multiplied", at)
            else:
                value = other.times(value.constant) if other.terms else value.times(other.constant)

    def unary(self) -> Linear:
        factor = 1
        while sign := self.accept("+", "-"):
            factor = -factor if sign == "-" else factor
        value = self.atom()
        return value if factor == 1 else value.times(Fraction(factor))

    def atom(self) -> Linear:
        begin = self.at
        if self.accept("("):
            self.depth += 1
            if self.depth > _DEEPEST:
                self.fail(f"more than {_DEEPEST} parentheses in each other", begin)
            value = self.sum()
            if not self.accept(")"):
                self.fail("expected ')' or an operator")
            self.depth -= 1
            return value
        number = _NUMBER.match(self.text, self.at)
        if number is not None:
            return Linear({}, self.number(number))
        return Linear({self.parameter(): Fraction(1)}, Fraction(0))

    def number(self, found: re.Match[str]) -> Fraction:
        self.at = found.end()
        if _WORD.match(self.text, self.at):
            self.fail("expected an operator after the number; a product has '*', a name like this backticks")
        try:
            value = Decimal(found[0])
        except ArithmeticError:
            self.fail(f"the number {found[0][:20]} is out of range", found.start())
        if value and not -_LARGEST <= value.adjusted() <= _LARGEST:
            self.fail(f"the number {found[0][:20]} is out of range", found.start())
        self.skip()
        return Fraction(value)

    def parameter(self) -> Key:
        begin = self.at
        quoted = _QUOTED.match(self.text, self.at)
        if quoted is not None:
            name = quoted[1].replace("``", "`")
            if name not in self.vocabulary.names:
                self.unknown(name, begin)
            column, self.at = self.vocabulary.names.index(name), quoted.end()
        elif begins_a_name(self.text[self.at : self.at + 1]):
            found = self.vocabulary.bare(self.text, self.at)
            if found is None:
                run = _RUN.match(self.text, self.at)
                assert run is not None
                self.unknown(run[0], begin)
            column, self.at = found
        elif self.at == len(self.text):
            self.fail("expected a number, a name or '(', and the text ends")
        else:
            self.fail("expected a number, a name or '('; names that begin otherwise stand in backticks")
        row = self.label()
        self.skip()
        return column, row

    def label(self) -> int | None:
        found = _CLASS.match(self.text, self.at)
        if found is None:
            return None
        text = next(group for group in found.groups() if group is not None)
        classes = self.vocabulary.classes
        if text not in classes:
            self.fail(f"{text!r} is none of the classes, {_some(list(classes), text)}", found.start())
        self.at = found.end()
        return classes[text]

    def unknown(self, name: str, at: int) -> NoReturn:
        from difflib import get_close_matches

        # of "agee)" and "f(agee" the word, too, may be near to a name
        word = _WORD.match(name)
        tried = [name, *([word[0]] if word else [])]
        names = list(self.vocabulary.names)
        near = [one for text in tried for one in get_close_matches(text[:200], names, 3)]
        best = ", ".join(map(repr, dict.fromkeys(near)))
        known = f"did you mean {best}?" if best else f"the names are {_some(names, name)}"
        shown = name if word is None or len(name) < 60 else word[0][:60]
        self.fail(f"{shown!r} is not the name of a parameter ({known})", at)


def _some(names: list[str], wanted: str) -> str:
    """The first of many, the nearest before them."""
    from difflib import get_close_matches

    near = get_close_matches(wanted[:200], names, 3)
    shown = list(dict.fromkeys([*near, *names]))
    return ", ".join(map(repr, shown[:8])) + (", ..." if len(shown) > 8 else "")
