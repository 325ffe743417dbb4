"""Which way to the optimum: a cost model, its constants measured on one machine and used as ratios only.

Nanoseconds of one thread for a row, with k coefficients in each of m logits, P = m k:

    gradient   c_g = 0.25 k + m (0.15 k + 8)           reading x, two products a logit, the functions of a row
    Hessian    c_h = c_g + 0.010 k^2 m (m + 1) / 2 + 3 m^2      multiplications at the rate of the Gram kernel

(AMD EPYC with AVX-512, two threads: 2,000,000 x 20 took 11 and 22 ms, 500,000 x 100 14 and 44, 100,000 x 500
14 and 115, 500,000 x 50 with 5 classes 17 and 150.)  The ways, in passes over all rows:

    Newton                  8 c_h
    few reads, of a sample  (8 / 8 + 3) size c_h / n for the samples, then 5 c_g + c_h
    few reads, of all rows  2 c_h + (12 + m) c_g
    preconditioned          60 c_g, and a Gram matrix 0.005 k^2

plus P^3 / 3 flops at 20 a nanosecond for each Hessian that is factored.  A Hessian at the start takes the
place of a sample's where there are too few rows for one: 20 a parameter are 160 in all.  Steps with it take
some five gradients and then three reads in double-double at two gradients each; more classes take more.  They
are more calls than Newton's steps, by some 8 at 10,000 ns, which counts where rows are few.  60 gradients are
the worst of the preconditioned way, 20 its rule, less than two Hessians: where it is there, that way is not.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from sigmax.objective import Objective

#: fewer rows than this are read again and again from cache: not worth a sample
_FEW_ROWS = 20_000
#: rows of a sample: as many for each parameter, at least and if there are enough
_ROWS_A_PARAMETER, _LEAST_ROWS_A_PARAMETER = 200, 20
#: a sample is at least this part of the rows, and at most that
_SMALLEST_SHARE, _LARGEST_SHARE = 1 / 32, 1 / 8
#: parameters up to which a Hessian may be formed whatever it costs
_SMALL = 300
_FLOPS_A_NANOSECOND = 20.0
#: nanoseconds of the calls that few reads have more of than Newton's method
_CALLS = 8e4
#: gradients that a dear Hessian costs
_DEAR = 4.0


class Way(enum.Enum):
    """How a problem is solved."""

    NEWTON = "newton"
    FEW_READS = "few reads"
    PRECONDITIONED = "preconditioned"


@dataclass(frozen=True, slots=True)
class Costs:
    """Nanoseconds of a pass over all rows.

    Attributes
    ----------
    gradient, hessian : float
    factor : float
        Of a factorisation of the Hessian.
    gram : float
        Of the Gram matrix of the rows.
    """

    gradient: float
    hessian: float
    factor: float
    gram: float

    @property
    def hessian_is_dear(self) -> bool:
        """Whether a Hessian costs several gradients, so that it is not taken at every step."""
        return self.hessian > _DEAR * self.gradient

    @classmethod
    def of(cls, objective: Objective) -> Costs:
        """The costs of an objective."""
        n, m, k = objective.n_rows, objective.n_logits, objective.n_params // objective.n_logits
        gradient = 0.25 * k + m * (0.15 * k + 8.0)
        hessian = gradient + 0.010 * k * k * m * (m + 1) / 2 + 3.0 * m * m
        factor = objective.n_params**3 / 3.0 / _FLOPS_A_NANOSECOND
        return cls(n * gradient, n * hessian, factor, n * 0.005 * k * k)


@dataclass(frozen=True, slots=True)
class Plan:
    """The way chosen, and the rows of its sample.

    Attributes
    ----------
    way : Way
    size : int
        Rows of a sample; 0 where the way needs none, or few reads begin with the Hessian of all rows.
    """

    way: Way
    size: int = 0


def plan(objective: Objective) -> Plan:
    """The cheapest way for an objective; depends on its shape alone."""
    costs, n, P = Costs.of(objective), objective.n_rows, objective.n_params
    m = objective.n_logits
    ways = {Plan(Way.NEWTON): 8.0 * (costs.hessian + costs.factor)}
    size = sample_size(n, P)
    if size:
        ways[Plan(Way.FEW_READS, size)] = (
            4.0 * size / n * costs.hessian + 12.0 * costs.factor + 5.0 * costs.gradient + costs.hessian
        )
    if P > _SMALL and m > 1:
        ways[Plan(Way.PRECONDITIONED)] = 60.0 * costs.gradient + costs.gram
    else:
        ways[Plan(Way.FEW_READS)] = (
            2.0 * (costs.hessian + costs.factor) + (12.0 + m) * costs.gradient + _CALLS
        )
    return min(ways, key=ways.__getitem__)


def sample_size(n: int, P: int) -> int:
    """Rows of a sample of n rows for P parameters; 0 where none is worth its while."""
    if n < _FEW_ROWS:
        return 0
    size = min(max(n * _SMALLEST_SHARE, _ROWS_A_PARAMETER * P), n * _LARGEST_SHARE)
    return int(size) if size >= _LEAST_ROWS_A_PARAMETER * P else 0


def contraction_of_sample(P: int, size: int) -> float:
    """What a step with the information of `size` rows leaves of the error, about: 2 sqrt(P / size)."""
    return min(2.0 * math.sqrt(P / size), 0.9)


def contraction_of_hessian(nu: float, n: float) -> float:
    """What a step with a Hessian that was taken nu standard errors off leaves of the error, about.

    nu / (2 sqrt(n)): the relative change of the Hessian over that distance.
    """
    return min(max(0.5 * nu / math.sqrt(n), 1e-9), 0.5)


def passes_after_hessian(nu: float, n: float, tol: float) -> float:
    """Reads after a Hessian taken nu standard errors off until the error is below `tol`, about."""
    return max(math.log(tol / nu) / math.log(contraction_of_hessian(nu, n)), 1.0)
