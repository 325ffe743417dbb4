"""The kernels among threads and processes: the GIL, callers at once, forks, sizes beyond 2^31.

The same of the C code alone is in tests/c (threads.c, sizes.c), where the sanitizers see it.
"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import sigmax
from sigmax.kernels import interface

pytestmark = pytest.mark.needs_compiled

OPERATIONS = [
    name for name, member in vars(interface.Kernels).items() if inspect.isfunction(member) and name[0] != "_"
]
#: rows and columns of the calls below: some milliseconds for most of them
N, P, M = 20_011, 21, 2
CALLERS = 4


def call(operation, seed=0):
    """Arguments of an operation with outputs of its own: name -> value."""
    rng = np.random.default_rng(seed)
    m = 1 if operation.startswith(("binary", "firth")) else M
    k, K = P + 1, M + 1
    makers = {
        "X": lambda: rng.normal(size=(N, P)),
        "x": lambda: rng.normal(size=N) * 30,
        "A": lambda: rng.normal(size=(N, P)),
        "B": lambda: rng.normal(size=(P, m)),
        "bias": lambda: rng.normal(size=m),
        "coef": lambda: rng.normal(size=(m, k)) / 4,
        "coef_low": lambda: rng.normal(size=(m, k)) * 2.0**-60,
        "eta": lambda: rng.normal(size=(N, m)),
        "slope": lambda: rng.normal(size=(N, m)),
        "logits": lambda: rng.normal(size=(N, K)) * 5,
        "residual": lambda: rng.normal(size=(N, m)),
        "curvature": lambda: rng.random(N),
        "y": lambda: rng.integers(0, m + 1, N).astype(np.int32),
        "weight": lambda: rng.random(N),
        "offset": lambda: rng.normal(size=(N, m)),
        "step": lambda: 0.5,
        "intercept": lambda: True,
        "key": lambda: rng.integers(0, 2, N),
        "root": lambda: np.triu(rng.normal(size=(m * k, m * k))),
        "start": lambda: np.zeros(k),
        "tol": lambda: 1e-12,
        "score": lambda: 1e-10,
        "share": lambda: 1.0,
        "index_out": lambda: np.zeros(N, np.int64),
        "first_out": lambda: np.zeros(N, np.int64),
    }
    if operation == "newton_many":
        size = m * k
        return {
            "X": rng.normal(size=(N, P)),
            "y": rng.integers(0, K, N).astype(np.int32),
            "coef_out": np.full((1, m, k), np.nan),
            "numbers_out": np.full((1, 10), np.nan),
            "status_out": np.full(1, -1, dtype=np.int32),
            "intercept": True,
            "tol": 1e-12,
            "max_iter": 100,
            "weight": rng.random((1, N)),
            "offset": rng.normal(size=(N, m)),
            "l2": np.ones(1),
            "start": rng.normal(size=(1, m, k)) / 4,
            "gradient_out": np.full((1, size), np.nan),
            "hessian_out": np.full((1, size, size), np.nan),
            "inverse_out": np.full((1, size, size), np.nan),
        }
    of_logits = operation in ("softmax", "log_softmax", "cross_entropy")
    outputs = {
        "out": (N, K) if of_logits else (N, m) if operation == "matrix_product" else (N,),
        "p_out": (N, K),
        "eta_out": (N, m),
        "eta_low_out": (N, m),
        "gradient_low_out": (m, k),
        "largest_out": (P,),
        "gram_out": (k, k),
        "coef_out": (k,),
        "numbers_out": (7,),
        "vectors_out": (4, k),
        "inverse_out": (k, k),
        "gradient_out": (N, K) if of_logits else (m, k),
        "hessian_out": (m * k, m * k),
        "residual_out": (N, m),
        "curvature_out": (N, 1) if operation == "binary_rows" else (N, m, m),
    }
    names = inspect.signature(getattr(interface.Kernels, operation)).parameters
    return {
        name: makers[name]() if name in makers else np.full(outputs[name], np.nan)
        for name in names
        if name != "self"
    }


def outcome(kernels, operation, arguments):
    """All bits of what a call returns and writes."""
    returned = getattr(kernels, operation)(**arguments)
    written = [value.tobytes() for name, value in arguments.items() if name.endswith("out")]
    return repr(returned), written


@pytest.fixture
def nobody_is_interrupted():
    """A thread keeps the GIL until it gives it away: then what happens without it happened on purpose."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000.0)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("nobody_is_interrupted")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_gil_is_released(compiled, operation):
    # A counter that gives the GIL away after each step can move between the two looks at it only while the
    # kernel runs without the GIL.  On a busy machine one call may be too short for it: then another.
    arguments = call(operation)
    count, stop = [0], threading.Event()

    def work():
        while not stop.is_set():
            count[0] += 1
            time.sleep(0)  # without the GIL

    kernel = getattr(compiled, operation)
    counter = threading.Thread(target=work)
    counter.start()
    try:
        for _ in range(500):
            before = count[0]
            kernel(**arguments)
            after = count[0]
            if after > before:
                break
    finally:
        stop.set()
        counter.join()
    assert after > before


@pytest.mark.usefixtures("nobody_is_interrupted")
def test_the_counter_stands_still_while_the_gil_is_held():
    # the test above can fail: a call that keeps the GIL is not counted through
    count, stop = [0], threading.Event()

    def work():
        while not stop.is_set():
            count[0] += 1
            time.sleep(0)

    counter = threading.Thread(target=work)
    counter.start()
    while not count[0]:
        time.sleep(0)
    numbers, moved = list(range(100_000)), 0
    for _ in range(50):
        before = count[0]
        sum(numbers)
        moved += count[0] - before
    stop.set()
    counter.join()
    assert moved == 0


@pytest.mark.parametrize("operation", OPERATIONS)
def test_callers_at_once_get_the_serial_bits(compiled, operation):
    # inputs are shared, outputs are not
    shared = call(operation)
    wanted = outcome(compiled, operation, shared)
    own = [
        {name: value.copy() if name.endswith("out") else value for name, value in shared.items()}
        for _ in range(CALLERS)
    ]
    start = threading.Barrier(CALLERS)

    def work(arguments):
        start.wait(timeout=60)
        return [outcome(compiled, operation, arguments) for _ in range(5)]

    with ThreadPoolExecutor(CALLERS) as pool:
        found = list(pool.map(work, own))
    assert all(one == wanted for rounds in found for one in rounds)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_fit_in_a_forked_child():
    # the pool of threads exists in the parent; the child makes one of its own and gets the same bits
    code = """
        import os, warnings
        import numpy as np
        import sigmax as sx
        from sigmax import threads

        # what Python 3.12 says of every fork beside threads
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        rng = np.random.default_rng(0)
        X = rng.normal(size=(200_000, 5))
        y = (X[:, 0] + rng.logistic(size=len(X)) > 0).astype(int)

        def bits():
            result = sx.fit(X, y, n_threads=4)
            return result.params.tobytes() + result.bse.tobytes()

        wanted = bits()
        assert threads._pool is not None and threads._pool._threads
        for _ in range(3):
            child = os.fork()
            if not child:
                try:
                    same = bits() == wanted and threads._pool is not None
                except BaseException:
                    same = False
                os._exit(0 if same else 1)
            assert os.waitpid(child, 0)[1] == 0
        assert bits() == wanted
        print("ok")
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(Path(sigmax.__file__).resolve().parents[1])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_more_rows_than_32_bits_count(compiled):
    # one row, 2^31 + 5 times
    X = np.broadcast_to(np.array([-2.5]), (2**31 + 5, 1))
    largest = np.full(1, np.nan)
    assert compiled.column_largest(X, largest)
    assert largest[0] == 2.5
