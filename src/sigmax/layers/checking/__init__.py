"""Do the rules of a layer fit each other?  Each is held against differences of the fourth order.

`check.py` says what is checked and in which order; `differences.py` decides about one array of numbers and
knows no layer, `surroundings.py` moves numbers, `watched.py` calls the rules and knows their laws, and
`report.py` is what comes out.
"""

from __future__ import annotations

from sigmax.layers.checking.check import check_gradients
from sigmax.layers.checking.report import Check, GradientReport

__all__ = ["Check", "GradientReport", "check_gradients"]
