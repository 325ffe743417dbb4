"""sigmax: exact maximum likelihood for logistic and multinomial regression.

``sigmax.fit(X, y)`` is the front door; ``sigmax.datasets`` holds real data to try it on; the command
``sigmax`` is the same library in the shell.  What the functions of logits, ``expit`` to ``cross_entropy``,
have in common says :mod:`sigmax.functions`.

Importing sigmax loads none of this: each name is loaded with what it needs when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sigmax import datasets, layers, plots
    from sigmax.comparison import compare
    from sigmax.estimators.cv import LogisticRegressionCV
    from sigmax.estimators.logistic import LogisticRegression
    from sigmax.exceptions import ConvergenceWarning, SeparationError, SeparationWarning
    from sigmax.fitting import fit
    from sigmax.functions import cross_entropy, expit, log1pexp, log_expit, log_softmax, logsumexp, softmax
    from sigmax.inference.stored.reading import load
    from sigmax.many import fit_many
    from sigmax.version import __version__

#: public name -> the module that has it
_HOME = {
    "__version__": "version",
    "ConvergenceWarning": "exceptions",
    "LogisticRegression": "estimators.logistic",
    "LogisticRegressionCV": "estimators.cv",
    "SeparationError": "exceptions",
    "SeparationWarning": "exceptions",
    "compare": "comparison",
    "cross_entropy": "functions",
    "expit": "functions",
    "fit": "fitting",
    "fit_many": "many",
    "load": "inference.stored.reading",
    "log1pexp": "functions",
    "log_expit": "functions",
    "log_softmax": "functions",
    "logsumexp": "functions",
    "softmax": "functions",
}
#: modules that are public as they are
_ROOMS = ("datasets", "layers", "plots")

__all__ = [
    "ConvergenceWarning",
    "LogisticRegression",
    "LogisticRegressionCV",
    "SeparationError",
    "SeparationWarning",
    "__version__",
    "compare",
    "cross_entropy",
    "datasets",
    "expit",
    "fit",
    "fit_many",
    "layers",
    "load",
    "log1pexp",
    "log_expit",
    "log_softmax",
    "logsumexp",
    "plots",
    "softmax",
]


def __getattr__(name: str) -> object:
    if name in _HOME:
        found = getattr(importlib.import_module(f"sigmax.{_HOME[name]}"), name)
        globals()[name] = found
        return found
    if name in _ROOMS:
        return importlib.import_module(f"sigmax.{name}")
    raise AttributeError(f"module 'sigmax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
