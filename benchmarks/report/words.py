"""What readers see: names of problems, and numbers as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from documents import WANTED

from sigmax.bench import timing
from sigmax.bench.timing import quartiles

#: problem -> what a reader calls it
TITLES = {
    "binary_2000000x20": "2,000,000 x 20",
    "binary_500000x100": "500,000 x 100",
    "binary_100000x500": "100,000 x 500",
    "classes5_500000x50": "500,000 x 50, 5 classes",
    "classes10_20000x784_l2": "20,000 x 784, 10 classes, l2",
    "small_569x30_l2": "569 x 30, l2",
    "small_500x10": "500 x 10",
    "anes96": "anes96, 944 x 5, 7 classes",
    "bootstrap_10000_of_500x5": "10,000 refits of 500 x 5",
    "groups_10000_of_200x4": "10,000 groups of 200 x 4",
}


def title(row: Mapping[str, Any]) -> str:
    """Of the problem of a row: its name where it is listed, else its name and its size."""
    name = str(row["problem"])
    if name in TITLES:
        return TITLES[name]
    if not row.get("n"):
        return name
    size = f"{row['n']:,} x {row['p']:,}"
    plain = name.replace(f"_{row['n']}x{row['p']}", "").removesuffix("_l2").replace("_", " ")
    classes = f", {row['K']} classes" if (row.get("K") or 2) > 2 else ""
    return f"{plain}, {size}{classes}{', l2' if row.get('l2') else ''}"


def median(values: Sequence[float]) -> float:
    return quartiles(values)[1]


def spread(values: Sequence[float]) -> float:
    """(max - min) / median."""
    return timing.Timing(tuple(values)).spread


def seconds(value: float) -> str:
    """Such as 1.92 s, 48 ms, 0.2 ms, 31 us."""
    # what three digits round up to 1000 is of the next unit: never 1e+03 ms
    if value >= 0.9995:
        return f"{value:,.2f} s" if value < 99.995 else f"{value:,.0f} s"
    return f"{1e3 * value:.3g} ms" if value >= 1e-4 else f"{1e6 * value:.3g} us"


def power(value: float | None) -> str:
    """One digit and a power of ten: 2e-5; none where there is no number."""
    if value is None:
        return "none"
    if value == 0.0:
        return "0"
    mantissa, _, exponent = f"{value:.0e}".partition("e")
    return f"{float(f'{value:.1g}'):g}" if -1 <= int(exponent) <= 2 else f"{mantissa}e{int(exponent)}"


def off(error: float | None) -> str:
    """An error that is too large, such that it does not read as if it were not."""
    text = power(error)
    if error is None or not WANTED < error < 10.0 * WANTED or float(text) > WANTED:
        return text
    return f"{math.ceil(error / WANTED * 100.0) / 100.0:g}e-6"


def times(ratio: float) -> str:
    """Such as 46x, 4.2x, 0.83x, 0.0021x."""
    if ratio >= 0.995:
        return f"{ratio:,.0f}x" if ratio >= 19.95 else f"{ratio:.1f}x"
    return f"{ratio:.2f}x" if ratio >= 0.0995 else f"{ratio:.2g}x"


def percent(share: float) -> str:
    return f"{100.0 * share:.0f} %"


def amount(value: float) -> str:
    """Bytes, in units of a thousand."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= 0.9995 * unit:
            return f"{value / unit:.3g} {name}"
    return f"{value:.0f} B"


def short(value: float) -> str:
    """Of an axis: 1e-6 below a hundredth, 20 k, 3 M above a thousand."""
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}" if value >= 0.01 else power(value)


def listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}" if names else ""


def date(text: str) -> str:
    """The day of an ISO 8601 date."""
    return text[:10]


def bounds(values: Sequence[float], write: Any = times) -> str:
    """Such as "4x to 53x", or one where both read the same."""
    low, high = write(min(values)), write(max(values))
    return low if low == high else f"{low} to {high}"
