"""Hypotheses by name: the language, what it refuses, and what becomes of it as R theta = q."""

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sigmax.inference.hypotheses import Parameters, combinations, joint
from sigmax.inference.tables import label_text

NAMES = (
    "intercept",
    "age",
    "lwt",
    "age:lwt",
    "C(race)[T.black]",
    "C(race)",
    "2nd year",
    "x y",
    "age2",
    "a`b",
)
BINARY = Parameters(NAMES, np.arange(10.0)[None], ("1",), "0")
#: three logits of two columns and an intercept: no square of anything
COLOURS = Parameters(
    ("intercept", "age", "x.1", "C(s)[b]"),
    np.arange(12.0).reshape(3, 4),
    ("blue", "dark green", "2"),
    "white",
)
SYMMETRIC = Parameters(("age", "lwt"), np.arange(6.0).reshape(3, 2), ("a", "b", "c"), None)


def equations(given_, parameters=BINARY):
    """[({name: coefficient}, constant)] of what was found; names with classes where there are several."""
    found = joint(given_, parameters)
    assert found.R.shape == (len(found.q), parameters.values.size)
    assert len(found.texts) == len(found.q)
    return [
        ({parameters.text(j): float(row[j]) for j in np.flatnonzero(row).tolist()}, float(value))
        for row, value in zip(found.R, found.q, strict=True)
    ]


# -- the language ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "coefficients", "constant"),
    [
        ("age", {"age": 1}, 0),
        ("age = 0", {"age": 1}, 0),
        ("age == 0", {"age": 1}, 0),
        (" age\n=\tlwt ", {"age": 1, "lwt": -1}, 0),
        ("age=lwt", {"age": 1, "lwt": -1}, 0),
        ("2*age - lwt/3 = 1.5", {"age": 2, "lwt": -1 / 3}, 1.5),
        ("1.5 = age", {"age": -1}, -1.5),
        ("-age = +lwt - 1e2", {"age": -1, "lwt": -1}, -100),
        ("--age = 1", {"age": 1}, 1),
        ("-+-+-age = 1", {"age": -1}, 1),
        ("2 - 3 - age", {"age": -1}, 1),
        ("8/4/2*age = .5", {"age": 1}, 0.5),
        ("-2*-age*3 = 1.", {"age": 6}, 1),
        ("2*(age - (lwt + 1)*3)/4 = 1", {"age": 0.5, "lwt": -1.5}, 2.5),
        ("age*2e-3 = 1E+1", {"age": 0.002}, 10),
        ("age + age + lwt", {"age": 2, "lwt": 1}, 0),
        ("(age)" + " + (age)" * 149, {"age": 150}, 0),
        ("(" * 100 + "age" + ")" * 100, {"age": 1}, 0),
        ("age = 0e99999999", {"age": 1}, 0),
        # fractions: as doubles, 0.1 + 0.2 is not 0.3, and this would be about age as well
        ("0.1*age + 0.2*age - 0.3*age + lwt", {"lwt": 1}, 0),
        ("age*(0.1 + 0.2 - 0.3) = lwt", {"lwt": -1}, 0),
        ("age/3 + age/3 + age/3 = 1", {"age": 1}, 1),
        # the longest name that stands there
        ("age:lwt = age", {"age:lwt": 1, "age": -1}, 0),
        ("C(race)[T.black] = C(race)", {"C(race)[T.black]": 1, "C(race)": -1}, 0),
        ("C(race)[1] = 2", {"C(race)": 1}, 2),
        ("x y = 1", {"x y": 1}, 1),
        ("age2 = age", {"age2": 1, "age": -1}, 0),
        ("2*age2 = 2*age", {"age2": 2, "age": -2}, 0),
        # backticks
        ("`2nd year` = `age`", {"`2nd year`": 1, "age": -1}, 0),
        ("2*`C(race)[T.black]`[1]", {"C(race)[T.black]": 2}, 0),
        ("`a``b` = 3", {"a`b": 1}, 3),
        # classes
        ("age[1] = lwt['1'] + lwt[ \"1\" ]", {"age": 1, "lwt": -2}, 0),
        ("age[1] = age[0]", {"age": 1}, 0),
        ("age [1]", {"age": 1}, 0),
    ],
)
def test_a_hypothesis(text, coefficients, constant):
    assert equations(text) == [(coefficients, constant)]


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ("age, lwt = 1", [({"age": 1}, 0), ({"lwt": 1}, 1)]),
        (["age", "lwt = 1"], [({"age": 1}, 0), ({"lwt": 1}, 1)]),
        (("age", "lwt"), [({"age": 1}, 0), ({"lwt": 1}, 0)]),
        (np.array(["age, lwt"]), [({"age": 1}, 0), ({"lwt": 1}, 0)]),
        ("age = lwt = 0", [({"age": 1, "lwt": -1}, 0), ({"lwt": 1}, 0)]),
        (
            "age = 2*lwt = intercept = 1",
            [({"age": 1, "lwt": -2}, 0), ({"intercept": -1, "lwt": 2}, 0), ({"intercept": 1}, 1)],
        ),
        ({"age": 1.5, "2nd year": -2}, [({"age": 1}, 1.5), ({"`2nd year`": 1}, -2)]),
        ({"age - lwt": 1, "age": np.float64(0.25)}, [({"age": 1, "lwt": -1}, 1), ({"age": 1}, 0.25)]),
        ({"age = lwt": 2}, [({"age": 1, "lwt": -1}, 0), ({"lwt": 1}, 2)]),
    ],
)
def test_several_hypotheses(given_, wanted):
    assert equations(given_) == wanted


def test_matrices():
    R = np.zeros((2, 10))
    R[0, 1], R[1, 2], R[1, 3] = 1.0, 2.0, -0.25
    wanted = [({"age": 1}, 0), ({"lwt": 2, "age:lwt": -0.25}, 0)]
    assert equations(R) == equations(R.tolist()) == wanted
    assert (
        equations((R, [1, 2]))
        == equations((R.tolist(), np.array([1, 2])))
        == [
            ({"age": 1}, 1),
            ({"lwt": 2, "age:lwt": -0.25}, 2),
        ]
    )
    assert equations(R[0]) == equations((R[0], 0)) == [({"age": 1}, 0)]
    assert equations((R[0], 3.5)) == [({"age": 1}, 3.5)]
    # two rows are no pair of R and q
    assert equations((R[0], R[1])) == wanted
    assert equations(R.astype(int))[0] == ({"age": 1}, 0)


# -- many classes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("age", [({"age[blue]": 1}, 0), ({"age[dark green]": 1}, 0), ({"age[2]": 1}, 0)]),
        (
            "age = x.1 + 1",
            [({f"age[{c}]": 1, f"x.1[{c}]": -1}, 1) for c in ("blue", "dark green", "2")],
        ),
        ("age[blue]", [({"age[blue]": 1}, 0)]),
        ('age["dark green"] = age[dark green] + age[ 2 ]', [({"age[2]": -1}, 0)]),
        ("age[blue] = age[2]", [({"age[blue]": 1, "age[2]": -1}, 0)]),
        # the one class that is named is that of the whole chain
        ("age[2] = x.1", [({"age[2]": 1, "x.1[2]": -1}, 0)]),
        ("age = x.1[2] = 3", [({"age[2]": 1, "x.1[2]": -1}, 0), ({"x.1[2]": 1}, 3)]),
        # but not of another hypothesis
        (
            "age[2], x.1",
            [({"age[2]": 1}, 0), *(({f"x.1[{c}]": 1}, 0) for c in ("blue", "dark green", "2"))],
        ),
        # the coefficients of the reference are 0
        ("age[blue] = age[white]", [({"age[blue]": 1}, 0)]),
        ("age[blue] = age[2] = age[white]", [({"age[blue]": 1, "age[2]": -1}, 0), ({"age[2]": 1}, 0)]),
        ("C(s)[b][2] = C(s)[b][blue]", [({"C(s)[b][blue]": -1, "C(s)[b][2]": 1}, 0)]),
        ({"x.1": 2}, [({f"x.1[{c}]": 1}, 2) for c in ("blue", "dark green", "2")]),
    ],
)
def test_classes(text, wanted):
    assert equations(text, COLOURS) == wanted


def test_order_of_the_parameters():
    # (rows, columns) in the order of params.ravel(), which a transposed layout is not
    found = joint("age[2] = 1, C(s)[b][blue] = 2", COLOURS)
    np.testing.assert_array_equal(
        found.R @ COLOURS.values.ravel(), [COLOURS.values[2, 1], COLOURS.values[0, 3]]
    )
    assert found.texts == ("age[2] = 1", "C(s)[b][blue] = 2")


def test_every_class_has_coefficients_without_a_reference():
    assert equations("lwt[a] = lwt[c]", SYMMETRIC) == [({"lwt[a]": 1, "lwt[c]": -1}, 0)]
    assert len(equations("lwt", SYMMETRIC)) == 3


def test_labels_as_text():
    labels = [2.0, 2.5, np.float64(3.0), np.int64(4), "red", np.str_("x"), True, np.datetime64("2020-01-02")]
    assert list(map(label_text, labels)) == ["2", "2.5", "3", "4", "red", "x", "True", "2020-01-02"]


@pytest.mark.parametrize("label", ["it's", 'say "a"', "a]b", " b ", "'q'", "", '"', "a,b=c"])
def test_labels_are_quoted_where_they_need_it(label):
    parameters = Parameters(("age",), np.ones((2, 1)), (label, "other"), None)
    found = joint(np.array([[1.0, 0.0]]), parameters)
    np.testing.assert_array_equal(joint(found.texts, parameters).R, found.R)


# -- what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "agee = 0",
            r"'agee' is not the name of a parameter \(did you mean 'age'.*\), at position 1 of 'agee = 0'",
        ),
        ("age = lwtt", r"'lwtt' .*did you mean 'lwt'.*at position 7 of"),
        ("C(race)[T.blak] = 1", "'T.blak' is none of the classes, '1', '0', at position 8"),
        ("c(race)[T.black] = 1", r"'c\(race\)\[T.black\]' .*did you mean 'C\(race\)\[T.black\]'"),
        ("zzz", "'zzz' is not the name of a parameter .the names are 'intercept', 'age', "),
        ("`age:lwtt` = 1", "'age:lwtt' is not the name of a parameter .did you mean 'age:lwt'"),
        ("age3", "'age3' is not the name"),
        ("age[2]", "'2' is none of the classes, '1', '0', at position 4"),
        ("age[1", "expected an operator, '=', ',' or the end, at position 4"),
        ("age*lwt = 1", "must be linear, and two parameters are multiplied, at position 4"),
        ("1/age = 1", "must be linear, and a parameter is divided by, at position 2"),
        ("age/0 = 1", "division by zero, at position 4"),
        ("age/(1 - 1)", "division by zero, at position 4"),
        ("(age", r"expected '\)' or an operator, at position 5"),
        ("age)", "expected an operator, '=', ',' or the end, at position 4"),
        ("age lwt", "expected an operator, '=', ',' or the end, at position 5"),
        ("2age", "expected an operator after the number; .* at position 2"),
        ("2nd year", "expected an operator after the number"),
        ("age = ", r"expected a number, a name or '\(', and the text ends, at position 7"),
        ("age,", "and the text ends, at position 5"),
        ("", "and the text ends, at position 1"),
        ("age ** 2", "expected a number, a name or .*, at position 6"),
        ("age ^ 2", "expected an operator, '=', ',' or the end, at position 5"),
        ("age = #1", "names that begin otherwise stand in backticks, at position 7"),
        ("`age", "names that begin otherwise stand in backticks, at position 1"),
        ("age != 1", "expected an operator, .* at position 5"),
        ("age < 1", "expected an operator, .* at position 5"),
        ("1 = 1", "a hypothesis must name a parameter, at position 1"),
        ("age, 2", "a hypothesis must name a parameter, at position 6"),
        ("age = 1e999999999", "the number 1e999999999 is out of range, at position 7"),
        ("age = 1e-401", "out of range"),
        ("age = 1e99999999999999999999999", "out of range"),
        ("age = 1e309", "a number in 'age = 1e309' is outside of the range of doubles"),
        ("age = 1e-330", "outside of the range of doubles"),
        ("1e300*1e300*age", "outside of the range of doubles"),
        ("age/1e300/1e300", "outside of the range of doubles"),
        ("(" * 101 + "age" + ")" * 101, "more than 100 parentheses in each other, at position 101"),
        ("age - age = 0", "must say something about the estimates; got '0 = 0'"),
        ("age[0]", "must say something about the estimates"),
        ("age = age + 1", "'0 = 1' contradicts itself"),
        ("age[0] = -1", "'0 = -1' contradicts itself"),
        ("age = 1, lwt = 2, age = 3", "'age = 3' contradicts those before it .2 equations."),
        ("age = lwt, lwt = 1, age = 2", "'age = 2' contradicts those before it"),
        ("age = 1 = 2", "'0 = 1' contradicts itself"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        joint(text, BINARY)


def test_a_position_in_a_long_text():
    with pytest.raises(
        ValueError, match=r"'zzz' .* at position 1202 of '\.\.\.age\+age.*\+zzz\+age.*\+\.\.\.'$"
    ):
        joint("+age" * 300 + "+zzz" + "+age" * 100, BINARY)


def test_ambiguous_classes_are_refused():
    for text in (
        "age[blue] = x.1[2] + intercept",
        "age[blue] = age[2] = x.1",
        "age[white] = x.1[2] = intercept",
    ):
        with pytest.raises(ValueError, match="some parameters have classes, and not all the same one"):
            joint(text, COLOURS)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ([], "hypotheses must not be empty"),
        ({}, "hypotheses must not be empty"),
        (np.zeros((2, 3)), r"a column for each parameter, \(n, 10\); got shape \(2, 3\)"),
        (np.zeros((0, 10)), "hypotheses must not be empty"),
        (np.zeros((1, 1, 10)), r"got shape \(1, 1, 10\)"),
        (np.zeros((2, 10)), "must say something about the estimates"),
        ((np.eye(10), [1.0]), r"q must have shape \(10,\), one value for each row of R; got \(1,\)"),
        ((np.eye(10), np.full(10, np.nan)), r"q must be finite; 10 values nan or inf, the first at q\[0\]"),
        (np.full((1, 10), np.inf), "hypotheses must be finite"),
        (3, r"got shape \(\)"),
        (None, "hypotheses must hold real numbers"),
        (["age", 1], "hypotheses must hold real numbers"),
        ({"age": "x"}, r"hypotheses\['age'\] must be a finite number; got 'x'"),
        ({"age": np.nan}, r"hypotheses\['age'\] must be a finite number"),
        ({"age": [1.0]}, r"hypotheses\['age'\] must be a finite number"),
        ({3: 1.0}, "hypotheses must have texts as keys; got 3"),
    ],
)
def test_what_is_refused_of_numbers(given_, message):
    with pytest.raises(ValueError, match=message):
        joint(given_, BINARY)


def test_parameters_without_an_estimate():
    values = np.array([[1.0, np.nan, 3.0], [np.inf, np.nan, -np.inf]])
    parameters = Parameters(("a", "b", "c"), values, ("x", "y"), "z")
    for text, message in [
        ("b", r"b\[x\] is nan: its column was left out .*\(and 1 more like it\)"),
        ("a", r"a\[y\] is inf: the classes are separated"),
        ("a[x] = c[y]", r"c\[y\] is -inf: the classes are separated, and it has no finite estimate$"),
        (np.ones((1, 6)), r"b\[x\] is nan.* \(and 3 more like it\)"),
    ]:
        for read in (joint, combinations):
            with pytest.raises(ValueError, match=message):
                read(text, parameters)
    assert len(joint("a[x] = c[x]", parameters).q) == 1
    # of a coefficient that is 0 nothing is asked
    assert len(joint("a[x] + 0*b[x] = c[x]", parameters).q) == 1


# -- equations that follow from others ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("age = lwt, lwt = age", ["age - lwt = 0"]),
        ("age = 1, lwt = 2, age + lwt = 3", ["age = 1", "lwt = 2"]),
        ("age/3 = lwt/7, 7*age = 3*lwt, age = 1", ["age/3 - lwt/7 = 0", "age = 1"]),
        ("age[0] = 0, age = 2", ["age = 2"]),
        ("age = lwt = age", ["age - lwt = 0"]),
        # units: these are two
        ("age + 1e-12*lwt, age", ["age + 1e-12*lwt = 0", "age = 0"]),
        # nearly the same is not the same, and the third follows from these two
        (
            "age + lwt = 0, age + 1.00000001*lwt = 0, lwt = 0, 3*age - lwt = 0",
            ["age + lwt = 0", "age + 1.00000001*lwt = 0"],
        ),
        ("1e-200*age = 1e-200, lwt = 1e200", ["1e-200*age = 1e-200", "lwt = 1e+200"]),
    ],
)
def test_what_follows_is_left_out(text, kept):
    assert list(joint(text, BINARY).texts) == kept


@settings(max_examples=300)
@given(st.integers(0, 2**32 - 1))
def test_rank_and_contradictions_of_random_matrices(seed):
    rng = np.random.default_rng(seed)
    rank, extra = int(rng.integers(1, 6)), int(rng.integers(1, 5))
    basis = rng.normal(size=(rank, 10)) * 10.0 ** rng.uniform(-6, 6, 10)
    mix = np.vstack([np.eye(rank), rng.normal(size=(extra, rank))])
    # equations of any size
    mix *= 10.0 ** rng.uniform(-6, 6, (rank + extra, 1))
    R, q = mix @ basis, mix @ rng.normal(size=rank)
    order = rng.permutation(rank + extra)
    found = joint((R[order], q[order]), BINARY)
    assert len(found.q) == rank
    off = q.copy()
    off[-1] += 1e-3 * (abs(q[-1]) + np.abs(mix[-1]).max())
    with pytest.raises(ValueError, match="contradict"):
        joint((R[order], off[order]), BINARY)


# -- combinations ------------------------------------------------------------------------------------


def test_combinations():
    found = combinations(["age - lwt", "age = lwt + 2", "2*age + 1, age - lwt", "lwt = 0"], BINARY)
    assert found.texts == ("age - lwt", "age - lwt - 2", "2*age + 1", "age - lwt", "lwt")
    np.testing.assert_array_equal(found.q, [0.0, 2.0, -1.0, 0.0, 0.0])
    np.testing.assert_array_equal(found.R[2], 2.0 * np.eye(10)[1])
    assert combinations("-age/3 - 0.1*lwt", BINARY).texts == ("-age/3 - lwt/10",)
    assert combinations((np.eye(10)[1], 1.5), BINARY).texts == ("age - 1.5",)
    with pytest.raises(ValueError, match="expressions must say something about the estimates; '1' does not"):
        combinations("age[0] + 1", BINARY)


# -- properties --------------------------------------------------------------------------------------

NUMBER = st.sampled_from(["1", "2", "0.1", "3.", ".25", "1e2", "2.5E-1", "7"])
NAME = st.sampled_from(["a", "bc", "d_1"])


def _combined(inner):
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-"), inner),
        st.builds("{} * {}".format, NUMBER, inner),
        st.builds("({}) / {}".format, inner, NUMBER),
        st.builds("-{}".format, inner),
        st.builds("{}-({}-{})".format, NUMBER, NUMBER, inner),
    )


EXPRESSION = st.recursive(st.one_of(NAME, NUMBER), _combined, max_leaves=12)


@settings(max_examples=300)
@given(EXPRESSION, EXPRESSION)
def test_expressions_mean_what_they_mean_in_python(left, right):
    parameters = Parameters(("a", "bc", "d_1"), np.ones((1, 3)), ("1",), "0")
    text = f"{left} = {right} + a + 50*bc"
    # the same text in fractions, at 0 and at unit vectors
    numbers = r"(?<![\w.])((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    code = re.sub(numbers, r"F('\1')", f"({left}) - ({right} + a + 50*bc)").replace(".')", "')")

    def at(**values):
        return eval(code, {"F": Fraction, **{n: Fraction(values.get(n, 0)) for n in ("a", "bc", "d_1")}})

    R = [at(**{name: 1}) - at() for name in parameters.names]
    if not any(R):
        with pytest.raises(ValueError, match=r"must say something|contradicts itself"):
            joint(text, parameters)
        return
    found = joint(text, parameters)
    np.testing.assert_array_equal(found.R[0], [float(r) for r in R])
    assert found.q[0] == float(-at())


DOUBLES = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)


@settings(max_examples=300)
@given(st.lists(DOUBLES, min_size=12, max_size=12), DOUBLES)
@example([1 / 3, -2 / 3, 1e22, 1e-7, 0.1, -5.0, 0.0, 97 / 98, 1e16, 123456789.0, 3.0, 1.0], 1e300)
def test_texts_are_the_same_hypothesis(row, value):
    if not any(row):
        row[3] = 1.0
    R = np.array([row])
    text = combinations((R, [value]), COLOURS).texts[0]
    found = combinations(text, COLOURS)
    np.testing.assert_array_equal(found.R, R)
    assert found.q[0] == value
    assert found.texts == (text,)


WORDS = ("==", "1", "0", "2.5", "1e", "1e5", "e5", "1e-9", "[1]", "[0]", "age[1]", "1e400", "%s", "age =")
ODD = ("`2nd year`", "\u00e9", "\u00b2", "\u0663", "\ud800", "-" * 50, "(" * 40)
PIECES = st.sampled_from([*NAMES, *"+-*/()=,[]`'\"#.^ \n\0\\{", *WORDS, *ODD])


@settings(max_examples=2000)
@given(
    st.one_of(
        st.text(max_size=40), st.lists(PIECES, max_size=12).map("".join), st.lists(PIECES).map(" ".join)
    )
)
@example("(" * 5000)
@example("-" * 20000 + "age")
@example("1" * 5000)
@example("age = 0." + "1" * 5000)
@example("age" + " + age" * 2000)
@example("a" * 20000)
@example("0e99999999 = age")
@example("age*1e-300*1e-300*1e300*1e300")
def test_the_parser_finds_equations_or_refuses(text):
    for parameters in (BINARY, SYMMETRIC):
        for read in (joint, combinations):
            try:
                found = read(text, parameters)
            except ValueError:
                continue
            assert found.R.any(axis=1).all()
            assert np.isfinite(found.R).all()
            assert np.isfinite(found.q).all()
