"""What all displays share: matplotlib on demand, axes of the caller's or new ones, one look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sigmax import extras

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

#: of classes and lines, in turn: Okabe & Ito's colours, which readers without red or green tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
#: of what is there for comparison: axes of zero effect, diagonals, other models
MUTED = "#8A8A8A"


class Display:
    """A picture that can be drawn.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was last drawn.
    figure_ : matplotlib.figure.Figure or SubFigure
        The figure of `ax_`.
    """

    ax_: Axes
    figure_: Figure | SubFigure

    def _begin(self, ax: Axes | None, size: tuple[float, float] = (6.4, 4.4)) -> Axes:
        """The axes to draw on: those given, or new ones in a figure of `size` inches."""
        if ax is None:
            pyplot = extras.load("matplotlib.pyplot", extra="plot", what=type(self).__name__)
            # a layout that leaves room for long labels
            _, ax = pyplot.subplots(figsize=size, layout="constrained")
        assert ax is not None
        self.ax_, self.figure_ = ax, ax.figure
        return ax


def colour(index: int) -> str:
    """Colour of the class or line of an index; they repeat after eight.  Black is white in a dark style."""
    import matplotlib as mpl

    paint = COLOURS[index % len(COLOURS)]
    return str(mpl.colors.to_hex(mpl.rcParams["text.color"])) if paint == "#000000" else paint
