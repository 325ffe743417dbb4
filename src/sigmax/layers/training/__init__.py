"""Training methods: one algorithm per file.  They see a cost and vectors, never layers, X or labels."""

from sigmax.layers.training.cost import Callback, Cost, Outcome, State
from sigmax.layers.training.train import METHODS, Method, train

#: methods that count epochs, not steps
EPOCHS = frozenset(name for name, one in METHODS.items() if one.stochastic)

__all__ = ["EPOCHS", "METHODS", "Callback", "Cost", "Method", "Outcome", "State", "train"]
