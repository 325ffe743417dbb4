"""A result as an ONNX graph in double precision: Concat, MatMul, Add, Softmax, ArgMax, Gather.

    probabilities = softmax([x] W + b),    label = classes[argmax]

The LinearClassifier of ai.onnx.ml holds its coefficients in single precision, which moves probabilities by
1e-7; these operators are float64 from end to end.  Two classes are a softmax, too, with a logit of 0 for the
first: as accurate for small probabilities as for large ones, where 1 - sigmoid is not.

Levels are compared with those of the fit, one column each, and divided by how many are equal: 1, or 0 for a
level that is none of them, so that its row is not a number.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.data.tabular.coded import Coded
from sigmax.data.tabular.coding import Coding
from sigmax.extras import load
from sigmax.inference.estimates import Estimates
from sigmax.inference.exports.linear import LinearModel, linear_model
from sigmax.kernels import Float
from sigmax.replacing import replacing
from sigmax.version import __version__

#: of the operators, and of the format: old enough for runtimes of 2022; comparing text is in a later one
_OPSET, _IR = 17, 8
_OPSET_OF_TEXT, _IR_OF_TEXT = 19, 9


@dataclass(slots=True)
class _Graph:
    """A graph under construction; names of its own do not collide with those of columns."""

    onnx: Any
    taken: set[str]
    inputs: list[Any] = field(default_factory=list)
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    has_text: bool = False

    def fresh(self, name: str) -> str:
        """A name that nothing else has."""
        found, i = name, 1
        while found in self.taken:
            found, i = f"{name}_{i}", i + 1
        self.taken.add(found)
        return found

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        """An array of the model."""
        name = self.fresh(name)
        self.constants.append(self.onnx.numpy_helper.from_array(value, name))
        return name

    def node(self, operator: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        """An operation; the name of what it gives."""
        output = self.fresh(operator.lower()) if output is None else output
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, [output], **attributes))
        return output

    def input(self, name: str, kind: int, width: int) -> str:
        """What the model is given, (rows, width)."""
        self.inputs.append(self.onnx.helper.make_tensor_value_info(name, kind, ["rows", width]))
        return name


def to_onnx(
    result: Estimates, path: str | os.PathLike[str] | None, *, outputs: tuple[str, str] | list[str]
) -> Any:
    """See :meth:`sigmax.inference.result.Result.to_onnx`."""
    onnx = load("onnx", extra="onnx", what="to_onnx()")
    model = linear_model(result, "to_onnx()")
    terms = result._source.terms
    if result.has_offset:
        raise ValueError("to_onnx() cannot hold the offset= of the fit, which is no column of the design")
    if terms is not None and terms.offsets is not None:
        raise ValueError("to_onnx() cannot hold the offset() of a formula, which is no column of the design")
    columns = list(model.names) if not isinstance(terms, Coding) else [one.name for one in terms.columns]
    inputs = columns if isinstance(terms, Coding) else ["X"]
    label, proba = outputs
    if len({label, proba, *inputs}) < len(inputs) + 2:
        raise ValueError(
            f"outputs must be two names that are not those of inputs; got {label!r} and {proba!r}, and the "
            f"inputs are {', '.join(map(repr, inputs[:8]))}"
        )
    graph = _Graph(onnx, {label, proba, *inputs})
    if isinstance(terms, Coding):
        design, weights = _of_coding(graph, terms, model)
    else:
        design, weights = _of_array(graph, model)
    bias = model.coef[:, 0] if model.intercept else np.zeros(len(model.classes))
    product = graph.node("MatMul", [design, graph.constant("weights", weights)])
    logits = graph.node("Add", [product, graph.constant("bias", bias.copy())])
    graph.node("Softmax", [logits], proba, axis=1)
    values, kind = _labels(onnx, model.classes)
    # of two equals the second, of more the first
    best = graph.node("ArgMax", [proba], axis=1, keepdims=0, select_last_index=int(len(values) == 2))
    graph.node("Gather", [graph.constant("classes", values), best], label, axis=0)
    made = _model(graph, [(label, kind, ["rows"]), (proba, onnx.TensorProto.DOUBLE, ["rows", len(values)])])
    facts = {
        "sigmax": __version__,
        "classes": json.dumps(values.tolist()),
        "columns": json.dumps(columns),
        "response": result._target,
    }
    onnx.helper.set_model_props(made, facts)
    onnx.checker.check_model(made, full_check=True)
    if path is not None:
        with replacing(path) as file:
            file.write(made.SerializeToString(deterministic=True))
    return made


def _model(graph: _Graph, outputs: list[tuple[str, int, list[Any]]]) -> Any:
    helper = graph.onnx.helper
    made = helper.make_graph(
        graph.nodes,
        "sigmax",
        graph.inputs,
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in outputs],
        graph.constants,
    )
    opset, ir = (_OPSET_OF_TEXT, _IR_OF_TEXT) if graph.has_text else (_OPSET, _IR)
    return helper.make_model(
        made,
        producer_name="sigmax",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=ir,
    )


def _of_array(graph: _Graph, model: LinearModel) -> tuple[str, Float]:
    """X with the columns of the design, those that were left out unread; its weights (p, K)."""
    used = model.used[int(model.intercept) :]
    weights = model.coef[:, int(model.intercept) :].T
    X = graph.input("X", graph.onnx.TensorProto.DOUBLE, len(used))
    if not used.all():
        kept = graph.constant("kept", np.flatnonzero(used).astype(np.int64))
        X, weights = graph.node("Gather", [X, kept], axis=1), weights[used]
    return X, np.ascontiguousarray(weights)


def _of_coding(graph: _Graph, coding: Coding, model: LinearModel) -> tuple[str, Float]:
    """Columns of a table, each an input; and the weights of what is made of them."""
    slopes = model.coef[:, int(model.intercept) :].T
    used = model.used[int(model.intercept) :]
    parts, weights = [], [np.zeros((0, len(model.classes)))]
    for one in coding.columns:
        place = coding.places[one.name]
        part, count = _coded(graph, one)
        if not used[place].any():
            continue
        rows = np.zeros((count, slopes.shape[1]))
        rows[count - (place.stop - place.start) :] = slopes[place]
        parts.append(part)
        weights.append(rows)
    return graph.node("Concat", parts, axis=1), np.concatenate(weights)


def _coded(graph: _Graph, column: Coded) -> tuple[str, int]:
    """A column of a table as columns of float64, one for each level; and how many."""
    kinds = graph.onnx.TensorProto
    if column.kind == "number":
        return graph.input(column.name, kinds.DOUBLE, 1), 1
    if column.kind == "boolean":
        given = graph.input(column.name, kinds.BOOL, 1)
        return graph.node("Cast", [given], to=kinds.DOUBLE), 1
    levels = np.array(column.levels, dtype=object)
    types = {type(level) for level in column.levels}
    values: npt.NDArray[Any]
    if types == {str}:
        values, kind, graph.has_text = levels, kinds.STRING, True
    elif types == {int} and all(-(2**63) <= level < 2**63 for level in column.levels):
        values, kind = levels.astype(np.int64), kinds.INT64
    elif types == {float}:
        values, kind = levels.astype(np.float64), kinds.DOUBLE
    else:
        raise ValueError(
            f"to_onnx() needs levels of text, or of numbers of one type; column {column.name!r} has levels "
            f"of {', '.join(sorted(one.__name__ for one in types))}"
        )
    given = graph.input(column.name, kind, 1)
    equal = graph.node("Equal", [given, graph.constant("levels", values[None, :])])
    ones = graph.node("Cast", [equal], to=kinds.DOUBLE)
    axes = graph.constant("axes", np.array([1], np.int64))
    known = graph.node("ReduceSum", [ones, axes], keepdims=1)
    return graph.node("Div", [ones, known]), len(levels)


def _labels(onnx: Any, classes: npt.NDArray[np.generic]) -> tuple[npt.NDArray[Any], int]:
    """Labels as ONNX has them, and their type."""
    kinds, kind, values = onnx.TensorProto, classes.dtype.kind, classes.tolist()
    if all(isinstance(one, str) for one in values):
        return np.array(values, dtype=object), kinds.STRING
    if kind == "b":
        return classes, kinds.BOOL
    if all(type(one) is int and -(2**63) <= one < 2**63 for one in values):
        return np.array(values, np.int64), kinds.INT64
    if all(type(one) is float for one in values):
        return np.array(values, np.float64), kinds.DOUBLE
    raise ValueError(
        f"to_onnx() needs labels of text, whole numbers, numbers or truth values; the classes are of "
        f"{classes.dtype}, the first {values[0]!r}"
    )
