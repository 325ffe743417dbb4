"""Write tests/c/values_table.h: exact values of the functions of one number and of rows of logits.

Run ``python tests/c/tools/values.py > tests/c/values_table.h``.  ``tests/test_c.py`` asserts that the table
is what this script writes.  Needs mpmath.

An exact value is written as {nearest, rest}: the nearest double, and what is missing to the exact value in
units in the last place of that double (2^-1074 for subnormals).
"""

from __future__ import annotations

import math
import textwrap

from mpmath import mp, mpf

DIGITS = 50

#: |x|: every size; where n = rint(x / ln 2) jumps, 1 + t absorbs t, exp turns subnormal, 0 or inf
SIZES = [
    0.0,
    2.0**-1074,
    2.0**-1022,
    2.0**-600,
    2.0**-54,
    2.0**-53,
    2.0**-30,
    2.0**-10,
    0.1,
    math.log(2) / 4,  # where tanh has n = 0 and -1
    0.188,
    math.log(2) / 2,
    math.nextafter(math.log(2) / 2, 1),
    0.5,
    math.log(2),
    0.881373587019543,  # log(1 + sqrt 2): the exponent of log1p jumps
    0.8813735870195429,
    1.0,
    1.5 * math.log(2),
    1.8,
    2.0,
    math.pi,
    5.0,
    8.5,
    13.0,
    18.715,  # where tanh rounds to 1 - 2^-53, and to 1
    19.1,
    22.25,
    36.04,
    36.7368005696771,
    37.42994775023705,
    40.0,
    100.0,
    345.0,
    600.0,
    700.0,
    708.3964185322641,
    709.0,
    709.782712893384,
    710.0,
    720.5,
    744.4400719213812,
    745.1332191019411,
    745.2,
    746.0,
    1e4,
    2.0**100,
    1.7976931348623157e308,
]

#: rows of K logits: one class; equal; close; far apart; far from 0; subnormal probabilities; a sum of many
ROWS = [
    [0.0],
    [-3.5],
    [1e300],
    [0.0, 0.0],
    [0.0, 1.0],
    [0.0, -36.5],
    [0.0, 40.0],
    [0.0, 708.5],
    [0.0, -744.0],
    [1e4, 1e4 + 2.0**-39],
    [-1e8, -1e8 - 0.75],
    [1.0, 1.0 + 2.0**-52],
    [0.0, 0.5, -0.25],
    [0.0, 30.0, 30.0],
    [0.0, -50.0, -50.125],
    [-700.0, 3.0, 700.0],
    [0.1, 0.2, 0.3],
    [-1e-300, 0.0, 1e-300],
    [0.0, 1e4, 1e4 + 0.5, 1e4 - 2.0],
    [-2.0, -1.5, -1.386, -1.2],
    [0.0, 8e307, -8e307, 8e307],
    [5.0, 5.0, 5.0, 5.0, 5.0, 5.0],
    [0.0, -0.693, 1.386, -2.07, 2.77, -3.46],
    [0.0, 12.0, 11.999, -705.0, 11.5, -733.0],
    [-800.25, -37.0, -36.0, -38.0, -74.0, -801.0],
]
WIDEST = max(map(len, ROWS))


def exact(value: mpf) -> str:
    """{nearest, rest}; 0 and inf where the value is below or beyond every double."""
    nearest = float(value)
    if math.isinf(nearest):
        return "{INFINITY, 0}" if nearest > 0 else "{-INFINITY, 0}"
    rest = (value - mpf(nearest)) / mpf(math.ulp(nearest))
    return f"{{{nearest.hex().replace('.0000000000000p', 'p')}, {float(rest):.3f}}}"


def number(x: float) -> str:
    """One line of the table of functions of one number."""
    e, t = mp.exp(mpf(x)), mp.exp(-abs(mpf(x)))
    small, big, tail = t / (1 + t), 1 / (1 + t), mp.log1p(t)
    return braces(
        x.hex(),
        exact(e),
        exact(big if x >= 0 else small),
        exact(min(mpf(x), mpf(0)) - tail),
        exact(max(mpf(x), mpf(0)) + tail),
        exact(small * big),
        exact(mp.tanh(mpf(x))),
    )


def row(x: list[float]) -> str:
    """One row of logits: the sum, p, log p and 1 - p of every class; nothing cancels."""
    z = [mpf(v) for v in x]
    top = max(z)
    q = z.index(top)
    E = [mp.exp(v - top) for v in z]
    tail = mp.log1p(mp.fsum(E[:q] + E[q + 1 :]))
    whole = mp.fsum(E)
    return braces(
        str(len(x)),
        braces(*(v.hex() for v in x)),
        exact(top + tail),
        braces(*(exact(e / whole) for e in E)),
        braces(*(exact((v - top) - tail) for v in z)),
        braces(*(exact(mp.fsum(E[:k] + E[k + 1 :]) / whole) for k in range(len(E)))),
    )


def braces(*items: str) -> str:
    return "{" + ", ".join(items) + "}"


def table() -> str:
    """The header, as text."""
    wrapped = textwrap.TextWrapper(width=108, initial_indent="    ", subsequent_indent="     ")
    with mp.workdps(DIGITS):
        # x and -x side by side: 2 i and 2 i + 1
        numbers = [wrapped.fill(number(x) + ",") for size in SIZES for x in (size, -size)]
        rows = [wrapped.fill(row(x) + ",") for x in ROWS]
    return "\n".join(
        [
            f"/* Written by tools/values.py with mpmath at {DIGITS} digits. */",
            "#ifndef VALUES_TABLE_H",
            "#define VALUES_TABLE_H",
            "",
            "#include <math.h>",
            "",
            "/* nearest + rest units in the last place of nearest */",
            "typedef struct {",
            "    double nearest, rest;",
            "} exact;",
            "",
            f"enum {{ NUMBERS = {len(numbers)}, ROWS = {len(rows)}, WIDEST = {WIDEST} }};",
            "",
            "static const struct {",
            "    double x;",
            "    exact exp, expit, log_expit, log1pexp, curvature, tanh;",
            "} numbers[NUMBERS] = {",
            *numbers,
            "};",
            "",
            "static const struct {",
            "    int K;",
            "    double logit[WIDEST];",
            "    exact sum, p[WIDEST], log_p[WIDEST], others[WIDEST];",
            "} rows[ROWS] = {",
            *rows,
            "};",
            "",
            "#endif /* VALUES_TABLE_H */",
        ]
    )


if __name__ == "__main__":
    print(table())
