"""What is written in pictures: names short enough, numbers that are read at a glance."""

from __future__ import annotations

import math

#: as in the labels of matplotlib's axes
_MINUS = "\N{MINUS SIGN}"


def cut(name: str, most: int) -> str:
    """A name of at most `most` characters; one that is longer loses its middle."""
    if len(name) <= most:
        return name
    head = (most - 3) // 2 + 1
    return f"{name[:head]}...{name[len(name) - (most - 3 - head) :]}"


def escaped(text: str) -> str:
    r"""A text whose dollars begin no formula."""
    return text.replace("$", r"\$")


def short(name: str, most: int = 28) -> str:
    r"""A name as matplotlib writes it, :func:`cut` to at most `most` characters.

    A dollar begins no formula, and a line with an underscore before its name is no less in the legend.

    Examples
    --------
    >>> short("C(education, levels=...)[T.university]", 24)
    'C(education...niversity]'
    >>> short("price in $"), short("_hidden")
    ('price in \\$', ' _hidden')
    """
    name = cut(name, most)
    return escaped(" " + name if name.startswith("_") else name)


def percent(level: float) -> str:
    """A coverage: ``95 %``."""
    return f"{100.0 * level:g} %"


def figure(value: float, digits: int = 3) -> str:
    """A number of so many digits, zeros at its end among them; infinities and none as words.

    Examples
    --------
    >>> [figure(x) for x in (0.00012345, 1.1, 12345.678, 2e9, 0.0, math.inf)]
    ['0.000123', '1.10', '12346', '2.00e+09', '0', 'inf']
    """
    if not math.isfinite(value):
        return f"{value:g}".replace("-", _MINUS).replace("nan", "none")
    if value == 0.0:
        return "0"
    whole = 10.0**digits <= abs(value) < 1e6
    text = f"{value:.0f}" if whole else f"{value:#.{digits}g}".removesuffix(".")
    return text.replace("-", _MINUS) if "e" not in text else text


def interval(lower: float, upper: float, digits: int = 3) -> str:
    """``[0.01, 2.5]``."""
    return f"[{figure(lower, digits)}, {figure(upper, digits)}]"
