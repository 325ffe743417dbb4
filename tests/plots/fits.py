"""Fits that pictures are made of."""

import functools
import warnings

import numpy as np

import sigmax as sx
from sigmax.exceptions import SeparationWarning


def quietly(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SeparationWarning)
        return sx.fit(*args, **kwargs)


@functools.cache
def bundled(name, **options):
    data = sx.datasets.load(name)
    return sx.fit(data.X, data.y, names=data.features, **options)


def marker_rows():
    """A marker that only the second class has; the last column is twice the first."""
    age = np.array([0.3, -1.1, 0.8, 1.9, -0.4, 0.1, -0.9, 1.2, 0.5, -1.6] * 3)
    dose = np.array([1.0, 0.2, -0.7, 0.4, -1.3, 0.9] * 5)
    marker = np.r_[np.ones(6), np.zeros(24)]
    y = np.r_[np.ones(6, int), np.arange(24) % 3 == 0].astype(int)
    return np.column_stack([age, marker, dose, 2.0 * age]), y


@functools.cache
def separated():
    """Its marker is infinite, its last column left out."""
    X, y = marker_rows()
    return quietly(X, y, names=["age", "marker", "dose", "twice the age"])


@functools.cache
def without_limit():
    """Three classes, of which two have no limit for the marker against each other."""
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.normal(size=60), np.r_[np.ones(9), np.zeros(51)]])
    y = rng.integers(0, 3, 60)
    y[:9] = 2
    return quietly(X, y, names=["x", "marker"])


def words(ax):
    """Everything that is written into the axes by hand."""
    return [text.get_text() for text in ax.texts]


def legend(ax):
    """What stands in the legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]
