"""Published figures of Firth's bias-reduced fits, and the small data sets they belong to.

Where they come from -------------------- logistf 1.26.1 (CRAN, GPL), run with R 4.2.2 at its tightest
settings, ``lconv=1e-14``, ``gconv=xconv=1e-13``, gives the coefficients, profile penalised-likelihood
intervals and test p-values of `SEX2`: the table that Heinze & Schemper (Stat. Med. 21, 2002) and the
package's manual print to fewer digits.  Its standard errors are those of the data augmented by the
leverages since version 1.24; `SEX2_MANUAL` holds what parameters' tests print.

brglm2 0.9 (Debian), run with R 4.2.2 at ``epsilon=1e-13``: ``brglmFit(type="AS_mean")`` and
``brmultinom(type="AS_mean")``, which for logits is Jeffreys' prior: coefficients and standard errors of
`ENDOMETRIAL` (Heinze & Schemper 2002; Agresti 2015), `LIZARDS` (Schoener 1970; McCullagh & Nelder 1989) and
`ALLIGATORS` (Agresti 2002, table 7.1), and of a sparse version of the last, counts over three, rounded,
in which maximum likelihood has infinite estimates.

Each figure is the decimal string that was printed.  Data are facts as tables: sex2 from logistf, the others
from brglm2; covariates of classes 0 and 1 as the packages code them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

Row = tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """A design, a response and the figures: one row of them for each logit, the intercept first."""

    source: str
    X: np.ndarray
    y: np.ndarray
    coef: tuple[Row, ...]
    bse: tuple[Row, ...] = ()
    lower: Row = ()
    upper: Row = ()
    pvalue: Row = ()
    llf: str = ""
    penalised: str = ""
    options: dict = field(default_factory=dict)


def _rows(text: str) -> np.ndarray:
    return np.array([[float(word) for word in line.split()] for line in text.strip().splitlines()])


#: age oc vic vicl vis dia, then observations without and with an infection
_SEX2 = _rows("""
0 0 0 0 1 0 1 1
0 0 1 0 0 0 2 14
0 0 1 0 1 0 1 3
0 0 1 1 0 0 8 10
0 0 1 1 1 0 18 12
0 0 1 1 1 1 0 1
0 1 0 0 0 0 42 44
0 1 0 0 0 1 0 3
0 1 0 0 1 0 1 0
0 1 1 0 0 0 1 15
0 1 1 0 0 1 0 1
0 1 1 0 1 0 0 2
0 1 1 1 0 0 5 7
0 1 1 1 1 0 6 3
1 0 1 0 0 0 0 2
1 0 1 0 1 0 0 1
1 0 1 0 1 1 0 1
1 0 1 1 0 0 2 1
1 0 1 1 1 0 4 0
1 0 1 1 1 1 0 1
1 1 0 0 0 0 14 5
1 1 0 0 1 0 1 0
1 1 1 0 0 0 1 3
1 1 1 1 1 0 2 0
""")

#: NV PI EH HG
_ENDOMETRIAL = _rows("""
0 13 1.64 0
0 16 2.26 0
0 8 3.14 0
0 34 2.68 0
0 20 1.28 0
0 5 2.31 0
0 17 1.8 0
0 10 1.68 0
0 26 1.56 0
0 17 2.31 0
0 8 2.01 0
0 7 1.89 0
0 20 3.15 0
0 10 1.23 0
0 18 1.27 0
0 16 1.76 0
0 18 2 0
0 8 2.64 1
0 29 0.88 1
0 12 1.27 1
0 20 1.37 1
1 38 0.97 1
1 22 1.14 1
1 7 0.88 1
1 25 0.91 1
1 15 0.58 1
0 7 0.97 1
0 28 1.5 0
0 11 1.33 0
0 19 2.37 0
0 10 1.82 0
0 10 3.13 0
0 18 1.31 0
0 14 1.92 0
0 21 1.64 0
0 11 2.01 0
0 17 1.88 0
0 25 1.93 0
0 16 2.11 0
0 19 1.29 0
0 15 1.72 0
0 33 0.75 0
0 24 1.92 0
0 48 1.84 1
0 12 1.11 1
0 19 1.61 1
0 2 1.18 1
1 22 1.44 1
1 40 1.18 1
1 5 0.93 1
1 0 1.17 1
0 21 1.19 1
0 15 1.06 1
0 29 2.02 0
0 15 2.29 0
0 12 2.33 0
0 3 2.9 0
0 20 1.7 0
0 23 1.41 0
0 12 2.25 0
0 22 1.54 0
0 42 1.97 0
0 15 1.75 0
0 13 2.16 0
0 14 2.57 0
0 19 1.37 0
0 12 3.61 0
0 13 2.04 0
0 10 2.17 0
0 12 1.69 1
1 49 0.27 1
0 6 1.84 1
0 5 1.3 1
0 17 0.96 1
1 11 1.01 1
1 21 0.98 1
0 5 0.35 1
1 19 1.02 1
0 33 0.85 1
""")

#: height >= 5 ft, diameter > 2 in, shady, midday, late; opalinus, grahami
_LIZARDS = _rows("""
0 0 0 0 0 2 20
0 0 0 1 0 1 8
0 0 0 0 1 4 4
1 0 0 0 0 0 13
1 0 0 1 0 0 8
1 0 0 0 1 0 12
0 1 0 0 0 3 8
0 1 0 1 0 1 4
0 1 0 0 1 3 5
1 1 0 0 0 0 6
1 1 0 0 1 1 1
0 0 1 0 0 11 34
0 0 1 1 0 20 69
0 0 1 0 1 10 18
1 0 1 0 0 5 31
1 0 1 1 0 4 55
1 0 1 0 1 3 13
0 1 1 0 0 15 17
0 1 1 1 0 32 60
0 1 1 0 1 8 8
1 1 1 0 0 1 12
1 1 1 1 0 5 21
1 1 1 0 1 4 4
""")

#: size <= 2.3 m, lake Hancock, Oklawaha, Trafford; fish, invertebrate, reptile, bird, other: one line a
#: gender
_ALLIGATORS = _rows("""
1 1 0 0 7 1 0 0 5
0 1 0 0 4 0 0 1 2
1 1 0 0 16 3 2 2 3
0 1 0 0 3 0 1 2 3
1 0 1 0 2 2 0 0 1
0 0 1 0 13 7 6 0 0
1 0 1 0 3 9 1 0 2
0 0 1 0 0 1 0 1 0
1 0 0 1 3 7 1 0 1
0 0 0 1 8 6 6 3 5
1 0 0 1 2 4 1 1 4
0 0 0 1 0 1 0 0 0
1 0 0 0 13 10 0 2 2
0 0 0 0 9 0 0 1 2
1 0 0 0 3 9 1 0 1
0 0 0 0 8 1 0 0 1
""")
#: round(count / 3): of the table above, count by count
_SPARSE = np.rint(_ALLIGATORS[:, 4:] / 3.0)

SEX2 = Published(
    source="logistf 1.26.1",
    X=_SEX2[:, :6],
    y=_SEX2[:, 6:],
    coef=(
        (
            "0.1202540491338379",
            "-1.1059813313812710",
            "-0.0688167270619198",
            "2.2688746522391350",
            "-2.1114081853032101",
            "-0.7883169513966934",
            "3.0960118273514490",
        ),
    ),
    lower=(
        "-0.818559106359",
        "-1.973788382837",
        "-0.941436330166",
        "1.273021571200",
        "-3.260861117529",
        "-1.608087889529",
        "0.774568169217",
    ),
    upper=(
        "1.073151216026",
        "-0.307425141576",
        "0.789202021261",
        "3.435432730915",
        "-1.117734946984",
        "0.015184679066",
        "8.030293522159",
    ),
    pvalue=(
        "8.02026802337e-01",
        "6.14347184509e-03",
        "8.75191058626e-01",
        "1.67887695868e-06",
        "1.23780476281e-05",
        "5.44970080615e-02",
        "4.95187338639e-03",
    ),
    penalised="-132.539379532844",
)

#: estimate, lower, upper end, chi^2 and p as the easystats package "parameters" prints logistf's table in
#: its tests
SEX2_MANUAL = (
    ("0.12", "-0.82", "1.07", "0.06", "0.802"),
    ("-1.11", "-1.97", "-0.31", "7.51", "0.006"),
    ("-0.07", "-0.94", "0.79", "0.02", "0.875"),
    ("2.27", "1.27", "3.44", "22.93", "0.000"),
    ("-2.11", "-3.26", "-1.12", "19.10", "0.000"),
    ("-0.79", "-1.61", "0.02", "3.70", "0.054"),
    ("3.10", "0.77", "8.03", "7.90", "0.005"),
)

ENDOMETRIAL = Published(
    source="brglm2 0.9, brglmFit",
    X=_ENDOMETRIAL[:, :3],
    y=_ENDOMETRIAL[:, 3].astype(int),
    coef=(("3.7745597136471050", "2.9292733531971171", "-0.0347517598704364", "-2.6041639252936792"),),
    bse=(("1.4886916634356688", "1.5507637294530485", "0.0395781473477635", "0.7760176425015665"),),
    llf="-28.287697325521",
)

LIZARDS = Published(
    source="brglm2 0.9, brglmFit",
    X=_LIZARDS[:, :5],
    y=_LIZARDS[:, 5:],
    coef=(
        (
            "1.901833089685376",
            "1.106426281929804",
            "-0.753629210333988",
            "-0.817659281775937",
            "0.227960385005220",
            "-0.727311110834122",
        ),
    ),
    bse=(
        (
            "0.337353354173829",
            "0.254403283902972",
            "0.210271521727969",
            "0.318605746195324",
            "0.248841080398856",
            "0.297458160260998",
        ),
    ),
)

ALLIGATORS = Published(
    source="brglm2 0.9, brmultinom",
    X=_ALLIGATORS[:, :4],
    y=_ALLIGATORS[:, 4:],
    coef=(
        (
            "-1.49081772463000",
            "1.401962371054146",
            "-1.560044542330911",
            "0.9010974785020280",
            "1.08132191260240",
        ),
        (
            "-2.90881899994260",
            "-0.320948718416200",
            "0.980018199532117",
            "2.1026920458430762",
            "2.55900810773375",
        ),
        (
            "-1.94018987244257",
            "-0.582876770063472",
            "0.621316867154967",
            "-0.4145945273111623",
            "1.02622053005708",
        ),
        (
            "-1.81522462381371",
            "0.314775255136673",
            "0.779278908064540",
            "0.0600172860825758",
            "1.45071698930950",
        ),
    ),
    bse=(
        (
            "0.425071124893578",
            "0.396226704351584",
            "0.600356895885425",
            "0.474204341190457",
            "0.492490520752809",
        ),
        (
            "0.886407139638405",
            "0.556597445244933",
            "1.021811765999225",
            "0.961941695279363",
            "0.960496308292522",
        ),
        (
            "0.627689221237930",
            "0.608464218710524",
            "0.743645391089445",
            "1.045811807992549",
            "0.803164928740790",
        ),
        (
            "0.517764122319147",
            "0.444375987892336",
            "0.552147623214662",
            "0.748960978027097",
            "0.615461872056052",
        ),
    ),
)

ALLIGATORS_SPARSE = Published(
    source="brglm2 0.9, brmultinom",
    X=_ALLIGATORS[:, :4],
    y=_SPARSE,
    coef=(
        (
            "-1.67916779208908",
            "1.538657019528580",
            "-1.452452561234267",
            "0.8578552726303992",
            "0.958323855768227",
        ),
        (
            "-2.69014193412856",
            "-0.761438819530224",
            "1.403448890719587",
            "1.9746401060147569",
            "2.097545762938294",
        ),
        (
            "-1.82047415176585",
            "-0.253624924079191",
            "0.718234297862776",
            "-0.5960230580651624",
            "0.637337520819726",
        ),
        (
            "-1.51751930503209",
            "0.049964807203739",
            "0.950119525949299",
            "0.0650080240460525",
            "1.068564966518611",
        ),
    ),
    bse=(
        (
            "0.798689619408966",
            "0.738492825958701",
            "1.093348440601935",
            "0.85266918446291",
            "0.900297756910788",
        ),
        (
            "1.549513267499896",
            "1.046573719809995",
            "1.762848519036225",
            "1.70329857756026",
            "1.716551744351781",
        ),
        (
            "1.038735754625674",
            "1.005136549880031",
            "1.180898238183858",
            "1.80232060661657",
            "1.355040666954838",
        ),
        (
            "0.860660685464034",
            "0.766252906691523",
            "0.939783811306472",
            "1.23059342412137",
            "1.063302349465515",
        ),
    ),
)

PUBLISHED = {
    "sex2": SEX2,
    "endometrial": ENDOMETRIAL,
    "lizards": LIZARDS,
    "alligators": ALLIGATORS,
    "alligators, sparse": ALLIGATORS_SPARSE,
}
