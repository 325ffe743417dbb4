"""A network as columns of units: what a picture of it shows."""

from __future__ import annotations

from collections.abc import Sequence

from sigmax.inference.tables import label_text
from sigmax.layers import (
    Linear,
    LogSigmoid,
    LogSoftmax,
    Network,
    Reference,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from sigmax.layers.layer import Layer as NetworkLayer
from sigmax.plots.edges import Weights
from sigmax.plots.layer import Layer

#: what is written into the units of a layer that stands above linear ones
_INSIDE: dict[type[NetworkLayer], tuple[str, str]] = {
    Sigmoid: ("sigmoid", r"$h$"),
    Tanh: ("tanh", r"tanh"),
    ReLU: ("ReLU", r"max"),
    Softmax: ("softmax", "p"),
    LogSoftmax: ("softmax", "p"),
    LogSigmoid: ("sigmoid", "p"),
}


def columns_of(network: Network, names: Sequence[str] | None) -> tuple[list[Layer], Weights]:
    """Columns of a network, and what stands between them.

    Linear units and what follows them, up to the next linear ones, are one column: its units are drawn once.

    Raises
    ------
    ValueError
        The first layer is not linear; names that are not as many as its inputs.
    """
    leaves = [one for _, one in network.layers.leaves[:-1]]
    first = leaves[0]
    if not isinstance(first, Linear):
        raise ValueError(f"the first layer must be Linear, to be drawn; got {first!r}")
    if names is not None and len(names) != first.n_in:
        raise ValueError(f"names must have length {first.n_in}; got {len(names)}")
    labels = tuple(str(one) for one in names) if names is not None else ()
    columns = [Layer("inputs", first.n_in, "", labels, "left", first.bias is not None)]
    weights: Weights = {}
    starts = [place for place, one in enumerate(leaves) if isinstance(one, Linear)]
    for start, stop in zip(starts, [*starts[1:], len(leaves)], strict=True):
        linear = leaves[start]
        assert isinstance(linear, Linear)
        above = leaves[start + 1 : stop]
        ours = [
            _INSIDE.get(type(one), (type(one).__name__, "")) for one in above if type(one) is not Reference
        ]
        last = stop == len(leaves)
        following = None if last else leaves[stop]
        bias = isinstance(following, Linear) and following.bias is not None
        columns.append(
            Layer(
                ", ".join(title for title, _ in ours) or "linear",
                linear.n_out,
                ours[-1][1] if ours else r"$\Sigma$",
                _outputs(network, linear.n_out) if last else (),
                "right" if last else "left",
                bias,
            )
        )
        weights[len(columns) - 2] = linear.weight.copy(), None if linear.bias is None else linear.bias.copy()
    loss = type(network.loss).__name__
    return [*columns, Layer("loss", 1, "NLL" if loss in {"NLL", "BernoulliNLL"} else loss)], weights


def _outputs(network: Network, units: int) -> tuple[str, ...]:
    """Labels of the last units: of the classes, where the network knows them."""
    if network.classes is None or units > len(network.classes):
        return ()
    labels = tuple(label_text(one) for one in network.classes.tolist())
    return labels[len(labels) - units :]  # the class of reference has no unit
