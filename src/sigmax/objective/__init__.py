"""The objective: negative log-likelihood plus penalty as a function of one coefficient vector."""

from sigmax.objective.change import Change
from sigmax.objective.line import Line
from sigmax.objective.objective import Objective, linear_predictor
from sigmax.objective.penalty import Penalty
from sigmax.objective.values import Evaluation, FirstOrder, Refined, Slope

__all__ = [
    "Change",
    "Evaluation",
    "FirstOrder",
    "Line",
    "Objective",
    "Penalty",
    "Refined",
    "Slope",
    "linear_predictor",
]
