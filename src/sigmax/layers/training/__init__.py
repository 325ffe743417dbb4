"""Training methods: one algorithm per file.  They see a cost and vectors, never layers, X or labels."""

from sigmax.layers.training.cost import Callback, Cost, Outcome, State
from sigmax.layers.training.train import METHODS, Method, train

__all__ = ["METHODS", "Callback", "Cost", "Method", "Outcome", "State", "train"]
