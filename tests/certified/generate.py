"""Write the CSV files of the certified sets; running it again writes the same bytes.

    PYTHONPATH=tests python -m certified.generate             all of them
    PYTHONPATH=tests python -m certified.generate --check     write nothing, exit 1 where a file differs

Only the standard library is used, and of it only what is the same everywhere: the Mersenne Twister's
``random()``, IEEE sums and products, ``round`` and ``repr``.  Normal variables are sums of twelve uniform
ones.  The one call of the C library, exp for the probability of a label, may differ in the last bits;
`drawn` makes sure that no label depends on them.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROWS = 400

Row = list[float]
Rows = list[Row]


@dataclass(frozen=True)
class Made:
    """The columns of a set, their names, and the class codes."""

    names: list[str]
    rows: Rows
    codes: list[int]


Recipe = Callable[[random.Random], Made]

# -- the random parts ------------------------------------------------------------------------------


def normal(rng: random.Random) -> float:
    """About N(0, 1), with four decimals."""
    return round(sum(rng.random() for _ in range(12)) - 6.0, 4)


def normals(rng: random.Random, columns: int) -> Rows:
    return [[normal(rng) for _ in range(columns)] for _ in range(ROWS)]


def dot(coef: Sequence[float], row: Sequence[float]) -> float:
    """Intercept first."""
    total = coef[0]
    for c, x in zip(coef[1:], row, strict=True):
        total += c * x
    return total


def drawn(rng: random.Random, coef: Sequence[Sequence[float]], rows: Rows) -> list[int]:
    """Draw classes 0 .. K-1 from the model, whose K - 1 rows of coefficients are against class 0."""
    codes = []
    for row in rows:
        odds = [1.0, *(math.exp(dot(c, row)) for c in coef)]
        total, u, below, code = sum(odds), rng.random(), 0.0, 0
        for k, odd in enumerate(odds[:-1]):
            below += odd / total
            if abs(u - below) < 1e-9:
                raise ArithmeticError("a label depends on the last bits of exp; take another seed")
            code += u > below
            assert code <= k + 1
        codes.append(code)
    return codes


def misplaced(scores: Rows, ranks: Sequence[int]) -> list[int]:
    """The class of the largest score, but the second largest in the rows of the given ranks by margin."""
    order = [sorted(range(len(s)), key=s.__getitem__, reverse=True) for s in scores]
    margins = [s[o[0]] - s[o[1]] for s, o in zip(scores, order, strict=True)]
    nearest = sorted(range(len(scores)), key=margins.__getitem__)
    wrong = {nearest[rank] for rank in ranks}
    return [o[i in wrong] for i, o in enumerate(order)]


def seldom(rng: random.Random, coef: Sequence[float], rows: Rows, count: int) -> list[int]:
    """The rows whose score and twice some noise are largest together."""
    scores = [dot(coef, row) + 2.0 * normal(rng) for row in rows]
    return sorted(range(len(rows)), key=scores.__getitem__, reverse=True)[:count]


# -- what is done to well-conditioned columns ------------------------------------------------------

BINARY_3 = [[0.3, 0.8, -1.1, 0.5]]
BINARY_5 = [[0.3, 0.8, -1.1, 0.5, -0.4, 0.9]]
THREE_3 = [[0.4, 0.9, -0.6, 0.7], [-0.2, -0.5, 0.8, 1.1]]
FIVE_2 = [[0.4, 0.9, -0.6], [-0.2, -0.5, 0.8], [0.6, 0.3, 0.4], [-0.3, -1.0, -0.7]]
FIVE_3 = [*THREE_3, [0.6, 0.3, 0.4, -0.9], [-0.3, -1.0, -0.7, 0.2]]
FOUR_5 = [
    [0.4, 0.9, -0.6, 0.7, 0.2, -0.5],
    [-0.2, -0.5, 0.8, 1.1, -0.6, 0.3],
    [0.6, 0.3, 0.4, -0.9, 0.8, 0.7],
]
# in s = 2 t - 3, which runs from -1 to 1: s, s^2, ...
CUBIC = [[0.2, 1.5, -0.8, -2.0]]
THREE_CUBICS = [[0.2, 1.5, -0.8, -2.0], [-0.3, -1.0, 1.6, 1.2]]


def numbered(rows: Rows) -> list[str]:
    return [f"x{j}" for j in range(1, len(rows[0]) + 1)]


def changed(coef: Sequence[Sequence[float]], change: Callable[[Row], Row]) -> Recipe:
    """Labels are drawn from normal columns, which are changed afterwards."""

    def make(rng: random.Random) -> Made:
        plain = normals(rng, len(coef[0]) - 1)
        codes = drawn(rng, coef, plain)
        rows = [change(row) for row in plain]
        return Made(numbered(rows), rows, codes)

    return make


def scaled(row: Row) -> Row:
    scales = (1e-8, 1e-4, 1.0, 1e4, 1e8)
    return [s * z for s, z in zip(scales, row, strict=True)]


def collinear(distance: float) -> Callable[[Row], Row]:
    return lambda row: [row[0], row[1], row[0] + distance * row[2]]


def shifted(offset: float) -> Callable[[Row], Row]:
    return lambda row: [offset + z for z in row]


def powers(t: float, degree: int) -> Row:
    found = [t]
    while len(found) < degree:
        found.append(found[-1] * t)
    return found


def polynomial(coef: Sequence[Sequence[float]], degree: int) -> Recipe:
    def make(rng: random.Random) -> Made:
        t = [round(1.0 + rng.random(), 4) for _ in range(ROWS)]
        codes = drawn(rng, coef, [powers(2.0 * v - 3.0, 3) for v in t])
        return Made([f"t{d}" for d in range(1, degree + 1)], [powers(v, degree) for v in t], codes)

    return make


def year_quadratic(rng: random.Random) -> Made:
    years = [1970 + int(50 * rng.random()) for _ in range(ROWS)]
    codes = drawn(rng, [[0.5, 0.8, -1.2]], [powers((year - 1995) / 25, 2) for year in years])
    rows = [[float(year), float(year * year)] for year in years]
    return Made(["year", "year_squared"], rows, codes)


def near_separable(coef: Sequence[Sequence[float]], ranks: Sequence[int]) -> Recipe:
    def make(rng: random.Random) -> Made:
        rows = normals(rng, len(coef[0]) - 1)
        codes = misplaced([[0.0, *(dot(c, row) for c in coef)] for row in rows], ranks)
        return Made(numbered(rows), rows, codes)

    return make


def rare(coef: Sequence[Sequence[float]], chance: Sequence[float], count: int) -> Recipe:
    """The last class has `count` rows; the others are drawn from the model."""

    def make(rng: random.Random) -> Made:
        rows = normals(rng, len(chance) - 1)
        codes = drawn(rng, coef, rows) if coef else [0] * ROWS
        for i in seldom(rng, chance, rows, count):
            codes[i] = len(coef) + 1
        return Made(numbered(rows), rows, codes)

    return make


#: name -> seed, recipe
SETS: dict[str, tuple[int, Recipe]] = {
    "well-conditioned": (1001, changed(BINARY_5, list)),
    "column-scales": (1002, changed(BINARY_5, scaled)),
    "collinear-1e-2": (1003, changed(BINARY_3, collinear(1e-2))),
    "collinear-1e-4": (1004, changed(BINARY_3, collinear(1e-4))),
    "collinear-1e-6": (1005, changed(BINARY_3, collinear(1e-6))),
    "collinear-1e-7": (1006, changed(BINARY_3, collinear(1e-7))),
    "offset-1e3": (1007, changed(BINARY_3, shifted(1e3))),
    "offset-1e6": (1008, changed(BINARY_3, shifted(1e6))),
    "offset-1e8": (1009, changed(BINARY_3, shifted(1e8))),
    "polynomial-5": (1010, polynomial(CUBIC, 5)),
    "polynomial-8": (1011, polynomial(CUBIC, 8)),
    "year-quadratic": (1012, year_quadratic),
    "near-separable": (1013, near_separable([[0.3, 2.0, -1.0, 0.5]], (11, 23, 35))),
    "rare": (1014, rare([], [0.0, 0.8, -0.5, 0.6], 6)),
    "multinomial-well-conditioned": (2001, changed(FIVE_3, list)),
    "multinomial-column-scales": (2002, changed(FOUR_5, scaled)),
    "multinomial-collinear-1e-6": (2003, changed(THREE_3, collinear(1e-6))),
    "multinomial-offset-1e6": (2004, changed(FIVE_2, shifted(1e6))),
    "multinomial-polynomial-5": (2015, polynomial(THREE_CUBICS, 5)),
    "multinomial-polynomial-8": (2006, polynomial(THREE_CUBICS, 8)),
    "multinomial-near-separable": (2007, near_separable(THREE_3, (9, 19, 29, 39, 49, 59, 69, 79))),
    "multinomial-rare": (2008, rare(THREE_3, [0.0, 0.8, -0.5, 0.6], 6)),
}


def number(value: float) -> str:
    """The shortest text that reads back as the same double; integers without a point."""
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)


def contents(name: str) -> str:
    """The text of a set's CSV file: header, numbers that read back exactly, the class code last."""
    seed, recipe = SETS[name]
    made = recipe(random.Random(seed))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*made.names, "y"])
    for row, code in zip(made.rows, made.codes, strict=True):
        writer.writerow([*map(number, row), code])
    return out.getvalue()


def differing() -> Iterator[str]:
    """Names of the sets whose file is not what is generated."""
    for name in SETS:
        path = FOLDER / f"{name}.csv"
        if not path.is_file() or path.read_bytes() != contents(name).encode("ascii"):
            yield name


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m certified.generate", description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, name the files that differ")
    if parser.parse_args().check:
        found = list(differing())
        print("\n".join(f"{name}.csv differs" for name in found) or f"all {len(SETS)} files are the same")
        return 1 if found else 0
    for name in SETS:
        (FOLDER / f"{name}.csv").write_bytes(contents(name).encode("ascii"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
