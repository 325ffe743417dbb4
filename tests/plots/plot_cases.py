"""Data for displays without chance, so that every machine draws the same."""

import warnings

import numpy as np

import sigmax as sx

FLOWERS = np.array(["setosa", "versicolor", "virginica"])


def spread(n, step):
    """n numbers that fill (0, 1) evenly."""
    return (np.arange(1, n + 1) * step) % 1.0


def labelled(n=240, K=3):
    """(n, 2) numbers and labels of K classes that overlap."""
    X = np.column_stack([6.0 * spread(n, 0.618033988749895) - 3.0, 4.0 * spread(n, 0.754877666246693) - 2.0])
    noise = 3.0 * spread(n, 0.569840290998053) - 1.5
    score = X[:, 0] + 0.5 * X[:, 1] + noise
    return X, np.digitize(score, np.linspace(-1.5, 1.5, K + 1)[1:-1])


def beetles():
    """Bliss's beetles: log10 dose, and counts of those that survived and that died."""
    dose = np.array([1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839])
    killed, n = np.array([6, 13, 18, 28, 52, 53, 61, 60]), np.array([59, 60, 62, 56, 63, 59, 62, 60])
    return dose[:, None], np.column_stack([n - killed, killed])


def spector(**arguments):
    data = sx.datasets.load("spector")
    return sx.fit(data.X, data.y, names=data.features, **arguments)


def quietly(*arguments, **more):
    """A fit whose warnings are expected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sx.SeparationWarning)
        return sx.fit(*arguments, **more)


def table(n=400):
    """A frame: numbers, text, and labels that bend with age."""
    import pandas as pd

    age, weight = 18.0 + 42.0 * spread(n, 0.618033988749895), 40.0 + 40.0 * spread(n, 0.754877666246693)
    group = np.array(["white", "black", "other", "white"])[np.arange(n) % 4]
    p = 1.0 / (1.0 + np.exp(-((age - 38.0) ** 2 / 100.0 - 1.5) - 0.05 * (weight - 60.0) - (group == "black")))
    low = np.where(spread(n, 0.569840290998053) < p, "yes", "no")
    return pd.DataFrame({"low": low, "age": age, "weight": weight, "group": group})
