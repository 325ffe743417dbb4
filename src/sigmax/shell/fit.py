"""``sigmax fit``: a regression, its table or its JSON document, its model file, its pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import sigmax
from sigmax import datasets
from sigmax.data import files
from sigmax.inference.result import Result
from sigmax.progress import ProgressLine
from sigmax.shell import fit_document, output, pictures, source
from sigmax.shell.usage import UsageError, check_level, check_penalty, check_place, names_of


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
        X, y, target, features = data.X, data.y, data.target, data.features

        def numbers(name: str) -> Any:
            if name not in columns:
                raise UsageError(files.no_column(options.data, name, list(columns)))
            return columns[name]

    else:
        table = source.table_of(options.data)
        others = (options.weights, *_offsets(options))
        target, features = source.chosen(options, table.names, features, others)
        X, y, numbers = table.matrix(features), table.labels(target), table.numbers
    arguments: dict[str, Any] = {"X": X, "y": y, "names": features}
    if options.weights is not None:
        arguments["sample_weight"] = numbers(options.weights)
    if options.offset is not None:
        arguments["offset"] = _side_by_side([numbers(name) for name in _offsets(options)])
    if options.class_reference is not None:
        arguments["reference"] = source.class_of(y.tolist(), options.class_reference)
    return arguments, target


def _offsets(options: argparse.Namespace) -> tuple[str, ...]:
    return () if options.offset is None else names_of("--offset", options.offset)


def _side_by_side(columns: Sequence[Any]) -> Any:
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def _formula(options: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Arguments of a fit of a formula."""
    if options.target is not None or options.features is not None:
        raise UsageError("--formula names target and features itself: leave out --target and --features")
    if options.no_intercept:
        raise UsageError(
            "--formula says whether there is an intercept: end it with '- 1', not --no-intercept"
        )
    target = options.formula.partition("~")[0].strip()
    data: Any
    if source.is_bundled(options.data):
        data = datasets.load(options.data).columns
        labels = data[target].tolist() if target in data else None
    else:
        table = source.table_of(options.data)
        data = table.arrow.to_pandas()
        labels = table.labels(target).tolist() if target in table.names else None
    arguments: dict[str, Any] = {"X": options.formula, "data": data}
    if options.weights is not None:
        arguments["sample_weight"] = options.weights
    if options.offset is not None:
        names = _offsets(options)
        arguments["offset"] = names[0] if len(names) == 1 else np.column_stack([data[one] for one in names])
    if options.class_reference is not None:
        known = labels if labels is not None else list(range(len(target.split("+"))))
        arguments["reference"] = source.class_of(known, options.class_reference)
    return arguments, target
