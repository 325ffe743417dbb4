"""The command line as a user meets it: output, one-line errors, exit codes."""

import re
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sigmax as sx
from sigmax import kernels


def write(path, text):
    path.write_text(text)
    return path


# -- fit -------------------------------------------------------------------------------------------


def test_fit_names_what_it_leaves_out(shell, tmp_path):
    path = write(tmp_path / "data.csv", DEPENDENT)
    code, out, err = shell("fit", path, "--target", "y")
    assert (code, err) == (0, "")
    assert re.search(r"^  b +aliased$", out, re.MULTILINE)
    assert re.search(r"^aliased +b = 2 a; left out$", out, re.MULTILINE)
    _, alone, _ = shell("fit", path, "--target", "y", "--features", "a")
    [mine] = re.findall(r"^  a .*$", alone, re.MULTILINE)
    assert mine.split() in [line.split() for line in out.splitlines()]
    code, out, _ = shell("fit", path, "--target", "y", "--collinear", "min_norm")
    assert code == 0
    assert re.search(
        r"^collinear +b = 2 a; the coefficients are those of the smallest norm$", out, re.MULTILINE
    )


def test_fit_prints_odds_ratios(shell):
    code, out, _ = shell("fit", "spector", "--odds-ratios")
    assert code == 0
    assert re.search(r"^  PSI +10\.79 +11\.49 +2\.234 ", out, re.MULTILINE)
    assert "estimate  " not in out


def test_fit_against_another_class(shell):
    _, out, _ = shell("fit", "anes96", "--reference", "3")
    assert re.findall(r"^PID = (\d) against (\d)$", out, re.MULTILINE) == [(c, "3") for c in "012456"]


@pytest.mark.parametrize("name", sx.datasets.names())
def test_fit_bundled(shell, name, backend):
    code, out, err = shell("fit", name, "--backend", backend.BACKEND)
    assert (code, err) == (0, "")
    data = sx.datasets.load(name)
    for feature in data.features:
        assert re.search(rf"^  {feature} +-?\d", out, re.MULTILINE)
    for part in ("estimate", "std. error", " z ", " p ", "[95 % interval", "log-likelihood", "certificate"):
        assert part in out
    assert "converged: every estimate is proved to lie within" in out
    assert re.search(rf"^backend +{backend.BACKEND} \({backend.ISA}\), \d+ threads?$", out, re.MULTILINE)


def test_fit_a_file_equals_the_bundled_set(shell, tmp_path):
    data = sx.datasets.load("spector")
    parquet = tmp_path / "spector.parquet"
    pq.write_table(pa.table(data.columns), parquet)
    wanted = shell("fit", "spector")
    for path in (data.path, parquet):
        assert shell("fit", path, "--target", "GRADE", "--features", "GPA,TUCE,PSI") == wanted


def test_fit_text_labels_and_defaults(shell, tmp_path):
    path = write(
        tmp_path / "d.csv", "x,flag,colour\n1,true,red\n2,false,blue\n3,true,blue\n4,false,red\n5,true,red\n"
    )
    code, out, err = shell("fit", path, "--target", "colour", "--level", "0.9")
    assert (code, err) == (0, "")
    assert "colour = red against blue" in out
    assert re.search(r"^  flag ", out, re.MULTILINE)  # all other columns, booleans as 0 and 1
    assert "[90 % interval" in out


def test_fit_options(shell):
    code, out, _ = shell("fit", "spector", "--features", "GPA , PSI", "--no-intercept", "--threads", "1")
    assert code == 0
    assert "TUCE" not in out
    assert "intercept" not in out
    assert "1 thread\n" in out


def test_fit_without_a_certificate_says_so_and_returns_1(shell, tmp_path):
    path = write(tmp_path / "d.csv", "x,y\n1,a\n2,a\n3,b\n4,b\n")
    code, out, err = shell("fit", path, "--target", "y")
    assert code == 1
    assert "NOT converged: the classes are completely separated" in out
    assert err.startswith("sigmax: warning: the classes are completely separated")
    assert err.count("\n") == 1


SEPARATED = "x,d,y\n1,0,0\n2,0,1\n3,0,0\n4,0,1\n5,0,0\n2,1,1\n3,1,1\n2,0,0\n"


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [("warn", 1, " inf\n"), ("firth", 0, "Firth's bias-reduced estimates"), ("raise", 2, "")],
)
def test_separated_classes(shell, tmp_path, how, code, said):
    path = write(tmp_path / "d.csv", SEPARATED)
    found, out, err = shell("fit", path, "--target", "y", "--on-separation", how)
    assert found == code
    assert said in out
    assert "quasi-completely separated: column 'd' predicts 2 rows without error" in err
    assert err.count("\n") == 1
    assert ("rows 5, 6" in out) == (how != "raise")


DEPENDENT = "a,b,y\n1,2,u\n2,4,v\n3,6,u\n4,8,v\n"
GOOD = "a,b,y\n1,2,u\n2,5,v\n3,1,u\n4,4,v\n"

ERRORS = {
    "missing file": (None, ["nowhere.csv"], "nowhere.csv: no such file; the bundled data sets are"),
    "unknown target": (GOOD, ["FILE", "--target", "z"], "has no column 'z'; it has a, b, y"),
    "unknown feature": (
        GOOD,
        ["FILE", "--target", "y", "--features", "a,q"],
        "has no column 'q'; it has a, b, y",
    ),
    "no target": (GOOD, ["FILE"], "--target is needed: one of a, b, y"),
    "target as feature": (
        GOOD,
        ["FILE", "--target", "y", "--features", "a,y"],
        "--features holds the target 'y'",
    ),
    "empty name": (GOOD, ["FILE", "--target", "y", "--features", "a,,b"], "names with commas between them"),
    "no feature left": ("y\n1\n0\n", ["FILE", "--target", "y"], "no features are left besides the target"),
    "text cell": (
        "a,b,y\n1,2,u\n2,x,v\n3,1,u\n4,oops,v\n",
        ["FILE", "--target", "y"],
        "column 'b' needs numbers, but 'x' in data row 2 is text (2 such cells)",
    ),
    "missing cell": (
        "a,b,y\n1,2,u\n2,,v\n3,NA,u\n",
        ["FILE", "--target", "y"],
        "column 'b' has 2 missing values, the first in data row 2",
    ),
    "missing label": (
        "a,y\n1,u\n2,\n3,v\n",
        ["FILE", "--target", "y"],
        "column 'y' has 1 missing value, the first in data row 2",
    ),
    "infinite cell": (
        "a,y\n1,u\n2,v\ninf,v\n",
        ["FILE", "--target", "y"],
        "column 'a' has 1 infinite value, the first in data row 3; mend it",
    ),
    "dates": ("a,y\n2020-01-01,u\n2021-01-01,v\n", ["FILE", "--target", "y"], "column 'a' holds date32"),
    "empty file": ("", ["FILE", "--target", "y"], "is empty"),
    "header only": ("a,b,y\n", ["FILE", "--target", "y"], "has no rows"),
    "ragged": (
        "a,b,y\n1,2,u\n3,v\n",
        ["FILE", "--target", "y"],
        "data.csv:3: expected 3 cells, as in the header, found 2: '3,v'; mend that line",
    ),
    "same name twice": ("a,a,y\n1,2,u\n2,3,v\n", ["FILE", "--target", "y"], "more than one column named 'a'"),
    "one class": ("a,y\n1,u\n2,u\n", ["FILE", "--target", "y"], "at least two classes; got only 'u'"),
    "dependent": (
        DEPENDENT,
        ["FILE", "--target", "y", "--collinear", "raise"],
        "dependent columns: 'b' is, to rounding, a combination of 'a'; leave it out",
    ),
    "reference": (
        GOOD,
        ["FILE", "--target", "y", "--reference", "maybe"],
        "--class-reference must be one of the classes, 'u', 'v'; got 'maybe'",
    ),
    "level": (GOOD, ["FILE", "--target", "y", "--level", "95"], "--level must be between 0 and 1; got 95"),
    "bundled column": (
        None,
        ["spector", "--features", "GPA,age"],
        "spector has no column 'age'; it has GPA, TUCE",
    ),
}


@pytest.mark.parametrize(("content", "arguments", "message"), ERRORS.values(), ids=ERRORS.keys())
def test_errors_are_one_line_and_return_2(shell, tmp_path, content, arguments, message):
    path = tmp_path / "data.csv"
    if content is not None:
        path.write_text(content)
    code, out, err = shell("fit", *[path if one == "FILE" else one for one in arguments])
    assert code == 2
    assert out == ""
    assert err.startswith("sigmax: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_other_unreadable_files(shell, tmp_path):
    code, _, err = shell("fit", tmp_path, "--target", "y")
    assert (code, err.count("\n")) == (2, 1)
    assert "is a directory" in err
    for suffix, junk in ((".parquet", b"not parquet at all"), (".csv", b"a,y\n\xff\xfe\x00\x81,1\n" * 3)):
        path = tmp_path / f"junk{suffix}"
        path.write_bytes(junk)
        code, _, err = shell("fit", path, "--target", "y")
        assert (code, err.count("\n")) == (2, 1)
        assert err.startswith("sigmax: error: ")


def test_wrong_usage_returns_2(shell):
    for arguments in (
        (),
        ("fly",),
        ("fit",),
        ("fit", "spector", "--threads", "0"),
        ("fit", "spector", "--backend", "gpu"),
    ):
        code, out, err = shell(*arguments)
        assert code == 2
        assert out == ""
        assert "error: " in err


def test_without_pyarrow(shell, tmp_path, monkeypatch):
    path = write(tmp_path / "d.csv", GOOD)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = shell("fit", path, "--target", "y")
    assert code == 2
    assert err == f"sigmax: error: reading {path} needs pyarrow; install it with: pip install 'sigmax[cli]'\n"
    assert shell("fit", "spector")[0] == 0  # the bundled sets need no extra


# -- compare, info -----------------------------------------------------------------------------------


@pytest.mark.needs_compiled
def test_compare_bundled(shell):
    code, out, err = shell("compare")
    assert (code, err) == (0, "")
    assert out.count("the backends agree") == len(sx.datasets.names())
    for quantity in ("NLL", "gradient", "Hessian", "parameters", "standard errors", "log-likelihood"):
        assert out.count(f"\n{quantity} ") == len(sx.datasets.names())
    assert "speed-up" in out


@pytest.mark.needs_compiled
def test_compare_returns_1_where_they_disagree(shell, monkeypatch):
    right = kernels.reference.transpose_product

    def wrong(X, residual, gradient_out, *, intercept):
        right(X, residual, gradient_out, intercept=intercept)
        gradient_out *= 1.0 + 1e-8

    monkeypatch.setattr(kernels.reference, "transpose_product", wrong)
    code, out, _ = shell("compare", "spector")
    assert code == 1
    assert "THE BACKENDS DISAGREE" in out


def test_compare_with_only_the_twin(shell, monkeypatch):
    monkeypatch.setattr(kernels, "why_not_compiled", lambda: "no C compiler")
    code, out, _ = shell("compare")
    assert code == 0
    assert out.count("only the Python twin runs here, nothing to compare (no C compiler)") == 3


@pytest.mark.needs_compiled
def test_compare_a_file(shell, tmp_path):
    rng = np.random.default_rng(0)
    rows = "\n".join(
        f"{a:.3f},{b}" for a, b in zip(rng.normal(size=60), rng.choice(["u", "v", "w"], 60), strict=True)
    )
    path = write(tmp_path / "d.csv", "a,y\n" + rows + "\n")
    code, out, _ = shell("compare", path, "--target", "y")
    assert code == 0
    assert "60 x 1, 3 classes: the backends agree" in out
    code, _, err = shell("compare", "--target", "y")
    assert code == 2
    assert "need a file" in err


def test_info(shell, backend):
    code, out, _ = shell("info", "--backend", backend.BACKEND)
    assert code == 0
    assert re.search(rf"^backend +{backend.BACKEND} \({backend.ISA}\)$", out, re.MULTILINE)
    assert re.search(rf"^numpy +{re.escape(np.__version__)}$", out, re.MULTILINE)
    assert re.search(r"^threads +\d+$", out, re.MULTILINE)


# -- the process -----------------------------------------------------------------------------------


def process(*arguments, **environment):
    import os

    return subprocess.run(
        [sys.executable, "-m", "sigmax", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_module_and_help():
    done = process("--help")
    assert done.returncode == 0
    for command in ("fit", "compare", "bench", "info"):
        assert re.search(rf"^ +{command} ", done.stdout, re.MULTILINE)
    assert process("--version").stdout == f"sigmax {sx.__version__}\n"


def test_environment_chooses_the_backend():
    done = process("fit", "spector", SIGMAX_BACKEND="reference")
    assert done.returncode == 0
    assert "reference (numpy)" in done.stdout
    done = process("fit", "spector", SIGMAX_BACKEND="fortran")
    assert done.returncode == 2
    assert done.stderr == (
        "sigmax: error: SIGMAX_BACKEND must be one of auto, compiled, reference; got 'fortran'\n"
    )


def test_closed_pipe_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m sigmax fit anes96 | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "Multinomial logistic regression of PID, exact maximum likelihood\n"
    assert done.stderr == ""
