"""Pictures of fits, as displays in the manner of scikit-learn's.  Needs matplotlib: extra ``plot``.

Each display is made by a class method such as ``SigmoidDisplay.from_result(result, ax=None)``, which draws
and returns the display.  What was drawn is in its attributes, so that it can be drawn again elsewhere with
``plot(ax=...)``; ``ax_`` and ``figure_`` are the axes and the figure of the last drawing.

Importing this loads neither matplotlib nor any display: each is loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sigmax.plots.boundary import DecisionBoundaryDisplay
    from sigmax.plots.calibration import CalibrationDisplay
    from sigmax.plots.convergence import ConvergenceDisplay
    from sigmax.plots.forest import CoefficientDisplay
    from sigmax.plots.influence import InfluenceDisplay
    from sigmax.plots.network import NetworkDisplay
    from sigmax.plots.profile import ProfileDisplay
    from sigmax.plots.roc import RocDisplay
    from sigmax.plots.sigmoid import SigmoidDisplay

#: display -> the module that has it
_HOME = {
    "CalibrationDisplay": "calibration",
    "CoefficientDisplay": "forest",
    "ConvergenceDisplay": "convergence",
    "DecisionBoundaryDisplay": "boundary",
    "InfluenceDisplay": "influence",
    "NetworkDisplay": "network",
    "ProfileDisplay": "profile",
    "RocDisplay": "roc",
    "SigmoidDisplay": "sigmoid",
}

__all__ = [
    "CalibrationDisplay",
    "CoefficientDisplay",
    "ConvergenceDisplay",
    "DecisionBoundaryDisplay",
    "InfluenceDisplay",
    "NetworkDisplay",
    "ProfileDisplay",
    "RocDisplay",
    "SigmoidDisplay",
]


def __getattr__(name: str) -> object:
    if name in _HOME:
        found = getattr(importlib.import_module(f"sigmax.plots.{_HOME[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'sigmax.plots' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
