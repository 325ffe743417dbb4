"""NLL, gradient and Hessian of the two models in arbitrary precision, and the penalty beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mpmath import mp, mpf

from oracles.inputs import GUARD, Arrays, Form, Matrix, Vector


@dataclass(frozen=True)
class Evaluation:
    """NLL, penalty and the derivatives of their sum at one point.

    Attributes
    ----------
    nll : mpf
        Summed, weighted negative log-likelihood in nats, without the penalty.
    penalty : mpf
        The L2 penalty; zero without one.
    objective : mpf
        ``nll + penalty``: what is minimised.
    gradient : tuple of mpf, length P
        Derivatives of ``objective``, class-major, intercept first.
    hessian : tuple of P tuples of P mpf, or None
        Second derivatives in the same order; None when not asked for.
    """

    nll: mpf
    penalty: mpf
    objective: mpf
    gradient: tuple[mpf, ...]
    hessian: tuple[tuple[mpf, ...], ...] | None


class Problem:
    """The arbitrary-precision image of the inputs, converted once and evaluated many times."""

    def __init__(self, arrays: Arrays, form: Form) -> None:
        self.form = form
        self.codes: list[int] = arrays.codes.tolist()
        self.n, self.k = arrays.design.shape
        self.classes = arrays.n_classes - 1
        # mp.convert keeps every bit of a float64; mpf() would round to the working precision.
        self.columns: Matrix = [[mp.convert(v) for v in c] for c in arrays.design.T.tolist()]
        self.rows = [list(r) for r in zip(*self.columns, strict=True)]
        self.weight: Vector | None = (
            None if arrays.weight is None else [mp.convert(v) for v in arrays.weight.tolist()]
        )
        self.offset: Matrix | None = (
            None if arrays.offset is None else [[mp.convert(v) for v in r] for r in arrays.offset.tolist()]
        )
        self.penalty = Penalty(arrays) if arrays.l2 else None
        self._products: list[Vector] | None = None

    def logits(self, coef: Vector) -> Matrix:
        """Return t_ia = o_ia + sum_l x_il B_al as n lists of K - 1."""
        k = self.k
        blocks = [coef[a * k : (a + 1) * k] for a in range(self.classes)]
        if self.offset is None:
            return [[mp.fdot(row, b) for b in blocks] for row in self.rows]
        one = mpf(1)
        # The offset enters as one more exact product, so that t is rounded once.
        return [
            [mp.fdot([*row, one], [*b, o]) for b, o in zip(blocks, offs, strict=True)]
            for row, offs in zip(self.rows, self.offset, strict=True)
        ]

    def movement(self, step: Vector) -> mpf:
        """Return the largest change of a logit that a step makes, max |sum_l x_il step_al|."""
        blocks = [step[a : a + self.k] for a in range(0, len(step), self.k)]
        return max(abs(mp.fdot(row, b)) for row in self.rows for b in blocks)

    def products(self) -> list[Vector]:
        """Return the columns x_j * x_l for j <= l; exact, and the same at every point."""
        if self._products is None:
            self._products = [
                [mp.fmul(u, v, exact=True) for u, v in zip(cj, cl, strict=True)]
                for j, cj in enumerate(self.columns)
                for cl in self.columns[j:]
            ]
        return self._products

    def evaluate(self, coef: Vector, digits: int, hessian: bool) -> Evaluation:
        """Evaluate at ``coef`` with ``digits + GUARD`` digits or more."""
        with mp.workdps(digits + GUARD):
            logits = self.logits(coef)
            largest = max(abs(t) for row in logits for t in row)
            extra = max(0, int(mp.ceil(mp.log10(largest)))) if largest else 0
        with mp.workdps(digits + GUARD + extra):
            if extra:
                logits = self.logits(coef)
            rows = logistic_rows if self.form == "logistic" else softmax_rows
            losses, residuals, curvatures = rows(logits, self.codes, hessian)
            if self.weight is not None:
                w = self.weight
                losses = times(losses, w)
                residuals = [times(r, w) for r in residuals]
                curvatures = [times(s, w) for s in curvatures]
            nll, penalty = mp.fsum(losses), mpf(0)
            gradient = [mp.fdot(r, c) for r in residuals for c in self.columns]
            h = self._hessian(curvatures) if hessian else None
            if self.penalty is not None:
                penalty = self.penalty.add(coef, gradient, h)
            full = None if h is None else tuple(map(tuple, h))
            return Evaluation(nll, penalty, nll + penalty, tuple(gradient), full)

    def _hessian(self, curvatures: list[Vector]) -> Matrix:
        """Assemble H_(a,j),(b,l) = sum_i w_i s_iab x_ij x_il from s given for a <= b."""
        k, size = self.k, self.k * self.classes
        pairs = [(j, m) for j in range(k) for m in range(j, k)]
        h: Matrix = [[mpf(0)] * size for _ in range(size)]
        s = iter(curvatures)
        for a in range(self.classes):
            for b in range(a, self.classes):
                curvature = next(s)
                for (j, m), product in zip(pairs, self.products(), strict=True):
                    value = mp.fdot(curvature, product)
                    for u, v in ((a * k + j, b * k + m), (a * k + m, b * k + j)):
                        h[u][v] = h[v][u] = value
        return h


class Penalty:
    """The L2 penalty of the slopes w_a; intercepts are free.

    Two classes have one vector of slopes, K > 2 have K of them, whose sum an estimate makes zero.  Measured
    from class 0, with M_ab = [a = b] for K = 2 and [a = b] - 1 / K for more::

        penalty = l2 / 2 sum_ab M_ab w_a . w_b
        gradient_a = l2 sum_b M_ab w_b
        Hessian_(a,j),(b,j) = l2 M_ab

    1 / K is not a number of base 2: M times `share` is kept, in integers, and `share` divided out last.
    """

    def __init__(self, arrays: Arrays) -> None:
        free = arrays.n_classes - 1
        self.l2 = mp.convert(arrays.l2)
        self.share = 1 if free == 1 else arrays.n_classes
        self.m = [[self.share * (a == b) - (free > 1) for b in range(free)] for a in range(free)]
        self.k = arrays.design.shape[1]
        self.first = int(arrays.intercept)

    def add(self, coef: Vector, gradient: Vector, hessian: Matrix | None) -> mpf:
        """Return the penalty, and add its derivatives to `gradient` and `hessian`."""
        k, penalty = self.k, mpf(0)
        for j in range(self.first, k):
            w = coef[j::k]
            slopes = [self.l2 * mp.fdot(m, w) / self.share for m in self.m]
            penalty += mp.fdot(slopes, w) / 2
            for a, m in enumerate(self.m):
                gradient[a * k + j] += slopes[a]
                if hessian is not None:
                    for b in range(len(m)):
                        hessian[a * k + j][b * k + j] += self.l2 * m[b] / self.share
        return penalty


def logistic_rows(
    logits: Matrix, codes: list[int], curvature: bool
) -> tuple[Vector, list[Vector], list[Vector]]:
    """Loss, residual and curvature of the binary model.

    With u = -t for class 1 and u = t for class 0, and e = exp(-|u|)::

        loss     = log(1 + exp(u)) = max(u, 0) + log1p(e)
        residual = p - y = +- sigma(u),   sigma(u) = (1 if u > 0 else e) / (1 + e)
        curvature = p (1 - p) = e / (1 + e)^2
    """
    losses: Vector = []
    residuals: Vector = []
    curvatures: Vector = []
    for (t,), y in zip(logits, codes, strict=True):
        u = -t if y else t
        e = mp.exp(-abs(u))
        losses.append(mp.log1p(e) + u if u > 0 else mp.log1p(e))
        sigma = 1 / (1 + e) if u > 0 else e / (1 + e)
        residuals.append(-sigma if y else sigma)
        if curvature:
            curvatures.append(e / (1 + e) ** 2)
    return losses, [residuals], [curvatures] if curvature else []


def softmax_rows(
    logits: Matrix, codes: list[int], curvature: bool
) -> tuple[Vector, list[Vector], list[Vector]]:
    """Loss, residuals and curvatures of the multinomial model.

    With m the class of the largest logit, e_j = exp(z_j - z_m) and r = sum over j != m of e_j::

        loss         = (z_m - z_y) + log1p(r)                both terms are >= 0
        p_j          = e_j / (1 + r)
        residual_a   = p_a - [a = y],  where p_y - 1 = -(sum of the other p_j)
        curvature_ab = p_a ([a = b] - p_b), where 1 - p_a = sum of the other p_j
    """
    n_free = len(logits[0])
    losses: Vector = []
    residuals: list[Vector] = [[] for _ in range(n_free)]
    pairs = [(a, b) for a in range(1, n_free + 1) for b in range(a, n_free + 1)]
    curvatures: list[Vector] = [[] for _ in pairs] if curvature else []
    zero = mpf(0)
    for t, y in zip(logits, codes, strict=True):
        z = [zero, *t]
        m = max(range(n_free + 1), key=z.__getitem__)
        e = [mp.exp(v - z[m]) for v in z]
        r = mp.fsum(v for j, v in enumerate(e) if j != m)
        losses.append((z[m] - z[y]) + mp.log1p(r))
        p = [v / (1 + r) for v in e]
        others = [mp.fsum(p[:j] + p[j + 1 :]) for j in range(n_free + 1)]
        for a in range(1, n_free + 1):
            residuals[a - 1].append(-others[a] if a == y else p[a])
        if curvature:
            for store, (a, b) in zip(curvatures, pairs, strict=True):
                store.append(p[a] * others[a] if a == b else -p[a] * p[b])
    return losses, residuals, curvatures


def times(values: Iterable[mpf], weight: Iterable[mpf]) -> Vector:
    return [v * w for v, w in zip(values, weight, strict=True)]
