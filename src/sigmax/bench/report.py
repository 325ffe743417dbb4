"""What one run measured, and how it reads as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from sigmax.bench import environment
from sigmax.bench.conditions import Conditions
from sigmax.bench.machine import Rate, attainable, threads_text
from sigmax.bench.timing import Timing
from sigmax.bench.work import Work

#: groups of operations, in the order in which they are timed
GROUPS = ("kernels", "pass", "fit")
#: columns of the text, at most
WIDTH = 100


@dataclass(frozen=True, slots=True)
class Measurement:
    """One operation on one backend.

    Attributes
    ----------
    group : {"kernels", "pass", "fit"}
    name : str
        The operation, or the problem of a pass or a fit.
    rows, columns, classes : int
    backend, isa : str
    n_threads : int
    timing : Timing
    work : Work
        What had to be done at least.
    speed_up : float or None
        Median time of the reference over this one; None for the reference, and without it.
    differs : float or None
        Largest difference from the numbers of the reference; of a fit in standard errors, else relative to
        the largest number of an array.  None for the reference, and without it.
    call_seconds : float or None
        Kernels: median time of the same call on one row, that is, of a call.
    passes, digits : float or None
        Fits: reads of the rows, and digits proved correct in the worst parameter.
    """

    group: str
    name: str
    rows: int
    columns: int
    classes: int
    backend: str
    isa: str
    n_threads: int
    timing: Timing
    work: Work
    speed_up: float | None
    differs: float | None
    call_seconds: float | None = None
    passes: float | None = None
    digits: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured in one run: as text through ``str``, for JSON through `record`.

    Attributes
    ----------
    environment : dict
        See :func:`sigmax.bench.machine.environment`; taken before the first measurement.
    n_threads : int
        Threads of the passes and fits; kernels run on one.
    bandwidth, dgemm : dict of int to Rate
        Limits of the machine on 1 and on `n_threads` threads: the better of what was measured before and
        after everything else.
    blas_threads : int or None
        Threads that BLAS was held to while backends were timed; None where it could not be held.
    empty_pass : Timing
        The first pass without any work: what blocks, threads and merge cost.
    measurements : tuple of Measurement
    scale : float
        Of the rows and of the time spent; 1 for comparable figures.
    seconds : float
        Duration of the whole run.
    conditions : Conditions
        What the machine did from its beginning to its end.
    """

    environment: dict[str, Any]
    n_threads: int
    bandwidth: dict[int, Rate]
    dgemm: dict[int, Rate]
    blas_threads: int | None
    empty_pass: Timing
    measurements: tuple[Measurement, ...]
    scale: float
    seconds: float
    conditions: Conditions

    def record(self) -> dict[str, Any]:
        """Ready for JSON: the attributes, `conditions` with what follows from them."""
        return asdict(self) | {"conditions": self.conditions.record()}

    def rates(self, n_threads: int) -> tuple[float, float]:
        """Read bandwidth in GB/s and DGEMM rate in GFLOP/s that `n_threads` threads can attain."""
        return (
            attainable(self.bandwidth, n_threads).best,
            attainable(self.dgemm, n_threads).best,
        )

    def __str__(self) -> str:
        """The machine first, then a section for each group; lines of at most 100 columns."""
        lines = [*_machine(self)]
        for group, section in zip(GROUPS, (_kernels, _passes, _fits), strict=True):
            chosen = [m for m in self.measurements if m.group == group]
            lines += ["", f"{group} ".ljust(WIDTH, "-"), *section(self, chosen)]
        lines += ["", *_note(_foot(self)), ""]
        for line in str(self.conditions).splitlines():
            lines += _note(line)
        return "\n".join(lines)


# -- cells -------------------------------------------------------------------------------------


def number(x: float) -> str:
    """Three significant digits, never in exponential form: 1,234  56.7  8.90  0.123."""
    if x >= 99.95:
        return f"{x:,.0f}"
    return f"{x:.1f}" if x >= 9.995 else f"{x:.2f}" if x >= 0.9995 else f"{x:.3f}"


def _percent(part: float) -> str:
    return f"{100.0 * part:.0f} %"


def _differs(value: float | None) -> str:
    return "" if value is None else f"{value:.0e}"


def _times(value: float | None) -> str:
    return "" if value is None else f"{number(value)} x"


def aligned(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Rows as lines; the first `left` columns flush left, the others flush right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if j < left else cell.rjust(width)
            for j, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _note(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH)


def _time_cells(m: Measurement, unit: float) -> list[str]:
    t = m.timing
    return [number(t.median / unit), number(t.fastest / unit), _percent(t.spread)]


# -- sections ----------------------------------------------------------------------------------


def _machine(report: Report) -> Iterable[str]:
    for line in environment.text(report.environment).splitlines():
        yield from _note(line)
    yield f"{threads_text(report.n_threads)}, warm-up dropped, backends in turns"
    yield ""
    rows = [["limits of the machine", "threads", "best", "median", "", "spread"]]
    for name, rates in (("read bandwidth", report.bandwidth), ("DGEMM", report.dgemm)):
        rows += [_rate_cells(name, rate) for rate in rates.values()]
    yield from aligned(rows, 1)
    for rates in (report.bandwidth, report.dgemm):
        yield from _note(f"{attainable(rates, report.n_threads).how}.")
    if report.blas_threads is None:
        held = "BLAS has its default threads, which can disturb the reference; install threadpoolctl"
    else:
        held = f"While backends are timed, BLAS is held to {threads_text(report.blas_threads)}"
    yield from _note(f"Measured before and after the rest; the better is shown.  {held}.")


def _rate_cells(name: str, rate: Rate) -> list[str]:
    return [
        name,
        str(rate.n_threads),
        number(rate.best),
        number(rate.median),
        rate.unit,
        _percent(rate.spread),
    ]


def _kernels(report: Report, chosen: Sequence[Measurement]) -> Iterable[str]:
    _, dgemm = report.rates(1)
    yield from _note(
        "One call on one row block, one thread, operands in cache.  DGEMM: share of its rate on one "
        "thread; 1 row: time of the same call on a single row; differs: from the reference, relative."
    )
    head = ["us", "fastest", "spread", "ns/row", "GFLOP/s", "DGEMM", "1 row us", "speed-up"]

    def cells(m: Measurement) -> list[str]:
        gflops = m.work.flops / m.timing.median * 1e-9
        assert m.call_seconds is not None
        return [
            *_time_cells(m, 1e-6),
            number(m.timing.median / m.rows / 1e-9),
            number(gflops) if gflops else "",
            _percent(gflops / dgemm) if gflops else "",
            number(m.call_seconds / 1e-6),
        ]

    def title(m: Measurement) -> str:
        shape = {"softmax_rows": f" x {m.classes - 1} logits", "weighted_gram": f" x {m.columns}"}
        return f"{m.name}, {m.rows:,}{shape.get(m.name, ' logits')}"

    yield from _by_operation(chosen, head, cells, title)


def _passes(report: Report, chosen: Sequence[Measurement]) -> Iterable[str]:
    gbs, gflops = report.rates(report.n_threads)
    yield from _note(
        "NLL, gradient and Hessian in one read of X.  The limit is the larger of bytes / read bandwidth "
        f"and flops / DGEMM rate, the best on up to {threads_text(report.n_threads)}; over: median / "
        "limit.  Blocks, threads and merge of the first pass without work: "
        f"{number(report.empty_pass.median / 1e-3)} ms."
    )
    head = ["ms", "fastest", "spread", "GB/s", "read", "GFLOP/s", "DGEMM", "over", "speed-up"]

    def cells(m: Measurement) -> list[str]:
        seconds = m.timing.median
        return [
            *_time_cells(m, 1e-3),
            number(m.work.bytes / seconds * 1e-9),
            _percent(m.work.bytes / seconds * 1e-9 / gbs),
            number(m.work.flops / seconds * 1e-9),
            _percent(m.work.flops / seconds * 1e-9 / gflops),
            f"{number(seconds / m.work.limit(gbs, gflops))} x",
        ]

    def title(m: Measurement) -> str:
        limit = number(m.work.limit(gbs, gflops) / 1e-3)
        return f"{m.name}: limit {limit} ms ({m.work.bound_by(gbs, gflops)})"

    yield from _by_operation(chosen, head, cells, title)


def _fits(report: Report, chosen: Sequence[Measurement]) -> Iterable[str]:
    yield from _note(
        "sigmax.fit with its defaults.  passes: reads of the rows; digits: proved correct in the worst "
        "parameter; differs: from the reference, in standard errors."
    )
    head = ["ms", "fastest", "spread", "passes", "ms/pass", "digits", "speed-up"]

    def cells(m: Measurement) -> list[str]:
        assert m.passes is not None
        assert m.digits is not None
        return [
            *_time_cells(m, 1e-3),
            f"{m.passes:g}",
            number(m.timing.median / m.passes / 1e-3),
            f"{m.digits:.1f}",
        ]

    yield from _by_operation(chosen, head, cells, lambda m: m.name)


def _by_operation(
    chosen: Sequence[Measurement],
    head: Sequence[str],
    cells: Callable[[Measurement], list[str]],
    title: Callable[[Measurement], str],
) -> Iterable[str]:
    """A title for each operation, below it one line for each backend; `head` names the cells."""
    rows = [["", *head, "differs"]]
    titles = {}  # row -> title above it
    for _, group in groupby(chosen, key=lambda m: (m.name, m.rows, m.columns)):
        for index, m in enumerate(group):
            if index == 0:
                titles[len(rows)] = title(m)
            rows.append([f"  {m.backend}", *cells(m), _times(m.speed_up), _differs(m.differs)])
    for row, line in enumerate(aligned(rows, 1)):
        if row in titles:
            yield titles[row]
        yield line


def _foot(report: Report) -> str:
    foot = "Times are medians and fastest rounds; spread: (max - min) / median."
    if report.scale != 1.0:
        foot += f"  Scale {report.scale:g}: not comparable with other scales."
    return foot
