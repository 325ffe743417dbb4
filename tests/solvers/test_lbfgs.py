"""The memory of L-BFGS against its formula."""

import numpy as np

from sigmax.solvers.lbfgs import Memory


def test_the_memory_is_the_formula_of_bfgs():
    rng = np.random.default_rng(0)
    n = 6
    root = rng.standard_normal((n, n))
    H = root @ root.T
    memory = Memory(4)
    B = np.diag(rng.uniform(0.5, 2.0, n))
    first = B.copy()
    for _ in range(4):
        s = rng.standard_normal(n)
        y = H @ s
        assert memory.add(s, y)
        V = np.eye(n) - np.outer(y, s) / (s @ y)
        B = V.T @ B @ V + np.outer(s, s) / (s @ y)
    g = rng.standard_normal(n)
    assert np.allclose(memory.apply(lambda v: first @ v, g), B @ g, rtol=1e-10)
    assert len(memory) == 4


def test_the_memory_forgets_and_refuses():
    memory = Memory(2)
    e = np.eye(3)
    assert not memory.add(e[0], -e[0])
    assert not memory.add(e[0], e[1])
    assert not memory.add(e[0], np.full(3, np.nan))
    assert len(memory) == 0
    for j in range(3):
        assert memory.add(e[j], 2.0 * e[j])
    assert len(memory) == 2
    # the pair of e_0 is gone
    assert np.allclose(memory.apply(lambda v: v, np.ones(3)), [1.0, 0.5, 0.5])
