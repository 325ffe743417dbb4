"""What a check of gradients found, as numbers and as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sigmax.data.checks import plural, position


@dataclass(frozen=True, slots=True)
class Check:
    """One array that a rule gives, against differences.

    Attributes
    ----------
    what : str
        ``"input"``: backward.  The name of a parameter: its gradient.  ``"forward_tangent"``,
        ``"backward_tangent"``, ``"gradients_tangent[weight]"``: the second rules.
    checked, of : int
        Entries checked, of all entries of the array.
    index : tuple of int
        The worst entry, by error / tolerance; the four numbers below are its own.  Empty for a scalar, and
        where nothing was checked.
    analytic, difference : float
        What the rule gives, and what the differences say.
    error, tolerance : float
        Their distance, and how much is allowed; nan where the rule gives nan.
    passed : bool
        Whether all checked entries are within their tolerances.
    disagreeing : int
        Checked entries that are not.
    """

    what: str
    checked: int
    of: int
    index: tuple[int, ...]
    analytic: float
    difference: float
    error: float
    tolerance: float
    passed: bool
    disagreeing: int

    @property
    def ratio(self) -> float:
        """error / tolerance of the worst entry; inf for nan."""
        if math.isnan(self.error) or math.isnan(self.tolerance):
            return math.inf
        if self.tolerance == 0.0:
            return math.inf if self.error else 0.0
        return self.error / self.tolerance

    @property
    def at(self) -> str:
        """``weight[1, 0]``."""
        return position(self.what, self.index)


@dataclass(frozen=True, slots=True, repr=False)
class GradientReport:
    """What :func:`check_gradients` found; true where everything agrees.

    Attributes
    ----------
    layer : str
        The layer, as it shows itself.
    passed : bool
        Whether all checks agree and no rule breaks a law.
    checks : tuple of Check
        One for each array.
    notes : tuple of str
        What is worth knowing and no failure.
    failures : tuple of str
        A sentence for each law that a rule breaks, whatever the differences say.
    """

    layer: str
    passed: bool
    checks: tuple[Check, ...]
    notes: tuple[str, ...]
    failures: tuple[str, ...]

    @property
    def worst(self) -> Check | None:
        """The check with the largest error / tolerance; None where none was made."""
        made = [one for one in self.checks if one.checked]
        return max(made, key=lambda one: (not one.passed, one.ratio), default=None)

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        verdict = "passed" if self.passed else "failed"
        return f"<GradientReport of {self.layer}: {verdict}, {plural(len(self.checks), 'check')}>"

    def __str__(self) -> str:
        verdict = "all rules agree with differences" if self.passed else "THE RULES ARE WRONG"
        lines = [f"{self.layer}: {verdict}"]
        if self.checks:
            lines += _table(self.checks)
        lines += [f"failure: {one}" for one in self.failures]
        lines += [f"note: {one}" for one in self.notes]
        lines.append(self._last())
        return "\n".join(lines)

    def _last(self) -> str:
        worst = self.worst
        if worst is None:
            return "worst: no entry was checked"
        return (
            f"worst: {worst.at}, the rule gives {_exact(worst.analytic)}, differences "
            f"{_exact(worst.difference)}: {_times(worst.ratio)} the tolerance"
        )


def _table(checks: tuple[Check, ...]) -> list[str]:
    rows = [("", "entries", "worst at", "rule", "differences", "error", "tolerance", "")]
    for one in checks:
        entries = f"{one.checked:,}" if one.checked == one.of else f"{one.checked:,} of {one.of:,}"
        if not one.checked:
            rows.append((one.what, entries, "-", "-", "-", "-", "-", ""))
            continue
        rows.append(
            (
                one.what,
                entries,
                f"[{', '.join(map(str, one.index))}]" if one.index else "-",
                _shown(one.analytic),
                _shown(one.difference),
                f"{one.error:.1e}",
                f"{one.tolerance:.1e}",
                "" if one.passed else f"WRONG in {one.disagreeing:,}",
            )
        )
    widths = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if j in (0, len(row) - 1) else cell.rjust(width)
            for j, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _shown(value: float) -> str:
    """Seven digits."""
    return f"{value + 0.0:.7g}"


def _exact(value: float) -> str:
    return f"{value + 0.0:.10g}"


def _times(ratio: float) -> str:
    if math.isinf(ratio):
        return "beyond"
    return f"{ratio:.2g} times" if ratio < 1e4 else f"{ratio:.1e} times"
