"""The competitor that does nothing: it is handed coefficients and returns them.

Its time is the harness's cost: what a call and the collecting of warnings take of every other row.
"""

from __future__ import annotations

from typing import Any

from libraries.base import NO_TOLERANCE, Answer, Peer


def solve(X: Any, y: Any, l2: float, tolerance: float, iterations: int | None) -> Answer:
    return Answer(X)


PEERS = (Peer("does nothing", "sigmax", (), solve, ladder=NO_TOLERANCE, does_nothing=True),)
