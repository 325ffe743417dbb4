"""Marginal effects: how probabilities change with the variables, and how well that is known.

cumulants.py   what a row contributes: second and third cumulants
points.py      where effects are taken: all rows, rows with values held, the means
effects.py     derivatives, elasticities, discrete changes, and their derivatives by the coefficients, as sums
variables.py   columns of X, or what columns are made of
formula.py     the variables of a formula
request.py     ``Result.margins``
table.py       numbers and table
"""

from sigmax.inference.margins.request import Marginal
from sigmax.inference.margins.table import Margins

__all__ = ["Marginal", "Margins"]
