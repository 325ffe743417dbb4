"""Stata's figures for two of the bundled data sets, digit for digit.

Where they come from
--------------------
statsmodels tests its own discrete models against figures computed with Stata 11.  They were read
from the file ``statsmodels/discrete/tests/results/results_discrete.py`` of statsmodels 0.15.0,
from the objects that `Published.source` names.  The file does not record the Stata commands;
Stata's commands for these models are ``logit`` and ``mlogit``.

Each figure is kept as the decimal string that stands in the file, because the string says how many
digits were printed.  Only the order was changed: Stata puts the constant last, sigmax puts the
intercept first and runs through the features of the default design, one class after the other.

The data that Stata had
-----------------------
Stata stores a variable in single precision unless told otherwise.  The figures are those of the
data rounded to single precision: GPA = 2.66 was 2.6600000858..., and logpopul was rounded
likewise.  For the data in double precision the maximum is another one, and many of the printed
figures disagree with it: for spector from the eighth significant digit on (log-likelihood
-12.88963422 instead of -12.88963347), for anes96 around the ninth.  `as_stored` rounds a design in
this way; fitted to it, a correct program agrees with the printed digits.

The digits that are wrong
-------------------------
`KNOWN_DEVIATIONS` lists each printed figure that the exact maximum for the stored data, computed
to 50 digits, does not round to.  `Published.corrected` replaces just these.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Row = tuple[str, ...]
Rows = tuple[Row, ...]

PADDED = "padded"
"""Stata printed seven significant digits; the file pads them with zeros that are no digits."""

LAST_DIGITS = "last digits"
"""The last digit or two are off, by 6e-12 of the value for spector and 5e-9 for anes96 at most.

Stata ended this far from the maximum of its own data.  The file does not tell why; plain Newton
iterations in double precision reach 1e-13 on the same data.
"""


@dataclass(frozen=True)
class Deviation:
    """One printed figure that the exact result does not round to.

    Attributes
    ----------
    dataset : str
        Name of the data set.
    field : str
        Attribute of `Published`.
    index : tuple of int
        Place in that attribute.
    printed : str
        What the file says.
    exact : str
        The exact result for the data as stored, to 20 significant digits.
    reason : str
        `PADDED` or `LAST_DIGITS`.
    """

    dataset: str
    field: str
    index: tuple[int, ...]
    printed: str
    exact: str
    reason: str

    @property
    def corrected(self) -> str:
        """The exact result, rounded to as many decimals as were printed."""
        with localcontext(prec=60):
            unit = Decimal(1).scaleb(_exponent(self.printed))
            return str(Decimal(self.exact).quantize(unit, rounding=ROUND_HALF_EVEN))


@dataclass(frozen=True)
class Published:
    """The figures of one fit, as printed, in the layout of sigmax.

    Attributes
    ----------
    dataset, source : str
        Name of the data set; what computed the figures and the object they were read from.
    n_rows, df_model : int
        Rows, and coefficients besides the intercepts.
    classes : tuple of int
        Labels of the K - 1 classes that have coefficients; 0 is the reference.
    terms : tuple of str
        Names of the k coefficients within a class.
    coefficients, standard_errors, z_values, p_values : tuple of K - 1 tuples of k str
        z = coefficient / standard error, and the two-sided p value of z under the normal law.
    confidence_limits : tuple of K - 1 tuples of k pairs of str
        The limits of the 95 % interval, coefficient -+ 1.96 standard errors.
    covariance : tuple of k tuples of k str, or None
        Inverse of the observed information; the file has it for spector alone.
    llf, llf_null : str
        Log-likelihood in nats, of the model and of the one with intercepts alone.
    lr_chi2, lr_p_value : str
        2 (llf - llf_null) and its p value under chi-squared with df_model degrees of freedom.
    pseudo_r2 : str
        1 - llf / llf_null (McFadden, 1974).
    aic, bic : str
        -2 llf + 2 P and -2 llf + P log n with P coefficients in all.
    """

    dataset: str
    source: str
    n_rows: int
    df_model: int
    classes: tuple[int, ...]
    terms: tuple[str, ...]
    coefficients: Rows
    standard_errors: Rows
    z_values: Rows
    p_values: Rows
    confidence_limits: tuple[Rows, ...]
    covariance: Rows | None
    llf: str
    llf_null: str
    lr_chi2: str
    lr_p_value: str
    pseudo_r2: str
    aic: str
    bic: str

    def corrected(self, field: str) -> Any:
        """Return a field with the figures of `KNOWN_DEVIATIONS` replaced by correct ones.

        Parameters
        ----------
        field : str
            Name of an attribute that holds printed figures.

        Returns
        -------
        str or nested tuples of str
            Shaped as the attribute.
        """
        wrong = {
            d.index: d.corrected for d in KNOWN_DEVIATIONS if (d.dataset, d.field) == (self.dataset, field)
        }

        def walk(item: Any, index: tuple[int, ...]) -> Any:
            if isinstance(item, tuple):
                return tuple(walk(part, (*index, i)) for i, part in enumerate(item))
            return wrong.get(index, item)

        return walk(getattr(self, field), ())


TABLES = ("coefficients", "standard_errors", "z_values", "p_values", "confidence_limits")
"""The fields of `Published` with figures for each coefficient."""

SCALARS = ("llf", "llf_null", "lr_chi2", "lr_p_value", "pseudo_r2", "aic", "bic")
"""The fields of `Published` with a single figure."""


def as_stored(X: ArrayLike) -> NDArray[np.float64]:
    """Round a design to the single precision in which Stata stored it.

    Parameters
    ----------
    X : array_like of float64
        Data of any shape.

    Returns
    -------
    ndarray of float64, same shape
        The nearest single-precision numbers, as float64.
    """
    return np.asarray(X, dtype=np.float64).astype(np.float32).astype(np.float64)


def agrees(value: float, printed: str) -> bool:
    """Tell whether a value rounds to a printed decimal.

    Parameters
    ----------
    value : float
        A float64, itself possibly half a unit in its last place away from what it stands for.
    printed : str
        A decimal; its last digit, a zero too, is taken to be a digit.

    Returns
    -------
    bool
        |value - printed| <= (1/2) 10^(last decimal) + (1/2) ulp(value), in exact arithmetic.
    """
    value = float(value)
    if not math.isfinite(value):
        return False
    with localcontext(prec=2000):
        half_unit = Decimal(1).scaleb(_exponent(printed)) / 2
        slack = Decimal(math.ulp(value)) / 2
        return abs(Decimal(value) - Decimal(printed)) <= half_unit + slack


def disagreements(values: ArrayLike, printed: Any) -> list[tuple[tuple[int, ...], float, str]]:
    """List the entries that do not round to their printed decimals.

    Parameters
    ----------
    values : array_like of float64
        Computed figures.
    printed : str or nested tuples of str
        Printed ones, in the same shape.

    Returns
    -------
    list of (index, value, printed)
        In order of the index; empty when all agree.

    Raises
    ------
    ValueError
        When the shapes differ.
    """
    v = np.asarray(values, dtype=np.float64)
    leaves = dict(_leaves(printed, ()))
    if list(leaves) != list(np.ndindex(v.shape)):
        raise ValueError(f"values of shape {v.shape} do not match the {len(leaves)} printed ones")
    return [
        (index, float(v[index]), text) for index, text in leaves.items() if not agrees(float(v[index]), text)
    ]


def assert_agrees(values: ArrayLike, printed: Any) -> None:
    """Assert that every value rounds to its printed decimal.

    Parameters
    ----------
    values, printed
        As in `disagreements`.

    Raises
    ------
    AssertionError
        With a list of the entries that do not, and by how much.
    ValueError
        When the shapes differ.
    """
    wrong = disagreements(values, printed)
    if wrong:
        lines = [f"{len(wrong)} of {np.size(values)} figures disagree with the printed ones:"]
        for index, value, text in wrong:
            line = f"  {list(index)}: computed {value!r}, printed {text}"
            if math.isfinite(value):
                with localcontext(prec=60):
                    gap = (Decimal(value) - Decimal(text)).scaleb(-_exponent(text))
                line += f", off by {float(gap):+.4g} units of the last digit"
            lines.append(line)
        raise AssertionError("\n".join(lines))


def _exponent(printed: str) -> int:
    """Power of ten of the last printed digit."""
    exponent = Decimal(printed).as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"{printed!r} is not a finite decimal")
    return exponent


def _leaves(item: Any, index: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], str]]:
    if isinstance(item, str):
        yield index, item
    else:
        for i, part in enumerate(item):
            yield from _leaves(part, (*index, i))


SPECTOR = Published(
    dataset="spector",
    source="Stata 11; statsmodels 0.15.0, results_discrete.py, Spector.logit",
    n_rows=32,
    df_model=3,
    classes=(1,),
    terms=("intercept", "GPA", "TUCE", "PSI"),
    coefficients=(("-13.0213483201", "2.82611297201", ".0951576702557", "2.37868772835"),),
    standard_errors=(("4.93132462871", "1.26294114526", ".141554207662", "1.06456430165"),),
    z_values=(("-2.640537645", "2.237723415", "0.6722348408", "2.234423721"),),
    p_values=((".0082774596", ".0252390974", ".5014342039", ".0254552063"),),
    confidence_limits=(
        (
            ("-22.68657", "-3.35613"),
            (".3507938", "5.301432"),
            ("-.1822835", ".3725988"),
            (".29218", "4.465195"),
        ),
    ),
    covariance=(
        ("24.3179625937", "-4.57347950298", "-.346255757562", "-2.35916128427"),
        ("-4.57347950298", "1.59502033639", "-.036920566629", ".427615725153"),
        ("-.346255757562", "-.036920566629", ".0200375937069", ".0149126464275"),
        ("-2.35916128427", ".427615725153", ".0149126464275", "1.13329715236"),
    ),
    llf="-12.8896334653335",
    llf_null="-20.5917296966173",
    lr_chi2="15.4041924625676",
    lr_p_value=".00150187761112892",
    pseudo_r2=".374038332124624",
    aic="33.779266930667",
    bic="39.642210541866",
)
"""Binary logit of GRADE."""

ANES96 = Published(
    dataset="anes96",
    source=(
        "Stata 11, checked by statsmodels against R's nnet; statsmodels 0.15.0, "
        "results_discrete.py, Anes.mnlogit_basezero"
    ),
    n_rows=944,
    df_model=30,
    classes=(1, 2, 3, 4, 5, 6),
    terms=("intercept", "logpopul", "selfLR", "age", "educ", "income"),
    coefficients=(
        ("-.37340167", "-.01153598", ".29771435", "-.024945", ".08249144", ".00519655"),
        ("-2.2509132", "-.08875065", ".39166864", "-.02289784", ".18104276", ".04787398"),
        ("-3.6655835", "-.1059667", ".57345051", "-.01485121", "-.00715242", ".05757516"),
        ("-7.6138431", "-.0915567", "1.2787718", "-.00868135", ".19982796", ".08449838"),
        ("-7.0604782", "-.0932846", "1.3469616", "-.01790407", ".21693885", ".08095841"),
        ("-12.105751", "-.14088069", "2.0700801", "-.00943265", ".3219257", ".10889408"),
    ),
    standard_errors=(
        (
            ".6298376313",
            ".0342823657",
            ".093626795",
            ".0065248584",
            ".0735865799",
            ".0176336937",
        ),
        (
            ".7631899491",
            ".0391615553",
            ".1082386919",
            ".0079144618",
            ".0852893563",
            ".0222809297",
        ),
        (
            "1.156541492",
            ".0570382292",
            ".1585481337",
            ".0113313133",
            ".1262913234",
            ".0336142088",
        ),
        (
            ".9575809602",
            ".0437902764",
            ".1288965854",
            ".0084187486",
            ".0941250559",
            ".0261963632",
        ),
        (
            ".8443638283",
            ".0393516553",
            ".1171860107",
            ".0076110152",
            ".0850070091",
            ".0229760791",
        ),
        (
            "1.059954821",
            ".042138047",
            ".1434089089",
            ".0081338625",
            ".0910979921",
            ".025300888",
        ),
    ),
    z_values=(
        (
            "-.5928538661",
            "-.3364988051",
            "3.179798597",
            "-3.823070772",
            "1.121012042",
            ".2946945327",
        ),
        (
            "-2.949348555",
            "-2.266269864",
            "3.618564069",
            "-2.893164162",
            "2.122688754",
            "2.148652536",
        ),
        (
            "-3.169435381",
            "-1.857818873",
            "3.616885888",
            "-1.310634214",
            "-.0566342868",
            "1.712822091",
        ),
        (
            "-7.951122047",
            "-2.090799808",
            "9.920912816",
            "-1.031191864",
            "2.123004903",
            "3.225576554",
        ),
        (
            "-8.361890935",
            "-2.370538224",
            "11.49421878",
            "-2.352389066",
            "2.552011323",
            "3.523595639",
        ),
        (
            "-11.42100649",
            "-3.34331327",
            "14.43480847",
            "-1.159676452",
            "3.533839715",
            "4.303962885",
        ),
    ),
    p_values=(
        (
            "0.5532789548",
            "0.7364947525",
            "0.0014737744",
            "0.0001317999",
            "0.2622827367",
            "0.7682272401",
        ),
        (
            "0.0031844460",
            "0.0234348654",
            "0.0002962422",
            "0.0038138191",
            "0.0337799420",
            "0.0316619538",
        ),
        (
            "0.0015273542",
            "0.0631947400",
            "0.0002981687",
            "0.1899813744",
            "0.9548365214",
            "0.0867452747",
        ),
        (
            "1.84830e-15",
            "0.0365460134",
            "3.37654e-23",
            "0.3024508550",
            "0.0337534410",
            "0.0012571921",
        ),
        (
            "6.17209e-17",
            "0.0177622072",
            "1.41051e-30",
            "0.0186532528",
            "0.0107103038",
            "0.0004257334",
        ),
        (
            "3.28408e-30",
            "0.0008278439",
            "3.12513e-47",
            "0.2461805610",
            "0.0004095694",
            "0.0000167770",
        ),
    ),
    confidence_limits=(
        (
            ("-1.6078610", "0.8610574"),
            ("-0.0787282", "0.0556562"),
            ("0.1142092", "0.4812195"),
            ("-0.0377335", "-0.0121565"),
            ("-0.0617356", "0.2267185"),
            ("-0.0293649", "0.0397580"),
        ),
        (
            ("-3.7467380", "-0.7550884"),
            ("-0.1655059", "-0.0119954"),
            ("0.1795247", "0.6038126"),
            ("-0.0384099", "-0.0073858"),
            ("0.0138787", "0.3482068"),
            ("0.0042042", "0.0915438"),
        ),
        (
            ("-5.9323630", "-1.3988040"),
            ("-0.2177596", "0.0058262"),
            ("0.2627019", "0.8841991"),
            ("-0.0370602", "0.0073578"),
            ("-0.2546789", "0.2403740"),
            ("-0.0083075", "0.1234578"),
        ),
        (
            ("-9.4906670", "-5.7370190"),
            ("-0.1773841", "-0.0057293"),
            ("1.0261390", "1.5314040"),
            ("-0.0251818", "0.0078191"),
            ("0.0153462", "0.3843097"),
            ("0.0331544", "0.1358423"),
        ),
        (
            ("-8.7154010", "-5.4055560"),
            ("-0.1704124", "-0.0161568"),
            ("1.1172810", "1.5766420"),
            ("-0.0328214", "-0.0029868"),
            ("0.0503282", "0.3835495"),
            ("0.0359261", "0.1259907"),
        ),
        (
            ("-14.1832200", "-10.0282800"),
            ("-0.2234697", "-0.0582916"),
            ("1.7890040", "2.3511560"),
            ("-0.0253747", "0.0065094"),
            ("0.1433769", "0.5004745"),
            ("0.0593053", "0.1584829"),
        ),
    ),
    covariance=None,
    llf="-1461.922747312",
    llf_null="-1750.34670999",
    lr_chi2="576.8479253554",
    lr_p_value="1.8223179e-102",
    pseudo_r2=".1647810465387",
    aic="2995.84549462",
    bic="3170.45003661",
)
"""Multinomial logit of PID, base outcome 0."""

PUBLISHED = {p.dataset: p for p in (SPECTOR, ANES96)}
"""The published fits by the name of the data set."""

KNOWN_DEVIATIONS: tuple[Deviation, ...] = (
    Deviation("spector", "coefficients", (0, 2), ".0951576702557", "0.095157670255898111808", LAST_DIGITS),
    Deviation("spector", "coefficients", (0, 3), "2.37868772835", "2.3786877283557287982", LAST_DIGITS),
    Deviation("spector", "standard_errors", (0, 0), "4.93132462871", "4.9313246287152305777", LAST_DIGITS),
    Deviation("spector", "standard_errors", (0, 2), ".141554207662", "0.1415542076625566373", LAST_DIGITS),
    Deviation("spector", "covariance", (0, 0), "24.3179625937", "24.31796259377340671", LAST_DIGITS),
    Deviation("spector", "covariance", (0, 1), "-4.57347950298", "-4.573479502990562967", LAST_DIGITS),
    Deviation("spector", "covariance", (0, 2), "-.346255757562", "-0.34625575756275490811", LAST_DIGITS),
    Deviation("spector", "covariance", (0, 3), "-2.35916128427", "-2.3591612842819509548", LAST_DIGITS),
    Deviation("spector", "covariance", (1, 0), "-4.57347950298", "-4.573479502990562967", LAST_DIGITS),
    Deviation("spector", "covariance", (1, 3), ".427615725153", "0.42761572515476625108", LAST_DIGITS),
    Deviation("spector", "covariance", (2, 0), "-.346255757562", "-0.34625575756275490811", LAST_DIGITS),
    Deviation("spector", "covariance", (2, 2), ".0200375937069", "0.020037593706974208211", LAST_DIGITS),
    Deviation("spector", "covariance", (2, 3), ".0149126464275", "0.014912646427567161124", LAST_DIGITS),
    Deviation("spector", "covariance", (3, 0), "-2.35916128427", "-2.3591612842819509548", LAST_DIGITS),
    Deviation("spector", "covariance", (3, 1), ".427615725153", "0.42761572515476625108", LAST_DIGITS),
    Deviation("spector", "covariance", (3, 2), ".0149126464275", "0.014912646427567161124", LAST_DIGITS),
    Deviation("anes96", "standard_errors", (3, 0), ".9575809602", "0.95758096027277189901", LAST_DIGITS),
    Deviation("anes96", "standard_errors", (4, 0), ".8443638283", "0.84436382837920504727", LAST_DIGITS),
    Deviation("anes96", "standard_errors", (5, 2), ".1434089089", "0.14340890903301147735", LAST_DIGITS),
    Deviation("anes96", "z_values", (0, 0), "-.5928538661", "-0.59285386616132053873", LAST_DIGITS),
    Deviation("anes96", "z_values", (3, 0), "-7.951122047", "-7.9511220476295393361", LAST_DIGITS),
    Deviation("anes96", "z_values", (3, 2), "9.920912816", "9.9209128166658455759", LAST_DIGITS),
    Deviation("anes96", "z_values", (3, 5), "3.225576554", "3.2255765548524595445", LAST_DIGITS),
    Deviation("anes96", "z_values", (4, 0), "-8.361890935", "-8.3618909361143858738", LAST_DIGITS),
    Deviation("anes96", "z_values", (5, 3), "-1.159676452", "-1.159676449353623712", LAST_DIGITS),
    Deviation("anes96", "z_values", (5, 5), "4.303962885", "4.3039628868013866036", LAST_DIGITS),
    Deviation("anes96", "p_values", (2, 5), "0.0867452747", "0.086745274640429493653", LAST_DIGITS),
    Deviation("anes96", "p_values", (3, 3), "0.3024508550", "0.30245085513264168329", LAST_DIGITS),
    Deviation("anes96", "p_values", (5, 3), "0.2461805610", "0.24618056213262611862", LAST_DIGITS),
    Deviation("anes96", "confidence_limits", (0, 0, 0), "-1.6078610", "-1.6078607482416114929", PADDED),
    Deviation("anes96", "confidence_limits", (2, 0, 0), "-5.9323630", "-5.9323631978214055146", PADDED),
    Deviation("anes96", "confidence_limits", (2, 0, 1), "-1.3988040", "-1.3988038542614293262", PADDED),
    Deviation("anes96", "confidence_limits", (3, 0, 0), "-9.4906670", "-9.4906672800310160533", PADDED),
    Deviation("anes96", "confidence_limits", (3, 0, 1), "-5.7370190", "-5.7370188911991892706", PADDED),
    Deviation("anes96", "confidence_limits", (3, 2, 0), "1.0261390", "1.0261391211432315439", PADDED),
    Deviation("anes96", "confidence_limits", (3, 2, 1), "1.5314040", "1.5314044514396136093", PADDED),
    Deviation("anes96", "confidence_limits", (4, 0, 0), "-8.7154010", "-8.715400936778518799", PADDED),
    Deviation("anes96", "confidence_limits", (4, 0, 1), "-5.4055560", "-5.4055555498353163009", PADDED),
    Deviation("anes96", "confidence_limits", (4, 2, 0), "1.1172810", "1.1172812848821337205", PADDED),
    Deviation("anes96", "confidence_limits", (5, 0, 0), "-14.1832200", "-14.18322417039861524", PADDED),
    Deviation("anes96", "confidence_limits", (5, 0, 1), "-10.0282800", "-10.028277620063650277", PADDED),
    Deviation("anes96", "confidence_limits", (5, 2, 0), "1.7890040", "1.7890038379758054648", PADDED),
    Deviation("anes96", "confidence_limits", (5, 2, 1), "2.3511560", "2.3511564315095721676", PADDED),
)
"""Every printed figure that the exact result for the data as stored does not round to."""
