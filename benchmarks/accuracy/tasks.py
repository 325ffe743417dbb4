"""What the report measures: chunks of points small enough to be shared out, each named by plain arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oracles import line_points, measure, points

#: points in a chunk: some 0.1 s of 200-bit arithmetic
CHUNK = 20_000

#: share of the elements of rows that each number of classes gets; up to ten classes, 1 - p is measured for
#: every class, and they alone make up the number of points
ROW_SHARES = {2: 0.25, 3: 0.25, 5: 0.25, 10: 0.25, 100: 0.125, 1000: 0.125}
#: classes of the multinomial model: shares of the elements of its weights, m^2 for a row
MODEL_CLASSES = (2, 3, 5, 10, 21)
#: rows along a line, for each point of the other functions: 2,000-bit arithmetic
LINE_SHARE = 0.01
#: for each row of the binary model along a line, rows of a softmax
LINE_CLASSES = {2: 0.3, 3: 0.3, 10: 0.1, 100: 0.01}
#: rows along a line in a chunk, by the classes; one costs about 0.15 ms for each of them
LINE_CHUNK = 500


@dataclass(frozen=True)
class Task:
    """A chunk to be made by `make`."""

    kind: str
    args: tuple[Any, ...]

    def make(self) -> Any:
        """The chunk, of a class of measure.py."""
        if self.kind == "switches":
            return measure.Numbers(0, 0, switches=self.args)
        if self.kind == "numbers":
            return measure.Numbers(*self.args)
        if self.kind == "rows":
            return measure.Rows(*self.args)
        if self.kind == "model rows":
            return measure.ModelRows(*self.args)
        if self.kind == "binary lines":
            return measure.LineRows(line_points.margins(*self.args), softmax=False)
        return measure.LineRows(line_points.softmax_lines(*self.args), softmax=True)


def _pieces(total: float, size: int) -> list[int]:
    """`total`, rounded up, cut into pieces of `size` and a rest."""
    whole, rest = divmod(max(1, int(-(-total // 1))), size)
    return [size] * whole + ([rest] if rest else [])


def _rows(kind: str, K: int, elements: float, elements_of_row: int) -> list[Task]:
    a_family = elements / len(points.FAMILIES) / elements_of_row
    pieces = _pieces(a_family, max(1, CHUNK // elements_of_row))
    return [Task(kind, (family, K, i, n)) for family in points.FAMILIES for i, n in enumerate(pieces)]


def plan(n: int) -> list[Task]:
    """Tasks that measure every function at `n` points at least; the slow ones first."""
    found = []
    for kind in line_points.KINDS:
        for K, share in LINE_CLASSES.items():
            rows = LINE_SHARE * share * n / len(line_points.KINDS)
            pieces = _pieces(rows, max(1, LINE_CHUNK // K))
            found += [Task("softmax lines", (kind, K, i, k)) for i, k in enumerate(pieces)]
    found += [Task("binary lines", (i, k)) for i, k in enumerate(_pieces(LINE_SHARE * n, LINE_CHUNK))]
    for K, share in ROW_SHARES.items():
        found += _rows("rows", K, share * n, K)
    for K in MODEL_CLASSES:
        found += _rows("model rows", K, n / len(MODEL_CLASSES), (K - 1) ** 2)
    found.append(Task("switches", (64, 4)))
    found += [Task("numbers", (i, k)) for i, k in enumerate(_pieces(n + n % 2, CHUNK))]
    return found
