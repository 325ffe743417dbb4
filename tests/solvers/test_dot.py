"""Scalar products of vectors."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

from sigmax.solvers.dot import dot

#: fits whose vectors are long enough for BLAS to sum them on several threads
FITS = """
import warnings
import numpy as np
from sigmax.layers import NLL, Linear, LogSoftmax, Network, Tanh
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 200))
y = (X[:, 0] * X[:, 1] > 0.0).astype(int)
for method, steps in (("lbfgs", 6), ("newton-cg", 2), ("gd", 5), ("adam", 1)):
    network = Network(Linear(200, 120, seed=1), Tanh(), Linear(120, 2, seed=2), LogSoftmax(), NLL())
    network.fit(X, y, method=method, max_iter=steps, l2=0.01, seed=0)
    print(method, hash(network.vector.tobytes()))
"""


@pytest.mark.parametrize("n", [0, 1, 7, 1000, 50_000])
def test_a_product_is_as_accurate_as_it_says(n):
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=(2, n))
    products = a * b
    exact = math.fsum(products.tolist())
    bound = (math.log2(max(n, 2)) + 13.0) * 2.0**-53 * np.abs(products).sum()
    assert abs(dot(a, b) - exact) <= bound


def test_steps_have_the_same_bits_whatever_threads_blas_has():
    found = []
    for count in ("1", "2"):
        threads = {f"{name}_NUM_THREADS": count for name in ("OPENBLAS", "MKL", "OMP", "SIGMAX")}
        environment = os.environ | threads | {"PYTHONHASHSEED": "0"}
        run = subprocess.run(
            [sys.executable, "-c", FITS], env=environment, capture_output=True, text=True, check=True
        )
        found.append(run.stdout)
    assert found[0].count("\n") == 4
    assert found[0] == found[1]
