"""Displays are drawn without a screen, with matplotlib's own defaults, and closed after each test."""

import matplotlib
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot
from plots import pictures


@pytest.fixture(autouse=True)
def drawing():
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams["backend"] = "Agg"
        yield
        pyplot.close("all")


@pytest.fixture
def picture(tmp_path):
    """``picture(figure, name)``: it has to look like baseline/NAME.png; its text is gone afterwards."""
    return lambda figure, name: pictures.check(figure, name, tmp_path)
