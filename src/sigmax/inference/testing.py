"""What a test found: statistic, degrees of freedom, p, and the hypotheses in words."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import ClassVar

from sigmax.inference.tails import chi2_tail, log_chi2_tail, p_text

#: hypotheses that are printed
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class TestResult:
    """A test against chi^2.

    Attributes
    ----------
    name : str
        "Wald", "likelihood-ratio" or "score".
    statistic : float
    df : int
        Degrees of freedom.
    pvalue : float
        Upper tail; 0 where no double holds it.
    log_pvalue : float
        Its natural logarithm, which goes on.
    hypotheses : tuple of str
        What was tested, jointly, in words; a test of one model against another may have none.
    """

    #: to pytest, which takes every class of such a name for tests
    __test__: ClassVar[bool] = False

    name: str
    statistic: float
    df: int
    pvalue: float
    log_pvalue: float
    hypotheses: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, statistic: float, df: int, hypotheses: tuple[str, ...] = ()) -> TestResult:
        """The test with this statistic, its p computed.

        Raises
        ------
        ValueError
            `df` is not positive.
        """
        p, log_p = chi2_tail(statistic, df), log_chi2_tail(statistic, df)
        return cls(name, float(statistic), int(df), float(p), float(log_p), hypotheses)

    @property
    def _outcome(self) -> str:
        p = p_text(self.log_pvalue)
        return f"chi2({self.df}) = {_four(self.statistic)}, p = {p}"

    @property
    def _shown(self) -> list[str]:
        more = len(self.hypotheses) - _SHOWN
        return [*self.hypotheses[:_SHOWN], *([f"and {more:,} more"] if more > 0 else [])]

    def __str__(self) -> str:
        lines = [f"{self.name} test" + (" of" if self.hypotheses else "")]
        return "\n".join([*lines, *(f"  {text}" for text in self._shown), self._outcome])

    def __repr__(self) -> str:
        return f"<{self.name} test: {self._outcome}>"

    def _repr_html_(self) -> str:
        items = "".join(f"<li><code>{html.escape(text)}</code></li>" for text in self._shown)
        of = f" of<ul>{items}</ul>" if items else ": "
        outcome = self._outcome.replace("chi2(", "&chi;<sup>2</sup>(", 1)
        return f"<div>{html.escape(self.name)} test{of}{outcome}</div>"


def _four(x: float) -> str:
    """Four decimals of an ordinary number, six digits of a very large or small one."""
    return f"{x:.4f}" if x == 0.0 or 1e-3 <= abs(x) < 1e7 else f"{x:.6g}"
