"""Line 2: functions of 1,000,000 x 10 logits, two threads, and of 1,000,000 numbers, one, against peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from figures import Figure
from numpy.testing import assert_allclose
from peers import Float, sklearn_loss_gradient, torch_forward_backward
from scipy import special

import sigmax as sx
from sigmax.bench import operations, problems
from sigmax.bench.timing import interleaved

ROWS, CLASSES = 1_000_000, 10
#: seconds to sleep before each sample: OpenMP's and BLAS's threads are asleep by then
REST = 0.05
#: how far results may differ for their times to be compared, relative to the largest number
_SAME = 1e-12

Call = Callable[[], Any]


def _same(a: Any, b: Any) -> None:
    """AssertionError where two libraries did not compute the same."""
    a, b = np.asarray(a), np.asarray(b)
    assert_allclose(a, b, rtol=0.0, atol=_SAME * float(np.abs(b).max()))


def figures(scale: float, n_threads: int, rounds: int) -> Iterator[Figure]:
    """Of ROWS times `scale` rows."""
    n = max(round(ROWS * scale), problems.fewest_rows(2, CLASSES))
    one = problems.multinomial(n, 2, CLASSES)
    logits = operations.all_logits(one)
    yield from _logsumexp(logits, n_threads, rounds)
    yield from _cross_entropy(logits, one.y, n_threads, rounds)
    yield from _log_expit(np.ascontiguousarray(logits[:, 1]), rounds)


def _shape(x: Float) -> str:
    return " x ".join(f"{size:,}" for size in x.shape)


def _logsumexp(logits: Float, n_threads: int, rounds: int) -> Iterator[Figure]:
    out = np.empty(len(logits))
    calls: dict[str, Call] = {
        "new": lambda: sx.logsumexp(logits, axis=1, n_threads=n_threads),
        "scipy": lambda: special.logsumexp(logits, axis=1),
        "out": lambda: sx.logsumexp(logits, axis=1, out=out, n_threads=n_threads),
    }
    _same(calls["new"](), calls["scipy"]())
    times = interleaved(calls, seconds=1.0, fewest=rounds, rest=REST)
    name, scipy = f"logsumexp {_shape(logits)}", times["scipy"].seconds
    yield Figure(2, name, "SciPy", times["new"], scipy, target=25.0)
    yield Figure(2, f"{name}, out=", "SciPy (has no out)", times["out"], scipy)


def _cross_entropy(logits: Float, y: Any, n_threads: int, rounds: int) -> Iterator[Figure]:
    gradient, copy = np.empty_like(logits), np.empty_like(logits)
    # what touches the memory and does nothing: read the logits, write as much
    pieces = [np.array_split(array, 4 * n_threads) for array in (copy, logits)]
    calls: dict[str, Call | None] = {
        "out": lambda: sx.cross_entropy(logits, y, out=gradient, n_threads=n_threads),
        "sklearn out": sklearn_loss_gradient(logits, y, n_threads, out=True),
        "new": lambda: sx.cross_entropy(logits, y, n_threads=n_threads),
        "sklearn new": sklearn_loss_gradient(logits, y, n_threads, out=False),
        "torch": torch_forward_backward(logits, y, n_threads),
    }
    present = {name: call for name, call in calls.items() if call is not None}
    loss, expected = sx.cross_entropy(logits, y, n_threads=n_threads)
    for call in present.values():
        found, found_gradient = call()
        _same(np.sum(found), loss)
        _same(found_gradient, expected)
    with ThreadPoolExecutor(n_threads) as pool:
        present["copy"] = lambda: list(pool.map(np.copyto, *pieces))
        times = interleaved(present, seconds=2.0, fewest=rounds, rest=REST)

    def figure(name: str, against: str, ours: str, theirs: str, **target: float) -> Figure:
        if theirs not in times:
            peer = against.partition(",")[0]
            return Figure(2, name, f"{peer} is not installed", None, None, **target)
        return Figure(2, name, against, times[ours], times[theirs].seconds, **target)

    name = f"cross_entropy {_shape(logits)}"
    yield figure(f"{name}, out=", "scikit-learn, out=", "out", "sklearn out", target=3.0, aim=4.0)
    yield figure(name, "scikit-learn", "new", "sklearn new", target=3.0, aim=4.0)
    yield figure(name, "torch", "new", "torch", target=12.0)
    yield figure(f"{name}, out=", "torch (has no out)", "out", "torch")
    yield figure(f"{name}, out=", "copying the logits", "out", "copy")


def _log_expit(x: Float, rounds: int) -> Iterator[Figure]:
    ours, theirs = np.empty_like(x), np.empty_like(x)
    calls: dict[str, Call] = {
        "out": lambda: sx.log_expit(x, out=ours, n_threads=1),
        "scipy out": lambda: special.log_expit(x, out=theirs),
        "new": lambda: sx.log_expit(x, n_threads=1),
        "scipy new": lambda: special.log_expit(x),
    }
    _same(calls["out"](), calls["scipy out"]())
    times = interleaved(calls, seconds=1.0, fewest=rounds, rest=REST)
    name = f"log_expit {_shape(x)}, 1 thread"
    yield Figure(2, f"{name}, out=", "SciPy, out=", times["out"], times["scipy out"].seconds, target=5.0)
    yield Figure(2, name, "SciPy", times["new"], times["scipy new"].seconds, target=5.0)
