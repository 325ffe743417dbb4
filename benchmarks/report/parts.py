"""The parts of the whole benchmark: what each measures, and the command that does."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

#: seconds of a fit above which a peer is timed once, and those of the longest fit of a curve
SLOW, CURVE = 5, 1
#: problems of the speed part: generated ones, among them the shape that costs sigmax most beside its peers,
#: real ones, and many fits at once.  2,000,000 x 20 and 500,000 x 50 with 5 classes would double the hour: R
#: and statsmodels take minutes for a fit; they are in `python benchmarks/exact_optimum`
PROBLEMS = (
    "binary_100000x500",
    "flights_delayed",
    "flights_origin",
    "digits_l2",
    "small_569x30_l2",
    "small_500x10",
    "spector",
    "fair",
    "anes96",
    "bootstrap_10000_of_500x5",
    "groups_10000_of_200x4",
)
#: a small one with many classes, and one with many rows, both real
CURVES = ("anes96", "flights_delayed")
#: in their place with --tiny
TINY = ("spector", "small_500x10")


@dataclass(frozen=True)
class Part:
    """What one command measures and writes.

    Attributes
    ----------
    name : str
    title : str
        For readers.
    arguments : tuple of str
        The folder under ``benchmarks/`` and what is always asked of it.
    minutes : int
        About, on two CPUs.
    problems : tuple of str
        Of exact_optimum, which follow the arguments; a part that has some takes ``--cache`` and ``--data``.
    """

    name: str
    title: str
    arguments: tuple[str, ...]
    minutes: int
    problems: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Of its figures."""
        return f"{self.name}.json"

    def how(self, n_threads: int = 2, *, tiny: bool = False, folder: str = "DIR") -> str:
        """The command, as a reader types it in a checkout; on as many threads as the figures are of."""
        program, *rest = self.arguments
        problems = TINY if tiny and self.problems else self.problems
        words = ["python", f"benchmarks/{program}", *rest, *problems, "--threads", str(n_threads)]
        words += ["--json", f"{folder}/{self.file}", *(["--tiny"] if tiny else [])]
        return shlex.join(words)


_SPEED = ("exact_optimum", "--peers", "all", "--quick", "--slow", str(SLOW), "--problems")
_CURVES = ("exact_optimum", "--curves", "--quick", "--seconds", str(CURVE), "--problems")
PARTS = {
    part.name: part
    for part in (
        Part("problems", "The problems", ("exact_optimum", "--describe"), 1, PROBLEMS),
        Part("speed", "Time at equal accuracy", _SPEED, 20, PROBLEMS),
        Part("curves", "Accuracy against time", _CURVES, 10, CURVES),
        Part("roofline", "Against the machine", ("roofline",), 6),
        Part("scaling", "Cost against size", ("scaling", "--slow", str(SLOW)), 10),
    )
}
