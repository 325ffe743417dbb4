"""Bad input: each message names the argument, the first bad index, the count and what was expected."""

import numpy as np
import pytest

import sigmax as sx

X = np.arange(12.0).reshape(6, 2) ** 0.5
Y = np.array([0, 1, 0, 1, 1, 0])
LONG = np.where(np.arange(100)[:, None] % 50 == 7, np.nan, np.ones((100, 2)))

BAD = {
    "X one-dimensional": ((X[:, 0], Y), {}, r"X must have two dimensions.*got shape \(6,\)"),
    "X text": ((np.array([["a", "b"]] * 6), Y), {}, "X must hold real numbers; got dtype <U1"),
    "X complex": ((X + 0j, Y), {}, "X must hold real numbers; got dtype complex128"),
    "X object": ((X.astype(object), Y), {}, "X must hold real numbers; got dtype object"),
    "X empty": (
        (np.empty((0, 2)), []),
        {},
        r"^X has no rows: its shape is \(0, 2\); at least one row is needed$",
    ),
    "X no columns": (
        (np.empty((6, 0)), Y),
        {"fit_intercept": False},
        r"^X has no columns, and fit_intercept is False: nothing to estimate; its shape is \(6, 0\), and at "
        "least one column, or an intercept, is needed$",
    ),
    "X nan": (
        (LONG, np.arange(100) % 2),
        {},
        r"X must be finite; 4 values nan or inf, the first at X\[7, 0\] = nan",
    ),
    "X inf": (
        (np.where(X > 3.3, np.inf, X), Y),
        {},
        r"X must be finite; 1 value nan or inf, the first at X\[5, 1\] = inf",
    ),
    "y length": ((X, Y[:5]), {}, r"y must have shape \(6,\), one label for each row of X; got \(5,\)"),
    "y scalar": ((X, 1), {}, r"^y must have shape \(6,\), one label for each row of X; got \(\)$"),
    "y three-dimensional": ((X, np.zeros((6, 2, 2))), {}, r"^y must have shape \(6,\).*got \(6, 2, 2\)$"),
    "y one column": (
        (X, Y[:, None]),
        {},
        r"^y must have shape \(6,\), one label for each row of X, or \(6, K\) with K >= 2 columns, "
        r"the counts of each class; got \(6, 1\)$",
    ),
    "y counts negative": (
        (X, np.column_stack([Y, Y - 1.0])),
        {},
        r"^y must hold counts of at least 0; 3 values negative, the first at y\[0, 1\] = -1.0$",
    ),
    "y counts nan": (
        (X, np.column_stack([Y, np.full(6, np.nan)])),
        {},
        r"^y must be finite; 6 values nan or inf, the first at y\[0, 1\] = nan$",
    ),
    "y nan": ((X, [0.0, 1, np.nan, 0, np.nan, 1]), {}, r"2 rows without one, the first is y\[2\]"),
    "y None": ((X, ["a", None, "b", "a", "b", "a"]), {}, r"1 row without one, the first is y\[1\]"),
    "y NaT": (
        (X, np.array(["2020", "NaT", "2021", "2020", "2021", "2020"], dtype="datetime64[Y]")),
        {},
        r"1 row without one, the first is y\[1\]",
    ),
    "y one class": ((X, ["a"] * 6), {}, "^y must hold at least two classes; got only 'a', in 6 rows$"),
    "y mixed": (
        (X, np.array(["a", 1, "b", 1, "a", 1], dtype=object)),
        {},
        r"one sortable kind.*: 3 labels not comparable with y\[0\] = 'a', the first is y\[1\] = 1$",
    ),
    "y measured": (
        (np.random.default_rng(0).normal(size=(50, 1)), np.linspace(0, 1, 50)),
        {},
        "50 distinct fractional values look like measurements",
    ),
    "weight shape": ((X, Y), {"sample_weight": [1.0]}, r"sample_weight must have shape \(6,\).*got \(1,\)"),
    "weight negative": (
        (X, Y),
        {"sample_weight": [1, 1, -2, 1, -3, 1]},
        r"^sample_weight must not be negative; 2 values below 0, the first at sample_weight\[2\] = -2.0$",
    ),
    "weight nan": (
        (X, Y),
        {"sample_weight": [1, np.nan, 1, 1, 1, 1]},
        r"sample_weight must be finite; 1 value nan or inf, the first at sample_weight\[1\] = nan",
    ),
    "weight inf": (
        (X, Y),
        {"sample_weight": [1, np.inf, 1, -np.inf, 1, 1]},
        r"^sample_weight must be finite; 2 values nan or inf, the first at sample_weight\[1\] = inf$",
    ),
    "weight text": ((X, Y), {"sample_weight": list("abcdef")}, "^sample_weight must hold real numbers; got"),
    "weight zero": (
        (X, Y),
        {"sample_weight": np.zeros(6)},
        "^sample_weight must have a positive value; all 6 are 0$",
    ),
    "weight one class": (
        (X, Y),
        {"sample_weight": 1 - Y},
        "^y must hold at least two classes; got only 0, in 3 rows of positive weight$",
    ),
    "offset shape": (
        (X, Y),
        {"offset": np.zeros(5)},
        r"offset must have shape \(6, 2\) or \(6,\); got \(5,\)",
    ),
    "offset inf": (
        (X, Y),
        {"offset": [0, 0, 0, np.inf, 0, 0]},
        r"offset must be finite; 1 value nan or inf, the first at offset\[3\] = inf",
    ),
    "offset for three": (
        (X, [0, 1, 2, 0, 1, 2]),
        {"offset": np.zeros(6)},
        r"offset must have shape \(6, 3\)",
    ),
    "start shape": (
        (X, Y),
        {"start": [0.0]},
        r"start must have the shape of the parameters, \(3,\); got \(1,\)",
    ),
    "start nan": (
        (X, Y),
        {"start": [0, np.nan, np.inf]},
        r"^start must be finite; 2 values nan or inf, the first at start\[1\] = nan$",
    ),
    "start for three": (
        (X, [0, 1, 2, 0, 1, 2]),
        {"start": np.zeros(6)},
        r"^start must have the shape of the parameters, \(2, 3\); got \(6,\)$",
    ),
    "start text": ((X, Y), {"start": ["a", "b", "c"]}, "^start must hold real numbers; got dtype <U1$"),
    "offset too far apart": (
        (X, Y),
        {"offset": np.column_stack([np.full(6, 1e308), np.where(Y == 1, -1e308, 0.0)])},
        r"^offset must stay within float64 when its first column is subtracted; 3 values too far from it, "
        r"the first at offset\[1, 1\] = -1e\+308$",
    ),
    "tol": ((X, Y), {"tol": -1.0}, "tol must be a number of at least 0; got -1.0"),
    "tol nan": ((X, Y), {"tol": np.nan}, "tol must be a number of at least 0; got nan"),
    "max_iter": ((X, Y), {"max_iter": -1}, "max_iter must be a whole number of at least 0; got -1"),
    "max_iter float": ((X, Y), {"max_iter": 2.5}, "max_iter must be a whole number.*got 2.5"),
    "n_threads": ((X, Y), {"n_threads": 0}, "n_threads must be a whole number of at least 1; got 0"),
    "backend": ((X, Y), {"backend": "gpu"}, "backend must be one of auto, compiled, reference; got 'gpu'"),
    "names count": ((X, Y), {"names": ["a"]}, "names must hold 2 names, one for each column of X; got 1"),
    "names twice": ((X, Y), {"names": ["a", "a"]}, "names must differ; 'a' stands more than once"),
}


@pytest.mark.parametrize(("arguments", "options", "message"), BAD.values(), ids=BAD.keys())
def test_bad_input(arguments, options, message, backend):
    options = {"backend": backend.BACKEND, **options}
    with pytest.raises(ValueError, match=message):
        sx.fit(*arguments, **options)


def test_numbers_beyond_float64():
    wide = np.finfo(np.longdouble).max > np.finfo(np.float64).max
    X = np.ones((4, 1), dtype=np.longdouble)
    X[2] = np.finfo(np.longdouble).max if wide else np.inf
    with (
        np.errstate(over="ignore"),
        pytest.raises(ValueError, match=r"X (holds numbers beyond|must be finite)"),
    ):
        sx.fit(X, [0, 1, 0, 1])


def frozen(array):
    """A read-only copy, and its bytes."""
    array = np.array(array)
    array.flags.writeable = False
    return array


RNG = np.random.default_rng(0)
MANY = RNG.normal(size=(9000, 3))
FEW_KINDS = RNG.integers(0, 2, size=(9000, 3)).astype(float)
LABELS = RNG.integers(0, 3, 9000)
#: one for each way through the data: X, y and what else is given
PATHS = {
    "plain": (MANY, LABELS, {}),
    "text": (MANY, LABELS.astype("U2"), {}),
    "objects": (MANY, LABELS.astype(object), {}),
    "float32 in Fortran order": (np.asfortranarray(MANY.astype("f4")), LABELS.astype("f4"), {}),
    "a rare class": (MANY, np.where(np.isin(np.arange(9000), [4001, 4002, 5]), 9, LABELS), {}),
    "weights with zeros": (MANY, LABELS, {"sample_weight": np.arange(9000) % 4.0}),
    "small weights": (MANY, LABELS, {"sample_weight": np.arange(9000) % 4 * 1e-200}),
    "offsets": (MANY, LABELS, {"offset": RNG.normal(size=(9000, 3)), "start": np.zeros((2, 4))}),
    "counts": (MANY, RNG.integers(0, 3, size=(9000, 3)), {"sample_weight": np.arange(9000) % 2.0}),
    "one-hot counts": (MANY, np.eye(3)[LABELS], {}),
    "collapsed": (FEW_KINDS, LABELS, {"sample_weight": np.arange(9000) % 4}),
    "collapsed with offsets": (FEW_KINDS, LABELS, {"offset": FEW_KINDS}),
}


@pytest.mark.parametrize(("X", "y", "more"), PATHS.values(), ids=PATHS.keys())
def test_nothing_of_the_caller_is_written(X, y, more, backend):
    options = {"backend": backend.BACKEND, "n_threads": 2}
    # read-only arrays are enough, and those that could be written are not
    sx.fit(frozen(X), frozen(y), **{name: frozen(value) for name, value in more.items()}, **options)
    given = (X, y, *more.values())
    before = [np.array(array) for array in given]
    sx.fit(X, y, **more, **options)
    for array, kept in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, kept)
