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
    "X empty": ((np.empty((0, 2)), []), {}, "X has no rows"),
    "X no columns": ((np.empty((6, 0)), Y), {"fit_intercept": False}, "X has no columns"),
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
    "y matrix": ((X, np.eye(6)), {}, r"y must have shape \(6,\).*got \(6, 6\)"),
    "y nan": ((X, [0.0, 1, np.nan, 0, np.nan, 1]), {}, r"2 rows without one, the first is y\[2\]"),
    "y None": ((X, ["a", None, "b", "a", "b", "a"]), {}, r"1 row without one, the first is y\[1\]"),
    "y NaT": (
        (X, np.array(["2020", "NaT", "2021", "2020", "2021", "2020"], dtype="datetime64[Y]")),
        {},
        r"1 row without one, the first is y\[1\]",
    ),
    "y one class": ((X, ["a"] * 6), {}, "at least two classes; got only 'a'"),
    "y mixed": ((X, np.array(["a", 1, "b", 1, "a", 1], dtype=object)), {}, "one sortable kind"),
    "y measured": (
        (np.random.default_rng(0).normal(size=(50, 1)), np.linspace(0, 1, 50)),
        {},
        "50 distinct fractional values look like measurements",
    ),
    "weight shape": ((X, Y), {"sample_weight": [1.0]}, r"sample_weight must have shape \(6,\).*got \(1,\)"),
    "weight negative": (
        (X, Y),
        {"sample_weight": [1, 1, -2, 1, -3, 1]},
        r"sample_weight must not be negative; 2 values below 0, the first is sample_weight\[2\] = -2.0",
    ),
    "weight nan": (
        (X, Y),
        {"sample_weight": [1, np.nan, 1, 1, 1, 1]},
        r"sample_weight must be finite; 1 value nan or inf, the first at sample_weight\[1\] = nan",
    ),
    "weight zero": ((X, Y), {"sample_weight": np.zeros(6)}, "must have a positive value; all are 0"),
    "weight one class": ((X, Y), {"sample_weight": 1 - Y}, "at least two classes; got only 0"),
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
    "start nan": ((X, Y), {"start": [0, np.nan, 0]}, r"start must be finite.*start\[1\] = nan"),
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
