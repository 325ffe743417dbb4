"""A layer of a network, as a picture shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """A column of units.

    Attributes
    ----------
    title : str
        Above it.
    width : int
        Units that it has, of which some are drawn.
    inside : str
        What is written into each unit; mathtext.
    labels : tuple of str
        Names of the units, or none.
    side : {"left", "right"}
        Where the names stand.
    bias : bool
        Whether a unit that is always 1 stands above the others, beside `width`.
    zeros : tuple of int
        Units that are always 0.
    """

    title: str
    width: int
    inside: str = ""
    labels: tuple[str, ...] = ()
    side: str = "left"
    bias: bool = False
    zeros: tuple[int, ...] = ()
