"""The largest error each operation may have, in ulp: one table for the tests and the report.

Limits of the compiled backend are the library's promise, exp 1 and everything else 2, or below it where a
search has found less.  The reference writes the formulas down: NumPy's exp and log1p are within 1 ulp, and
each further operation adds half a unit, which costs up to an ulp where the mantissa of the result is large.
Both are a little above what a search over far more points than the tests have has found.
"""

from __future__ import annotations

#: what is promised for the compiled backend, whatever the instruction set
PROMISED = {"exp": 1.0}
PROMISED_ELSE = 2.0

#: errors in units of a stated bound: 1 by definition, on every backend
RELATIVE_TO_BOUND = ("logsumexp that cancels, of its bound", "softmax_line change, of its bound")

#: by the largest number of classes that it holds for, or for all
Limit = float | dict[int, float]

COMPILED: dict[str, Limit] = {}

REFERENCE: dict[str, Limit] = {}


def limit(backend: str, quantity: str, K: int | None = None) -> float | None:
    """Limit in ulp of a quantity of measure.py; None where no promise is made and only its bound counts.

    Parameters
    ----------
    backend : {"compiled", "reference"}
    quantity : str
    K : int, optional
        Number of classes.

    Raises
    ------
    KeyError
        A quantity of the reference that is not listed, or more classes than its limits go to.
    """
    if quantity == "softmax_line change":
        return None
    if quantity in RELATIVE_TO_BOUND:
        return 1.0
    if backend == "compiled" and quantity not in COMPILED:
        return PROMISED.get(quantity, PROMISED_ELSE)
    found = (COMPILED if backend == "compiled" else REFERENCE).get(quantity, 99.0)
    if isinstance(found, dict):
        fitting = [most for most in found if K is not None and K <= most]
        if not fitting:
            raise KeyError(f"no limit of {quantity} on {backend} for K = {K}")
        return found[min(fitting)]
    return found
