"""What a forest plot holds: terms and lines, gathered from fits, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sigmax.inference.tables import label_text
from sigmax.kernels import Float
from sigmax.plots.words import cut

if TYPE_CHECKING:
    from sigmax.inference.result import Result

#: what stands in the place of an estimate
LEFT_OUT, NO_LIMIT, ABSENT = "left out", "no limit", ""


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Terms, groups of lines, the numbers of each line, (G, T), and the index of its class."""

    terms: tuple[str, ...]
    groups: tuple[str, ...]
    estimates: Float
    intervals: Float
    words: npt.NDArray[np.str_]
    classes: tuple[int, ...]

    def sorted(self) -> Gathered:
        """Terms by the estimates of the first group, the largest first, those without one last."""
        first = np.where(np.isnan(self.estimates[0]), -np.inf, self.estimates[0])
        order = np.argsort(-first, kind="stable")
        terms = tuple(self.terms[t] for t in order)
        return Gathered(
            terms,
            self.groups,
            self.estimates[:, order],
            self.intervals[:, order],
            self.words[:, order],
            self.classes,
        )


def gathered(results: Mapping[str, Result], names: Sequence[str], level: float, method: str) -> Gathered:
    """The parameters of those names, a line for each result and class; nan where a result has none."""
    groups: list[str] = []
    classes: list[int] = []
    lines: list[tuple[Float, Float, npt.NDArray[np.str_]]] = []
    for called, result in results.items():
        k = len(result.param_names)
        ends = result.conf_int(level, method=method).reshape(-1, k, 2)
        values, gone = result.params.reshape(-1, k), result.aliased.reshape(-1, k)
        words = np.where(np.isnan(values), np.where(gone, LEFT_OUT, NO_LIMIT), ABSENT)
        places = [result.param_names.index(name) if name in result.param_names else -1 for name in names]
        there = np.array(places) >= 0
        every = [label_text(label) for label in result.classes]
        for row, label in enumerate(result.row_labels):
            classes.append(every.index(label_text(label)))
            own = label_text(label) if result.params.ndim == 2 else ""
            groups.append(", ".join(x for x in (called, own) if x))
            lines.append(
                (
                    np.where(there, values[row, places], np.nan),
                    np.where(there[:, None], ends[row, places], np.nan),
                    np.where(there, words[row, places], ABSENT),
                )
            )
    estimates, intervals, written = (np.stack(part) for part in zip(*lines, strict=True))
    return Gathered(tuple(names), tuple(groups), estimates, intervals, written, tuple(classes))


def terms_of(results: Mapping[str, Result], terms: Sequence[str] | None, intercept: bool) -> list[str]:
    """Names of the terms to draw; those of the first result first.

    Raises
    ------
    ValueError
        A name is none of the columns of any result, or there is none to draw.
    """
    every: dict[str, None] = {}
    first: set[str] = set()
    for result in results.values():
        every |= dict.fromkeys(result.param_names)
        if result.fit_intercept:
            first.add(result.param_names[0])
    if terms is None:
        found = [name for name in every if intercept or name not in first]
        if not found:
            raise ValueError("the fits have no term but the intercept: draw it with intercept=True")
        return found
    if isinstance(terms, str):
        raise ValueError(f"terms must be a sequence of names; got the text {terms!r}")
    wanted = list(terms)
    unknown = [name for name in wanted if name not in every]
    if unknown or not wanted:
        known = ", ".join(map(repr, list(every)[:8])) + (", ..." if len(every) > 8 else "")
        got = f"{unknown[0]!r}" if unknown else "none"
        raise ValueError(f"terms must be names of columns, {known}; got {got}")
    return wanted


def method_name(method: str, results: Iterable[Result]) -> str:
    """What the intervals are called; other covariances than the inverse information are named."""
    if method == "profile":
        return "profile"
    kinds = {result.covariance_kind for result in results}
    return "Wald" if kinds == {"mle"} else f"Wald ({', '.join(sorted(kinds))})"


def quantity(results: Iterable[Result], odds_ratios: bool) -> str:
    """What the numbers are called, and against which class they stand where there are more than two."""
    found = list(results)
    two = all(len(result.classes) == 2 for result in found)
    name = "coefficient" if not odds_ratios else "odds ratio" if two else "relative-risk ratio"
    references = {None if r.reference is None else label_text(r.reference) for r in found}
    if two or len(references) > 1:
        return name
    [reference] = references
    return f"{name} against {'the mean of classes' if reference is None else f'class {cut(reference, 20)}'}"
