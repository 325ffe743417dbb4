"""A table with columns of every kind, for tests of formulas."""

import json

import numpy as np
import pandas as pd

from sigmax.data.formulas.formula_data import observe

N = 240


def table():
    """Columns of every kind, with an index that means nothing."""
    rng = np.random.default_rng(6)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=N),
            "z": rng.uniform(0.5, 3.0, N),
            "count": rng.integers(0, 2000, N),
            "race": rng.integers(1, 4, N),
            "site": rng.choice(["north", "south", "west"], N),
            "smoker": rng.integers(0, 2, N).astype(bool),
            "treated": rng.integers(0, 2, N),
            "blood type": pd.Categorical(rng.choice(["0", "A"], N), categories=["A", "0", "AB"]),
            "lead.level": rng.normal(size=N),
            "y": rng.choice(["no", "yes"], N),
        }
    )
    return frame.set_index(rng.permutation(N) // 2)  # labels stand there twice


def terms_of(right, df):
    return observe(f"y ~ {right}", df).terms


def stored(terms):
    """What a file has of them."""
    return json.loads(json.dumps(terms.state(), allow_nan=False))
