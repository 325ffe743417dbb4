"""``sigmax fit``: a regression, its table or its JSON document, its model file, its pictures."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import sigmax
from sigmax import datasets
from sigmax.data.disk import files
from sigmax.inference.result import Result
from sigmax.progress import ProgressLine
from sigmax.shell import fit_document, output, pictures, source
from sigmax.shell.usage import UsageError, check_level, check_penalty, check_place, names_of

#: a name in a formula that nothing is called or taken from
_WORD = re.compile(r"(?<![\w.'\"])[^\W\d]\w*(?![\w(.])")


def run(options: argparse.Namespace) -> int:
    """Fit, print, save, draw; 1 where the fit has no certificate."""
    check_level(options.level)
    check_penalty(options.l2)
    if options.save is not None:
        check_place("--save", options.save)
    if options.plots is not None:
        pictures.check(options.plots)
    arguments, target = _formula(options) if options.formula is not None else _columns(options)
    with ProgressLine(sys.stderr) as line:
        result = sigmax.fit(
            **arguments,
            weight_type=options.weight_type,
            fit_intercept=False if options.no_intercept else None,
            l2=options.l2,
            n_threads=options.threads,
            backend=options.backend,
            callback=line,
            collinear=options.collinear,
            on_separation=options.on_separation,
            bias_reduction=options.bias_reduction,
            missing=options.missing,
        )
    saved: list[str] = []
    drawn: list[str] = []
    try:
        if options.save is not None:
            result.save(options.save)
            saved.append(options.save)
        if options.plots is not None:
            for path, why_not in pictures.draw(result, options.plots, options.plot_format, options.level):
                if why_not:
                    print(f"sigmax: no {path}: {output.one_line(why_not)}", file=sys.stderr)
                else:
                    drawn.append(path)
    finally:
        # a fit whose model or picture cannot be written is shown all the same
        _report(options, result, target, saved, drawn)
    return 0 if result.certificate.converged else 1


def _report(
    options: argparse.Namespace, result: Result, target: str, saved: Sequence[str], drawn: Sequence[str]
) -> None:
    if options.json:
        content = fit_document.content(options, result, target, saved=saved, drawn=drawn)
        print(output.document("fit", content))
        return
    print(result.summary(level=options.level, target=target, odds_ratios=options.odds_ratios))
    for path in (*saved, *drawn):
        print(f"wrote {path}")


# -- what is fitted --------------------------------------------------------------------------------


def _columns(options: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Arguments of a fit of one column on others."""
    features = None if options.features is None else names_of("--features", options.features)
    if source.is_bundled(options.data):
        data = source.bundled(options.data, options.target, features)
        columns = datasets.load(options.data).columns
        beside = [name for name in (options.weights, *_offsets(options)) if name is not None]
        for name in beside:
            if name not in columns:
                raise UsageError(files.no_column(options.data, name, list(columns)))
        arguments: dict[str, Any] = {"X": data.X, "y": data.y, "names": data.features}
        return {**arguments, **_beside(options, columns, data.y.tolist())}, data.target
    names = source.names_in(options.data)
    beside = [name for name in (options.weights, *_offsets(options)) if name is not None]
    target, features = source.chosen(options, names, features, beside)
    table = source.table_of(options.data, names, (*features, target, *beside))
    table.require_usable(features)
    if options.missing == "raise":
        table.require_complete((*features, target, *beside))
    columns = {name: _floats(table, name) for name in beside}
    labels = table.labels(target, drop=True).tolist()
    arguments = {"X": table.arrow.select([*features, target]), "y": target}
    return {**arguments, **_beside(options, columns, labels)}, target


def _floats(table: files.Table, name: str) -> Any:
    """A column of numbers, nan where it has none."""
    part = files.Table(table.arrow.select([name]).drop_null(), table.origin)
    part.numbers(name)  # says what is wrong with it
    return np.asarray(table.arrow[name].cast("float64").to_numpy())


def _beside(options: argparse.Namespace, columns: Any, labels: Sequence[object]) -> dict[str, Any]:
    """Weights, offset and reference class."""
    arguments: dict[str, Any] = {}
    if options.weights is not None:
        arguments["sample_weight"] = columns[options.weights]
    if options.offset is not None:
        offsets = [columns[name] for name in _offsets(options)]
        arguments["offset"] = offsets[0] if len(offsets) == 1 else np.column_stack(offsets)
    if options.class_reference is not None:
        arguments["reference"] = source.class_of(labels, options.class_reference)
    return arguments


def _offsets(options: argparse.Namespace) -> tuple[str, ...]:
    return () if options.offset is None else names_of("--offset", options.offset)


def _formula(options: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Arguments of a fit of a formula."""
    if options.target is not None or options.features is not None:
        raise UsageError("--formula names target and features itself: leave out --target and --features")
    if options.no_intercept:
        raise UsageError(
            "--formula says whether there is an intercept: end it with '- 1', not --no-intercept"
        )
    target = options.formula.partition("~")[0].strip()
    beside = [name for name in (options.weights, *_offsets(options)) if name is not None]
    data: Any
    if source.is_bundled(options.data):
        data = columns = datasets.load(options.data).columns
        for name in beside:
            if name not in columns:
                raise UsageError(files.no_column(options.data, name, list(columns)))
        labels = columns[target].tolist() if target in columns else None
    else:
        names = source.names_in(options.data)
        read = [name for name in names if _names_column(options.formula, name)]
        # a name that is no column may be a mistyped one, which the whole table is needed to say
        no_other = all(word in names for word in _WORD.findall(options.formula))
        table = source.table_of(options.data, names, (*read, *beside) if read and no_other else names)
        if options.missing == "raise":
            table.require_complete((*read, *beside))
        data = table.arrow
        columns = {name: _floats(table, name) for name in beside}
        labels = table.labels(target, drop=True).tolist() if target in table.names else None
    # a sum of counts: the classes are numbered
    known = labels if labels is not None else list(range(len(target.split("+"))))
    return {"X": options.formula, "data": data, **_beside(options, columns, known)}, target


def _names_column(formula: str, name: str) -> bool:
    """Whether a formula has the name of a column, of no function."""
    quoted = re.escape(name)
    return re.search(rf"(?<![\w.]){quoted}(?![\w(])", formula) is not None
