"""sigmax: exact maximum likelihood for logistic and multinomial regression.

``sigmax.fit(X, y)`` is the front door; ``sigmax.datasets`` holds real data to try it on; the command
``sigmax`` is the same library in the shell.  What the functions of logits, ``expit`` to ``cross_entropy``,
have in common says :mod:`sigmax.functions`.
"""

from __future__ import annotations

from sigmax import datasets
from sigmax.compare import compare
from sigmax.exceptions import ConvergenceWarning, SeparationError, SeparationWarning
from sigmax.fitting import fit
from sigmax.functions import cross_entropy, expit, log1pexp, log_expit, log_softmax, logsumexp, softmax
from sigmax.many import fit_many

__version__ = "0.1.0"

__all__ = [
    "ConvergenceWarning",
    "SeparationError",
    "SeparationWarning",
    "__version__",
    "compare",
    "cross_entropy",
    "datasets",
    "expit",
    "fit",
    "fit_many",
    "log1pexp",
    "log_expit",
    "log_softmax",
    "logsumexp",
    "softmax",
]
