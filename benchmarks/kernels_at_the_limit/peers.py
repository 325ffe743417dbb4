"""Other libraries at the same work, each at its best: C-contiguous float64, its own threads, no conversions.

Imported on demand.  A peer that is not installed is listed as missing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

#: peers that need not be installed: distribution -> module
OPTIONAL = {"scikit-learn": "sklearn", "torch": "torch"}


def load(peer: str) -> Any | None:
    """The module of a peer, or None where it is not installed."""
    try:
        return importlib.import_module(OPTIONAL[peer])
    except ImportError:
        return None


def versions() -> dict[str, str | None]:
    """Of the peers; None for one that is missing."""
    found = {peer: load(peer) for peer in OPTIONAL}
    return {peer: None if module is None else str(module.__version__) for peer, module in found.items()}


def sklearn_loss_gradient(
    logits: Float, y: npt.NDArray[np.int64], n_threads: int, *, out: bool
) -> Callable[[], tuple[Float, Float]] | None:
    """The fused loss and gradient of scikit-learn's multinomial loss; its losses stay one for each row.

    With `out` its results go to arrays that exist.  Labels are the float64 numbers that it asks for.
    """
    if load("scikit-learn") is None:
        return None
    module = importlib.import_module("sklearn._loss")
    loss = module.HalfMultinomialLoss(n_classes=logits.shape[1])
    y_true = y.astype(np.float64)
    given = {}
    if out:
        given = {"loss_out": np.empty(len(logits)), "gradient_out": np.empty_like(logits)}

    def call() -> tuple[Float, Float]:
        found: tuple[Float, Float] = loss.loss_gradient(y_true, logits, n_threads=n_threads, **given)
        return found

    return call


def torch_forward_backward(
    logits: Float, y: npt.NDArray[np.int64], n_threads: int
) -> Callable[[], tuple[Float, Float]] | None:
    """torch's cross_entropy and its backward, on the CPU, in float64; each gradient is a new tensor."""
    torch = load("torch")
    if torch is None:
        return None
    torch.set_num_threads(n_threads)
    x = torch.from_numpy(logits).requires_grad_()
    labels = torch.from_numpy(y)

    def call() -> tuple[Float, Float]:
        x.grad = None
        loss = torch.nn.functional.cross_entropy(x, labels, reduction="sum")
        loss.backward()
        return loss.detach().numpy(), x.grad.numpy()

    return call
