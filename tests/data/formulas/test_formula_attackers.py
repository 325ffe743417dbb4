"""States of formulas that someone has written or changed: refused, and nothing of them is run."""

from __future__ import annotations

import copy
import functools
import sys
import tracemalloc

import numpy as np
import pytest
from tables import N, stored, table, terms_of

from sigmax.data.formulas import language
from sigmax.data.formulas.formula import Terms
from sigmax.data.formulas.formula_data import observe


@pytest.fixture(scope="module")
def df():
    return table()


EXPRESSIONS = [
    "__import__('os').system('touch stolen')",
    "open('/etc/passwd')",
    "eval('1')",
    "exec('import os')",
    "compile('1', '', 'eval')",
    "globals()",
    "getattr(x, 'values')",
    "x.values",
    "x.to_pickle('stolen')",
    "x.__class__",
    "x.__class__.__mro__[1].__subclasses__()",
    "np.__loader__",
    "np.os.system('id')",
    "np.lib.npyio.load('x')",
    "np.load('x')",
    "np.save('x', x)",
    "np.fromfile('x')",
    "np.memmap('x')",
    "np.ctypeslib",
    "np.frompyfunc(x, 1, 1)",
    "np.vectorize(x)",
    "np.ones(10**9)",
    "np.repeat(x, 10**9)",
    "np.log(x, out=x)",
    "np.log(x, where=x)",
    "np.log(*[x])",
    "bs(x, **{'df': 5})",
    "(lambda: x)()",
    "[x for x in (1, 2)]",
    "(x for x in (1, 2))",
    "{x: 1 for x in (1, 2)}",
    "[x]",
    "x[0]",
    "f'{x}'",
    "f'{x.__class__}'",
    "'a' * 10**9",
    "9**9**9",
    "x + 9**9**9",
    "x**(9**9**9)",
    "I(9)**9**9",
    "abs(9)**9**9",
    "((1 < 2) + 8)**9**9",
    "-9**9**9",
    "1 / 0",
    "(-8)**0.5 + x",
    "x + 1e999",
    "x + 1j",
    "x << 10**9",
    "1 << 10**9",
    "x @ x",
    "(y := x)",
    "x if x else z",
    "x and z",
    "not x",
    "0 < x < 1",
    "x in z",
    "x is z",
    "yield x",
    "await x",
    "x; z",
    "x\nz",
    "import os",
    "...",
    "None",
    "b'x'",
    "'x'",
    "__builtins__",
    "__FORMULAIC_STATE__",
    "Q(x)",
    "Q('nothing')",
    "Q('__class__')",
    "Q('x', _context=1)",
    "nothing",
    "C(x, contrasts=eval)",
    "C(x, contr.__class__)",
    "C(x, contr.sum.__init__)",
    "C(x, contr.treatment(base=open('x')))",
    "hashed(x, 3, hash_func=eval)",
    "hashed(x, 10**9)",
    "hashed(x)",
    "bs(x, df=10**9)",
    "bs(x, df=5000)",
    "bs(x, df=-1)",
    "bs(x, df=True)",
    "bs(x, df='5')",
    "bs(x, degree=10**6)",
    "bs(x, knots=range(10**9))",
    "bs(x, knots=np.zeros(10**9))",
    "poly(x, 10**8)",
    "poly(x, degree=5000, raw=True)",
    "cr(x, df=10**9)",
    "poly(x, 2, 3, 4, 5)",
    "poly()",
    "lag(x)",
    "center(x, _state={})",
    "poly(x, 2, _spec=1)",
    "offset(x)",
    "round(x, 10**9)",
    "print(x)",
    "input()",
    "breakpoint()",
    "`x",
    "",
    "(" * 300 + "x" + ")" * 300,
    "-" * 3000 + "x",
    "+".join(["x"] * 200) + "+x" * 300,
    "x" * 20_000,
    "1" * 5_000,
    "x\0",
    'Q(\'"+__import__("os").system("id")+"\')',
]

#: what a process may not do between a state and its refusal; compile, which reads trees, is looked at
_LOUD = {
    "exec",
    "open",
    "import",
    "os",
    "subprocess",
    "socket",
    "ctypes",
    "shutil",
    "marshal",
    "pickle",
    "code",
}


@functools.cache
def _recorders():
    """The lists that events go to while there are some; a hook cannot be taken back, so that there is one."""
    recorders = []

    def hook(event, args):
        if recorders and (event == "compile" or event.split(".")[0] in _LOUD):
            recorders[-1].append((event, args))

    sys.addaudithook(hook)
    return recorders


def _quietly(call):
    """What the interpreter did in a call: loud events, and sources that were compiled."""
    seen = []
    _recorders().append(seen)
    try:
        found = call()
    finally:
        _recorders().pop()
    sources = [args for event, args in seen if event == "compile"]
    return found, [one for one in seen if one[0] != "compile"], sources


def test_the_hook_hears_what_it_should():
    def loud():
        with open(__file__):
            exec(compile("1", "loud", "exec"))

    _, events, sources = _quietly(loud)
    assert {event for event, _ in events} >= {"open", "exec"}
    assert [name for _, name in sources] == ["loud"]


def _refused(states):
    """The message of each state's ValueError."""
    messages = []
    for state in states:
        try:
            Terms.of_state(state)
        except ValueError as error:
            messages.append(str(error))
        else:
            messages.append(None)
    return messages


def test_malicious_expressions_are_refused_and_nothing_runs(df):
    good = stored(terms_of("I(x + z) + center(x)", df))
    foreign = []
    for expression in EXPRESSIONS:
        state = copy.deepcopy(good)
        state["factors"][0]["expression"] = expression
        foreign.append(state)
    Terms.of_state(good)  # imports what it needs
    language.columns.cache_clear(), language.read.cache_clear()
    messages, events, sources = _quietly(lambda: _refused(foreign))
    assert [e for e, message in zip(EXPRESSIONS, messages, strict=True) if message is None] == []
    assert events == []
    # trees alone: compile() of code has the name of a file or a tree as its source
    assert {name for _, name in sources} <= {"<unknown>"}
    assert all("the stored formula" in message for message in messages)
    shown = dict(zip(EXPRESSIONS, messages, strict=True))
    assert "not computed, 'x + 9**9**9': it holds a whole number that is too large" in shown["x + 9**9**9"]
    assert "reads 'nothing', which is none of the columns" in shown["nothing"]
    assert "asks for 5000 columns, and there are 3" in shown["bs(x, df=5000)"]


def test_a_good_state_runs_nothing_either(df):
    state = stored(terms_of("x * C(race) + bs(z, df=5) + poly(x, 3):site + np.log(z) + offset(z)", df))
    Terms.of_state(state).design(df)
    language.columns.cache_clear(), language.read.cache_clear(), language.understood.cache_clear()

    def load():
        terms = Terms.of_state(state)
        return terms.design(df), terms.offset(df)

    _, events, sources = _quietly(load)
    assert events == []
    assert sources
    assert {name for _, name in sources} <= {"<unknown>"}
    read = {one["expression"] for one in state["factors"]} | set(state["offsets"]["expressions"])
    text = {source.decode() if isinstance(source, bytes) else source for source, _ in sources}
    assert text <= read


def _changed(*path, to):
    def change(state):
        inside = state
        for step in path[:-1]:
            inside = inside[step]
        inside[path[-1]] = to(inside[path[-1]]) if callable(to) else to

    return change


def _added(*path, to):
    return _changed(*path[:-1], to=lambda inside: {**inside, path[-1]: to})


def _without(*path):
    def change(state):
        inside = state
        for step in path[:-1]:
            inside = inside[step]
        del inside[path[-1]]

    return change


BS, POLY, CR, SCALE = "bs(z, df=5)", "poly(x, 3)", "cr(x, df=4)", "scale(x)"

CHANGES = {
    "no dict": lambda state: 7,
    "a list": lambda state: [state],
    "None": lambda state: None,
    "nothing in it": lambda state: {},
    "keys that are no text": lambda state: {**state, 7: 1},
    "another kind": _changed("kind", to="columns"),
    "a version of its own": _changed("version", to="1"),
    "a later version": _changed("version", to=2),
    "version true": _changed("version", to=True),
    "version 0": _changed("version", to=0),
    "more than there is": lambda state: {**state, "code": "import os"},
    **{f"without {key}": _without(key) for key in ("kind", "version", "names", "terms", "states", "offsets")},
    "names a str": _changed("names", to="x"),
    "names of numbers": _changed("names", to=lambda names: [1.0, *names[1:]]),
    "names twice": _changed("names", to=lambda names: [names[1], *names[1:]]),
    "names in another order": _changed("names", to=lambda names: names[::-1]),
    "a name too many": _changed("names", to=lambda names: [*names, "x9"]),
    "a long name": _changed("names", 0, to="x" * 10**5),
    "intercept 1": _changed("intercept", to=1),
    "response a list": _changed("response", to=[]),
    "a variable too few": _changed("variables", to=lambda all: all[1:]),
    "a variable twice": _changed("variables", to=lambda all: [*all, all[0]]),
    "a variable of no kind": _changed("variables", 0, "kind", to="number"),
    "a variable with levels and none": _changed("variables", 0, "levels", to=[1, 2]),
    "a base that is no level": _changed("variables", 1, "base", to=9),
    "a spread of text": _changed("variables", 0, "spread", to="1"),
    "a spread of nan": _changed("variables", 0, "spread", to=float("nan")),
    "a negative spread": _changed("variables", 0, "spread", to=-1.0),
    "a factor of no kind": _changed("factors", 0, "how", to="exec"),
    "a factor that is a list": _changed("factors", 0, "how", to=["python"]),
    "a code of no kind": _changed("factors", 0, "code", to="constant"),
    "a column that is an expression": _changed("factors", 1, "how", to="lookup"),
    "an expression that is a number": _changed("factors", 1, "expression", to=7),
    "a literal that is code": _changed(
        "factors", 0, to={"expression": "f()", "how": "literal", "code": None, "levels": None}
    ),
    "levels of numbers": _changed("factors", 0, "levels", to=[1, 2]),
    "levels twice": _changed("factors", 1, "levels", to=[1, 1, 2]),
    "levels equal to each other": _changed("factors", 1, "levels", to=[1, True, 2]),
    "levels of nan": _changed("factors", 1, "levels", to=[1, 2, float("nan")]),
    "levels of None": _changed("factors", 1, "levels", to=[1, 2, None]),
    "levels in lists": _changed("factors", 1, "levels", to=[[1], [2], [3]]),
    "levels in dicts": _changed("factors", 1, "levels", to=[{"py/object": "os.system"}, 2, 3]),
    "levels of no date": _changed("factors", 1, "levels", to=[{"date": "2020-13-01"}, 2, 3]),
    "levels of a time of text": _changed("factors", 1, "levels", to=[{"time": "now"}, 2, 3]),
    "levels of a deep interval": _changed(
        "factors", 1, "levels", to=[{"interval": [{"interval": [0, 1]}, 1], "closed": "left"}, 2, 3]
    ),
    "levels of an interval the wrong way": _changed(
        "factors", 1, "levels", to=[{"interval": [2, 1], "closed": "left"}, 2, 3]
    ),
    "huge levels": _changed("factors", 1, "levels", to=[10**4000, 2, 3]),
    "too many levels": _changed("factors", 1, "levels", to=list(range(10_000))),
    "a level more": _changed("factors", 1, "levels", to=[1, 2, 3, 4]),
    "a factor twice": _changed("factors", to=lambda all: [*all, all[0]]),
    "an index too large": _changed("terms", 0, "factors", to=[99]),
    "an index below 0": _changed("terms", 0, "factors", to=[-1]),
    "an index that is true": _changed("terms", 0, "factors", to=[True]),
    "a product of other factors": _changed("terms", 0, "products", 0, "factors", to=[[1, False]]),
    "a product that is reduced by a number": _changed("terms", 0, "products", 0, "factors", to=[[0, 1]]),
    "a scale of inf": _changed("terms", 0, "products", 0, "scale", to=float("inf")),
    "a scale of text": _changed("terms", 0, "products", 0, "scale", to="2"),
    "products that multiply": _changed("terms", 1, "products", to=lambda all: all * 1000),
    "a column of another term": _changed("terms", 0, "columns", to=["z"]),
    "a column too few": _changed("terms", 1, "columns", to=lambda all: all[:-1]),
    "terms too few": _changed("terms", to=lambda all: all[:-1]),
    "no state of a transform": _without("states", BS),
    "a state that nobody has": _added("states", "poly(z, 2)", to={}),
    "states a list": _changed("states", to=[]),
    "knots that fall": _changed("states", BS, "knots", to=lambda knots: knots[::-1]),
    "knots of nan": _changed("states", BS, "knots", 3, to=float("nan")),
    "knots of text": _changed("states", BS, "knots", 3, to="0"),
    "millions of knots": _changed("states", BS, "knots", to=lambda knots: sorted(knots * 10**5)),
    "a knot more": _changed("states", BS, "knots", to=lambda knots: [*knots, knots[-1]]),
    "a bound less": _without("states", BS, "lower_bound"),
    "a bound of None": _changed("states", BS, "upper_bound", to=None),
    "another degree": _changed("states", POLY, "alpha", to=lambda alpha: alpha[:-1]),
    "norms of 0": _changed("states", POLY, "norms2", 1, to=0.0),
    "a poly without a state": _changed("states", POLY, to={}),
    "a center of lists": _changed("states", SCALE, "center", to=[[1.0]]),
    "a center of many": _changed("states", SCALE, "center", to=[1.0] * 1000),
    "a scale of nan in a transform": _changed("states", SCALE, "scale", to=float("nan")),
    "a member more": _added("states", SCALE, "__class__", to="os"),
    "a cyclic cr": _changed("states", CR, "cyclic", to=True),
    "cyclic 0": _changed("states", CR, "cyclic", to=0),
    "constraints of another shape": _changed("states", CR, "constraints", to=[[1.0]]),
    "constraints with holes": _changed("states", CR, "constraints", to=[[1.0], []]),
    "constraints of text": _changed("states", CR, "constraints", to="center"),
    "offsets a str": _changed("offsets", to="x"),
    "offsets without expressions": _changed("offsets", "expressions", to=[]),
    "an offset that calls": _changed("offsets", "expressions", to=["open('x')"]),
    "an offset of an unknown column": _changed("offsets", "expressions", to=["nothing"]),
    "an offset of many columns": _changed("offsets", "expressions", to=["poly(z, 9000, raw=True)"]),
    "an offset of more columns than it reads": _changed(
        "offsets", "columns", to=[{"name": "z", "holds": "numbers"}, {"name": "q", "holds": "numbers"}]
    ),
}


@pytest.fixture(scope="module")
def good(df):
    return stored(terms_of(f"x + C(race) + {BS} + {POLY} + {CR} + {SCALE} + offset(np.log(z))", df))


def test_the_state_that_is_changed_is_good(good, df):
    assert [one["expression"] for one in good["factors"]][:2] == ["x", "C(race)"]
    assert [one["name"] for one in good["variables"]][:2] == ["x", "race"]
    assert Terms.of_state(good).design(df).shape == (N, 1 + 2 + 5 + 3 + 4 + 1)


@pytest.mark.parametrize("what", CHANGES)
def test_a_state_that_was_changed_is_refused(good, what):
    state = copy.deepcopy(good)
    changed = CHANGES[what](state)
    state = state if changed is None and what != "None" else changed
    [message], events, sources = _quietly(lambda: _refused([state]))
    assert message is not None, "was taken"
    assert "the stored formula" in message
    assert events == []
    assert {name for _, name in sources} <= {"<unknown>"}


def test_a_deep_state_is_refused(good):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for path in (("names", 0), ("factors", 0), ("states", BS), ("variables", 0, "levels"), ("kind",)):
        state = copy.deepcopy(good)
        _changed(*path, to=deep)(state)
        with pytest.raises(ValueError, match="the stored formula"):
            Terms.of_state(state)


JUNK = [None, True, 0, -1, 7, 10**30, 0.5, float("nan"), "", "x", "open('x')", [], [0], {}, {"x": 1}]


def _places(inside, path=()):
    yield path
    members = inside.items() if isinstance(inside, dict) else enumerate(inside)
    for key, member in members:
        if isinstance(member, dict | list):
            yield from _places(member, (*path, key))
        else:
            yield (*path, key)


def test_junk_in_any_place_is_refused_or_computed(good, df):
    """No error but a ValueError, at once or where rows are computed; and no design of another shape."""
    places = [path for path in _places(good) if path]
    rng = np.random.default_rng(0)
    taken = 0
    for path in places:
        for k in rng.permutation(len(JUNK))[:4]:
            state = copy.deepcopy(good)
            _changed(*path, to=JUNK[k])(state)
            try:
                terms = Terms.of_state(state)
                X = terms.design(df.iloc[:5])
                terms.offset(df.iloc[:5])
            except ValueError:
                continue
            taken += 1
            assert X.shape == (5, len(state["names"]))
            assert np.isfinite(X).all()
    assert 0 < taken < len(places)


def test_columns_cannot_be_made_a_matrix(df):
    """What NumPy would broadcast to n x n is refused before it is computed."""
    state = stored(terms_of("I(x + z)", df))
    state["factors"][0]["expression"] = "poly(x, 1) * center(z)"
    state["states"] = {
        "poly(x, 1)": {"alpha": [0.0], "norms2": [1.0, 1.0]},
        "center(z)": {"ddof": 1.0, "center": 0.0, "scale": None},
    }
    with pytest.raises(ValueError, match=r"combines columns of the shapes \(240,\), \(240, 1\)"):
        Terms.of_state(state).design(df)


# -- memory, of tables that are read later ------------------------------------------------------------


def _of_numbers(good, expression):
    """A state whose one column is an expression, said to be of numbers."""
    state = copy.deepcopy(good)
    factor = {"expression": expression, "how": "python", "code": "numerical", "levels": None}
    product = {"scale": 1.0, "factors": [[0, False]]}
    row = {"factors": [0], "products": [product], "columns": [expression]}
    return state | {"names": [expression], "factors": [factor], "terms": [row], "states": {}, "offsets": None}


@pytest.fixture(scope="module")
def plain():
    """A state that reads a column of numbers and one of text."""
    rng = np.random.default_rng(0)
    rows = {"x": rng.normal(size=40), "g": rng.choice(["a", "b"], 40), "y": np.tile([0, 1], 20)}
    return stored(observe("y ~ x + g", rows).terms)


@pytest.mark.parametrize("expression", ["C(x)", "I(C(x))", "g", "g + g", "np.where(x > 0, g, g)"])
def test_rows_do_not_make_columns(plain, expression):
    terms = Terms.of_state(_of_numbers(plain, expression))
    n = 1000
    rows = {"x": np.arange(n) + 0.5, "g": [f"level {i}" for i in range(n)]}
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="it gives levels, and gave numbers in the fit"):
            terms.design(rows)
        assert tracemalloc.get_traced_memory()[1] < 4 * n * n  # of a byte for each row and level already n^2
    finally:
        tracemalloc.stop()


def test_a_column_of_text_is_no_number(plain):
    state = copy.deepcopy(plain)
    for factor in state["factors"]:
        if factor["expression"] == "g":
            factor.update(code="numerical", levels=None)
    with pytest.raises(ValueError, match=r"factors\[1\].code must be that of a column that holds"):
        Terms.of_state(state)
    state = copy.deepcopy(plain)
    for factor in state["factors"]:
        if factor["expression"] == "x":
            factor.update(code="categorical", levels=[1, 2])
    with pytest.raises(ValueError, match=r"factors\[0\].code must be that of a column that holds numbers"):
        Terms.of_state(state)


@pytest.mark.parametrize(
    "expression",
    [
        "g * 10**11",
        "10**11 * g",
        "I(g) * 10**11",
        "np.multiply(g, 10**11)",
        "g ** 10**11",
        "np.power(g, 10**11)",
    ],
)
def test_text_is_not_repeated(plain, expression):
    terms = Terms.of_state(_of_numbers(plain, expression))
    with pytest.raises(ValueError, match="it computes with a column that holds no numbers"):
        terms.design({"x": [0.5, 1.5], "g": ["text", "more"]})
    with pytest.raises(ValueError, match="no numbers"):  # whole numbers of Python, of any size
        terms.design({"x": [0.5, 1.5], "g": [3, 7]})
