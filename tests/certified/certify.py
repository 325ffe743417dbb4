"""Compute the answers of the certified sets and write answers.json, in some ten seconds.

    PYTHONPATH=tests python -m certified.certify
    PYTHONPATH=tests python -m certified.certify --check rare     compare with the file instead

The optimum is that of `oracles.newton` with `DIGITS` digits, of which `PRINTED` are written.  An answer is
refused unless its certificate gives every parameter `PROMISED` digits: with the Newton decrement nu of what
was found, |b_j - exact| <= s_j nu to first order in nu, s_j being the standard error.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from mpmath import mp, mpf
from oracles import newton

from certified import FOLDER, answers, read_csv
from certified.generate import SETS

DIGITS = 75
PRINTED = 60
PROMISED = 50


def condition(hessian: Sequence[Sequence[mpf]]) -> mpf:
    """The 2-norm condition number of the weighted design with columns scaled to length 1.

    H = A'A for the weighted design A, and S = D A'A D with D = diag(H)^(-1/2)::

        cond(A D) = sqrt(largest eigenvalue of S / smallest)
    """
    size = len(hessian)
    d = [mp.sqrt(hessian[j][j]) for j in range(size)]
    S = mp.matrix([[hessian[i][j] / (d[i] * d[j]) for j in range(size)] for i in range(size)])
    eigenvalues = mp.eigsy(S, eigvals_only=True)
    return mp.sqrt(max(eigenvalues) / min(eigenvalues))


def certify(name: str) -> dict[str, Any]:
    """The entry of a set in answers.json."""
    X, y = read_csv(name)
    n_classes = int(y.max()) + 1
    fit = newton.optimum(X, y, n_classes, digits=DIGITS)
    at = newton.evaluate(X, y, fit.params, n_classes, digits=DIGITS)
    assert at.hessian is not None
    with mp.workdps(DIGITS):
        nu = fit.newton_decrement
        pairs = [p for row in zip(fit.params, fit.bse, strict=True) for p in zip(*row, strict=True)]
        worst = max(2 * nu * s / abs(b) for b, s in pairs)
        if not worst < mpf(10) ** -(PROMISED + 1):
            raise ArithmeticError(f"{name}: a parameter is certified to {mp.nstr(worst, 3)} only")

        def text(value: mpf, digits: int = PRINTED) -> str:
            return str(mp.nstr(value, digits, strip_zeros=False))

        return {
            "file": f"{name}.csv",
            "sha256": hashlib.sha256((FOLDER / f"{name}.csv").read_bytes()).hexdigest(),
            "rows": X.shape[0],
            "columns": X.shape[1],
            "classes": n_classes,
            "counts": [int((y == k).sum()) for k in range(n_classes)],
            "condition": text(condition(at.hessian), 15),
            "params": [[text(v) for v in row] for row in fit.params],
            "bse": [[text(v) for v in row] for row in fit.bse],
            "llf": text(fit.llf),
            "newton_decrement": text(nu, 3),
            "relative_error_bound": text(worst, 3),
        }


#: what depends on the way to the optimum, which begins in double precision and so with this machine's LAPACK
OF_THE_WAY = {"newton_decrement", "relative_error_bound"}


def reproduced(name: str) -> bool:
    """Whether the file's answers to a set are found again, to the last digit printed."""
    old, new = answers()[name], certify(name)
    return old.keys() == new.keys() and all(new[key] == old[key] for key in old.keys() - OF_THE_WAY)


#: of the file itself
HEADER = {
    "what": "maximum-likelihood estimates of logistic and multinomial regressions, with an intercept",
    "layout": "params and bse: a row for each of the classes 1 .. K-1 against class 0, the intercept first",
    "condition": "of the weighted design with columns scaled to length 1, in the 2-norm",
    "newton_decrement": "distance of params to the exact optimum, in standard errors, before printing",
    "relative_error_bound": "of the worst parameter, before printing",
    "certified_digits": PROMISED,
    "printed_digits": PRINTED,
    "licence": "BSD-3-Clause",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m certified.certify", description=__doc__.split("\n")[0])
    parser.add_argument("--check", nargs="+", metavar="NAME", help="compare these sets with the file")
    names = parser.parse_args().check
    if names:
        unknown = [name for name in names if name not in SETS]
        if unknown:
            parser.error(f"no set {unknown[0]!r}; there are {', '.join(SETS)}")
        different = [name for name in names if not reproduced(name)]
        print("\n".join(f"{name}: differs" for name in different) or "the same")
        return 1 if different else 0
    content = HEADER | {"sets": {name: certify(name) for name in SETS}}
    (FOLDER / "answers.json").write_text(json.dumps(content, indent=1) + "\n", "ascii")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
