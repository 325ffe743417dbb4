"""Stata's marginal effects for two of the bundled data sets, digit for digit.

Where they come from
--------------------
statsmodels tests its margins against figures computed with Stata 11, by the command ``margins``: "taken
from margins command" for spector, ``margins, dydx(*) predict(outcome(#))`` for anes96.  They were read from
the file ``statsmodels/discrete/tests/results/results_discrete.py`` of statsmodels 0.15.0, from the
attributes that `Effects.source` names.  The figures are those of the data in single precision, as Stata
stored them (:mod:`published.stata`).

Each figure is kept as the decimal string that stands in the file.  Effects of spector are in the order GPA,
TUCE, PSI.  Those of anes96 have a row for each class and the columns logpopul, selfLR, age, educ, income.

How many digits are right
-------------------------
Stata forms derivatives by variables numerically, and discrete changes exactly.  The figures show it.  The
printed effects of a variable of anes96 on the seven classes have to sum to 0, and sum to as much as 1.5e-7
(``tests/inference/test_margins_published.py`` asserts it).  Those of spector are up to 4e-8 of their value
away from the exact ones, at the point 0 up to 3e-7, discrete changes 6e-12, as the coefficients are
(:data:`published.stata.LAST_DIGITS`).  So derivatives are compared to what numerical ones are worth,
`SLOPES`, and changes to all digits but the last.

What was left out
-----------------
Medians, the figures of ``margeff`` with ``count``, elasticities at zero, which are 0, and the figures of
anes96 with a sixth variable, the vote (`margeff_dydx_dummy_overall`, `margeff_eydx_dummy_overall`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: how far Stata's numerical derivatives are off, of the largest effect of a variable
SLOPES = {"spector": 5e-8, "anes96": 4e-6}
#: of standard errors, beside half a unit of the last digit
ERRORS = 4e-7
#: of discrete changes, as the coefficients that Stata ended at
CHANGES = 6e-12


@dataclass(frozen=True)
class Effects:
    """Printed effects and standard errors.

    Attributes
    ----------
    source : str
        Name of the attribute of the effects; that of the errors ends in ``_se``.
    request : dict
        What :meth:`sigmax.inference.result.Result.margins` is asked for.
    effects, errors : tuple of str, or of K tuples of str
    slopes : float, optional
        In the place of `SLOPES`, where the effects are small.
    """

    source: str
    request: dict[str, Any]
    effects: tuple[Any, ...]
    errors: tuple[Any, ...]
    slopes: float | None = None


SPECTOR = (
    Effects(
        "margeff_nodummy_dydx",
        {"discrete": False},
        (".36258084688424", ".01220841099085", ".30517768382304"),
        (".1094412", ".0177942", ".0923796"),
    ),
    Effects(
        "margeff_nodummy_dydxmean",
        {"at": "mean", "discrete": False},
        (".53385885781692", ".01797548988961", ".44933926079386"),
        (".237038", ".0262369", ".1967626"),
    ),
    Effects(
        "margeff_nodummy_dyex",
        {"kind": "dyex", "discrete": False},
        ("1.1774000792198", ".27896245178384", ".16960002159996"),
        (".3616481", ".4090679", ".0635583"),
    ),
    Effects(
        "margeff_nodummy_dyexmean",
        {"at": "mean", "kind": "dyex", "discrete": False},
        ("1.6641381583512", ".39433730945339", ".19658592659731"),
        (".7388917", ".5755722", ".0860836"),
    ),
    Effects(
        "margeff_nodummy_eydx",
        {"kind": "eydx", "discrete": False},
        ("1.8546366266779", ".06244722072812", "1.5610138123033"),
        (".847903", ".0930901", ".7146715"),
    ),
    Effects(
        "margeff_nodummy_eydxmean",
        {"at": "mean", "kind": "eydx", "discrete": False},
        ("2.1116143062702", ".0710998816585", "1.7773072368626"),
        ("1.076109", ".1081501", ".9120842"),
    ),
    Effects(
        "margeff_nodummy_eyex",
        {"kind": "eyex", "discrete": False},
        ("5.4747106798973", "1.3173389907576", ".44600395466634"),
        ("2.44682", "1.943525", ".1567618"),
    ),
    Effects(
        "margeff_nodummy_eyexmean",
        {"at": "mean", "kind": "eyex", "discrete": False},
        ("6.5822977203268", "1.5597536538833", ".77757191612739"),
        ("3.354433", "2.372543", ".3990368"),
    ),
    Effects(
        "margeff_nodummy_dydxzero",
        {"discrete": False, "values": {"GPA": 0, "TUCE": 0, "PSI": 0}},
        ("6.252993785e-06", "2.105437138e-07", "5.263030788e-06"),
        (".0000288", "9.24e-07", ".000025"),
        slopes=3e-7,
    ),
    Effects(
        "margeff_nodummy_eydxzero",
        {"kind": "eydx", "discrete": False, "values": {"GPA": 0, "TUCE": 0, "PSI": 0}},
        ("2.8261067189993", ".0951574597115", "2.3786824653103"),
        ("1.262961", ".1415544", "1.064574"),
    ),
    Effects(
        "margeff_nodummy_atexog1",
        {"discrete": False, "values": {"GPA": 2.0, "PSI": 1.0}},
        (".1456333017086", ".00490359933927", ".12257689308426"),
        (".145633", ".0111226", ".1777101"),
    ),
    Effects(
        "margeff_nodummy_atexog2",
        {"at": "mean", "discrete": False, "values": {"TUCE": 21.0, "PSI": 0.0}},
        (".25105129214546", ".00845311433473", ".2113052923675"),
        (".1735778", ".012017", ".0971515"),
    ),
    Effects(
        "margeff_dummy_dydx",
        {},
        (".36258084688424", ".01220841099085", ".35751515254729"),
        (".1094412", ".0177942", ".1420034"),
    ),
    Effects(
        "margeff_dummy_dydxmean",
        {"at": "mean"},
        (".53385885781692", ".01797548988961", ".4564984096959"),
        (".237038", ".0262369", ".1810537"),
    ),
    Effects(
        "margeff_dummy_eydx",
        {"kind": "eydx"},
        ("1.8546366266779", ".06244722072812", "1.5549034398832"),
        (".847903", ".0930901", ".7283702"),
    ),
    Effects(
        "margeff_dummy_eydxmean",
        {"at": "mean", "kind": "eydx"},
        ("2.1116143062702", ".0710998816585", "1.6631775707188"),
        ("1.076109", ".1081501", ".801205"),
    ),
    Effects(
        "margeff_dummy_atexog1",
        {"values": {"GPA": 2.0, "PSI": 1.0}},
        (".1456333017086", ".00490359933927", ".0494715429937"),
        (".145633", ".0111226", ".0731368"),
    ),
    Effects(
        "margeff_dummy_atexog2",
        {"at": "mean", "values": {"TUCE": 21.0, "PSI": 0.0}},
        (".25105129214546", ".00845311433473", ".44265645632553"),
        (".1735778", ".012017", ".1811925"),
    ),
)
"""Of the binary logit of GRADE."""

ANES96 = (
    Effects(
        "margeff_dydx_overall",
        {},
        (
            (
                "0.00868085993550",
                "-0.09779854015456",
                "0.00272556969847",
                "-0.01992376579372",
                "-0.00603133322764",
            ),
            (
                "0.00699386733148",
                "-0.05022430802614",
                "-0.00211003909752",
                "-0.00536980000265",
                "-0.00554366741814",
            ),
            (
                "-0.00391040848820",
                "-0.02824717135857",
                "-0.00100551299310",
                "0.00664337806861",
                "0.00097987356999",
            ),
            (
                "-0.00182580888015",
                "-0.00573744730031",
                "-0.00004249256428",
                "-0.00546669558488",
                "0.00054101121854",
            ),
            (
                "-0.00098558129923",
                "0.01985550937033",
                "0.00047972250012",
                "0.00172605778905",
                "0.00211291403209",
            ),
            (
                "-0.00153469551647",
                "0.03755346502013",
                "-0.00068531143399",
                "0.00472471794347",
                "0.00254733486106",
            ),
            (
                "-0.00741820702809",
                "0.12459834487569",
                "0.00063806819375",
                "0.01766610701188",
                "0.00539385283759",
            ),
        ),
        (
            (".0038581061", ".0080471125", ".0007068488", ".0082318967", ".0020261706"),
            (".003904378", ".0073600286", ".000756431", ".0084381578", ".0020482238"),
            (".003137126", ".0056813182", ".0006601377", ".0068932588", ".0018481806"),
            (".0019427783", ".0031904763", ".0003865411", ".004361789", ".0011523221"),
            (".0029863227", ".0054076092", ".0005886612", ".0064426365", ".0018886818"),
            (".0035806552", ".0069497362", ".000722511", ".0078287717", ".0022352393"),
            (".0033641608", ".008376629", ".0006774697", ".0073505286", ".0021660086"),
        ),
    ),
    Effects(
        "margeff_dydx_mean",
        {"at": "mean"},
        (
            (
                "0.01149887431225",
                "-0.13784207091973",
                "0.00273313385873",
                "-0.02542974260540",
                "-0.00855346837482",
            ),
            (
                "0.01114846831102",
                "-0.09864273512889",
                "-0.00222435063712",
                "-0.01214617126321",
                "-0.00903581444579",
            ),
            (
                "-0.00381702868421",
                "-0.05132297961269",
                "-0.00116763216994",
                "0.00624203027060",
                "0.00021912081810",
            ),
            (
                "-0.00233455327258",
                "-0.00928554037343",
                "-0.00000206561214",
                "-0.00775415690571",
                "0.00060004460394",
            ),
            (
                "-0.00352579921274",
                "0.06412187169362",
                "0.00073938948643",
                "0.00747778063206",
                "0.00459965010365",
            ),
            (
                "-0.00574308219449",
                "0.11126535089794",
                "-0.00057337915464",
                "0.01467424346725",
                "0.00641760846097",
            ),
            (
                "-0.00722687818452",
                "0.12170608820238",
                "0.00049490419675",
                "0.01693601418978",
                "0.00575285798725",
            ),
        ),
        (
            (".0043729758", ".0110343353", ".0008149907", ".0092551389", ".0023752071"),
            (".004875051", ".0124746358", ".0009613152", ".0105665812", ".0026524426"),
            (".0040718954", ".0103613938", ".0008554615", ".0089931297", ".0024374625"),
            (".0026430804", ".0070845916", ".0005364369", ".0057654258", ".0015988838"),
            (".0037798151", ".0103849291", ".0007393481", ".0082021938", ".0023489261"),
            (".0045654631", ".0130329403", ".0009128134", ".0100053262", ".0028048602"),
            (".0027682389", ".0113292677", ".0005325113", ".0061289353", ".0017330763"),
        ),
    ),
)
"""Of the multinomial logit of PID; a row for each class."""
