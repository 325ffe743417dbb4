"""sigmax: exact maximum likelihood for logistic and multinomial regression.

``sigmax.fit(X, y)`` is the front door; ``sigmax.datasets`` holds real data to try it on; the command
``sigmax`` is the same library in the shell.
"""

from __future__ import annotations

from sigmax import datasets
from sigmax.compare import compare
from sigmax.exceptions import ConvergenceWarning
from sigmax.fitting import fit

__version__ = "0.1.0"

__all__ = ["ConvergenceWarning", "__version__", "compare", "datasets", "fit"]
