"""setup.py in a copy of the checkout: with a compiler, without, without Python.h, and after an earlier build.

The copies are built by ``setup.py build_ext --inplace`` (what an editable install runs) and by the hooks of
setuptools.build_meta (what pip runs), in the environment of the tests and without network: setuptools and
Cython must be installed in it.  A compiler that puts -O0 last keeps this short.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from sigmax.kernels.source_hash import source_hash

CHECKOUT = Path(__file__).resolve().parents[1]
NEEDED = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "benchmarks", "ext", "src")
KERNELS = Path("src", "sigmax", "kernels")

#: setup.py and setuptools read these: a test sets them or they are not there
SWITCHES = ("CC", "CFLAGS", "CPPFLAGS", "LDSHARED", "LDFLAGS", "CPATH", "C_INCLUDE_PATH", "PYTHONPATH")


def run(tree, *command, **environment):
    """Run Python with `command` in a copy; only the switches given here are set."""
    clean = {k: v for k, v in os.environ.items() if k not in SWITCHES and not k.startswith("SIGMAX_")}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=tree,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def build_in_place(tree, **environment):
    return run(tree, "setup.py", "build_ext", "--inplace", **environment)


def build_wheel(tree, **environment):
    """The wheel as pip would build it: result of the run, and names -> contents of the wheel or None."""
    folder = tree / "wheels"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    hook = "import setuptools.build_meta as backend; backend.build_wheel('wheels')"
    done = run(tree, "-c", hook, **environment)
    found = list(folder.glob("*.whl"))
    if not found:
        return done, None
    with zipfile.ZipFile(found[0]) as wheel:
        return done, {name: wheel.read(name) for name in wheel.namelist()}


def shared_objects(names):
    """Those of `names` that are compiled kernels."""
    return [
        str(name)
        for name in names
        if Path(name).name.startswith("_kernels.") and Path(name).suffix in (".so", ".pyd")
    ]


def in_place(tree):
    return shared_objects((tree / KERNELS).iterdir())


def record(tree):
    return json.loads((tree / KERNELS / "_build.json").read_text())


def recorded(tree, reason="", debug=False):
    """What _build.json has to say of a build: with a `reason`, that there is none."""
    hash_now = source_hash(tree / "ext")
    return {"compiled": not reason, "reason": reason, "source_hash": hash_now, "debug": debug}


PROBE = """
import json, warnings, numpy as np
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from sigmax import kernels
    k = kernels.get()
residual, curvature = np.empty((1, 1)), np.empty((1, 1))
nll = k.binary_rows(np.zeros((1, 1)), np.ones(1, np.int32), residual, curvature)[0]
print(json.dumps([k.BACKEND, [str(w.message) for w in caught], nll, kernels.__file__]))
"""


def use(tree):
    """(backend, warnings) of a process that imports the copy and computes one row."""
    done = run(tree, "-c", PROBE, PYTHONPATH=str(tree / "src"))
    assert done.returncode == 0, done.stderr
    backend, warnings, nll, file = json.loads(done.stdout)
    assert nll == math.log(2.0)
    assert Path(file).is_relative_to(tree)
    return backend, warnings


# -- copies and compilers ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The checkout as a clone would be: no build, nothing compiled."""
    tree = tmp_path_factory.mktemp("clean") / "sigmax"
    tree.mkdir()
    ignore = shutil.ignore_patterns("*.so", "*.pyd", "_build.json", "__pycache__", "*.egg-info")
    for name in NEEDED:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=ignore)
        else:
            shutil.copy2(source, tree / name)
    assert in_place(tree) == []
    return tree


@pytest.fixture(scope="module")
def compilers(tmp_path_factory):
    """Name -> path of a compiler: "quick" works, "kernels fail" fails on the kernels alone."""
    folder = tmp_path_factory.mktemp("compilers")
    real = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    scripts = {
        "quick": f'exec {shlex.join(real)} "$@" -O0 -g0',
        "kernels fail": f'case "$*" in */_kernels.c*) exit 1;; esac; exec {shlex.join(real)} "$@" -O0',
    }
    paths = {}
    for name, line in scripts.items():
        path = folder / name.replace(" ", "_")
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
        paths[name] = str(path)
    return paths | {"none": "/bin/false", "missing": str(folder / "no-such-compiler")}


@pytest.fixture(scope="module")
def built(sources, compilers, tmp_path_factory):
    """A copy that was built in place, without one warning of the compiler, and the output of the build."""
    tree = tmp_path_factory.mktemp("built") / "sigmax"
    shutil.copytree(sources, tree)
    done = build_in_place(tree, CC=compilers["quick"], SIGMAX_REQUIRE_EXTENSIONS="1", SIGMAX_WERROR="1")
    assert done.returncode == 0, done.stderr
    return tree


@pytest.fixture(scope="module")
def failed(sources, compilers, tmp_path_factory):
    """A copy whose first build found no compiler, and what that build said."""
    tree = tmp_path_factory.mktemp("failed") / "sigmax"
    shutil.copytree(sources, tree)
    return tree, build_in_place(tree, CC=compilers["none"])


@pytest.fixture
def clean(failed, tmp_path):
    """A copy without anything compiled; the C code that Cython writes is there, to save the time."""
    tree = tmp_path / "sigmax"
    shutil.copytree(failed[0], tree)
    (tree / KERNELS / "_build.json").unlink()
    assert not shared_objects(tree.rglob("*"))
    return tree


@pytest.fixture
def again(built, tmp_path):
    """A copy of the built one, to build once more."""
    shutil.copytree(built, tmp_path / "sigmax")
    return tmp_path / "sigmax"


@pytest.fixture(scope="module")
def without_headers(tmp_path_factory):
    """PYTHONPATH of an interpreter whose development files are not installed."""
    folder = tmp_path_factory.mktemp("no headers")
    empty = folder / "include"
    empty.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import sysconfig\n"
        f"empty = {str(empty)!r}\n"
        "for scheme in sysconfig._INSTALL_SCHEMES.values():\n"
        "    scheme['include'] = scheme['platinclude'] = empty\n"
        "sysconfig.get_config_vars().update(INCLUDEPY=empty, CONFINCLUDEPY=empty)\n"
    )
    # neither setup.py nor the compiler's command line finds the header any more
    check = (
        "import setuptools, sysconfig\n"
        "from distutils.sysconfig import get_python_inc\n"
        "from pathlib import Path\n"
        "for folder in (sysconfig.get_paths()['include'], get_python_inc(), get_python_inc(True)):\n"
        "    assert not (Path(folder) / 'Python.h').exists(), folder\n"
    )
    done = run(folder, "-c", check, PYTHONPATH=str(folder))
    assert done.returncode == 0, done.stderr
    return str(folder)


def assert_skipped(tree, done, reason):
    """The build succeeded without extension and says why: once at build time, once at import."""
    assert done.returncode == 0, done.stderr
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("sigmax:")]
    assert said == [f"sigmax: compiled kernels skipped, running on the Python twin: {reason}"]
    assert in_place(tree) == []
    assert record(tree) == recorded(tree, reason)
    backend, [warning] = use(tree)
    assert backend == "reference"
    assert reason in warning


NO_HEADER = "Python.h was not found (on Debian: apt install python3-dev)"
NO_KERNELS = "the C compiler failed on the kernels (pip install -v shows its messages)"


def no_compiler(command):
    return f"no working C compiler ({command!r}; on Debian: apt install gcc)"


# -- builds that work --------------------------------------------------------------------------------


@pytest.mark.needs_compiled
def test_build_in_place(built):
    [file] = in_place(built)
    assert file.endswith(sysconfig.get_config_var("EXT_SUFFIX"))
    assert record(built) == recorded(built)
    assert use(built) == ("compiled", [])
    # nothing generated beside the sources
    assert sorted(p.name for p in (built / "ext").rglob("*")) == sorted(
        p.name for p in (CHECKOUT / "ext").rglob("*") if "__pycache__" not in p.parts
    )


@pytest.mark.needs_compiled
def test_debug_build(again, compilers):
    # over a release build: what Cython wrote for that one is not used again
    done = build_in_place(again, CC=compilers["quick"], SIGMAX_REQUIRE_EXTENSIONS="1", SIGMAX_DEBUG="1")
    assert done.returncode == 0, done.stderr
    assert record(again) == recorded(again, debug=True)
    release, debug = ((again / "build" / folder).rglob("_kernels.c") for folder in ("cython", "cython-debug"))
    checks = [text.read_text().count("__Pyx_RaiseBufferIndexError(") for [text] in ([*release], [*debug])]
    assert checks[0] == 0 < checks[1]
    assert use(again) == ("compiled", [])
    done = run(again, "-m", "sigmax", "info", PYTHONPATH=str(again / "src"))
    assert "\ncompiled kernels  debug build: checked, and slow\n" in done.stdout
    # and back
    done = build_in_place(again, CC=compilers["quick"], SIGMAX_REQUIRE_EXTENSIONS="1")
    assert done.returncode == 0, done.stderr
    assert record(again) == recorded(again)
    done = run(again, "-m", "sigmax", "info", PYTHONPATH=str(again / "src"))
    assert "debug build" not in done.stdout


@pytest.mark.needs_compiled
def test_changed_header_is_compiled_again(again, compilers):
    # objects of the earlier build are there: a header must count as a reason to compile
    header = again / "ext" / "kernels" / "sx_base.h"
    header.write_text(header.read_text() + "/* edited */\n")
    assert use(again)[0] == "reference"  # stale
    done = build_in_place(again, CC=compilers["quick"], SIGMAX_REQUIRE_EXTENSIONS="1")
    assert done.returncode == 0, done.stderr
    assert use(again) == ("compiled", [])


@pytest.mark.needs_compiled
def test_wheel_of_a_checkout_that_is_in_use(again, compilers):
    # an editable install works on while a wheel is built from the same checkout
    done, wheel = build_wheel(again, CC=compilers["quick"], SIGMAX_REQUIRE_EXTENSIONS="1")
    assert done.returncode == 0, done.stderr
    [file] = shared_objects(wheel)
    assert file.startswith("sigmax/kernels/")
    stated = json.loads(wheel["sigmax/kernels/_build.json"])
    assert stated == recorded(again)
    assert stated["source_hash"].encode() in wheel[file]
    assert {"sigmax/py.typed", "sigmax/kernels/_kernels.pyi", "sigmax/kernels/reference.py"} <= wheel.keys()
    assert {name.split("/")[0].partition("-")[0] for name in wheel} == {"sigmax"}
    # the programs of `sigmax bench --full` come along
    programs = {file for kind in ("*.py", "*.R") for file in (again / "benchmarks").rglob(kind)}
    carried = {name: wheel[name] for name in wheel if name.startswith("sigmax/bench/suite/")}
    place = {
        file: f"sigmax/bench/suite/{file.relative_to(again / 'benchmarks').as_posix()}" for file in programs
    }
    assert carried == {name: file.read_bytes() for file, name in place.items()}
    assert "sigmax/bench/suite/report/__main__.py" in carried
    assert use(again) == ("compiled", [])


# -- builds that cannot ------------------------------------------------------------------------------


def test_compiler_that_fails(failed, compilers):
    tree, done = failed
    assert_skipped(tree, done, no_compiler(compilers["none"]))


def test_compiler_that_is_not_there(clean, compilers):
    done = build_in_place(clean, CC=compilers["missing"])
    assert_skipped(clean, done, no_compiler(compilers["missing"]))


def test_no_python_h(clean, without_headers):
    done = build_in_place(clean, PYTHONPATH=without_headers)
    assert_skipped(clean, done, NO_HEADER)


def test_switched_off(clean):
    done = build_in_place(clean, SIGMAX_NO_EXTENSIONS="1")
    assert done.returncode == 0, done.stderr
    assert in_place(clean) == []
    reason = "switched off by SIGMAX_NO_EXTENSIONS=1 when sigmax was installed"
    assert record(clean) == recorded(clean, reason)
    assert use(clean) == ("reference", [])  # on purpose: no warning


def test_wheel_without_extension(clean, compilers):
    done, wheel = build_wheel(clean, CC=compilers["none"])
    assert done.returncode == 0, done.stderr
    assert shared_objects(wheel) == []
    assert json.loads(wheel["sigmax/kernels/_build.json"])["reason"] == no_compiler(compilers["none"])
    done, wheel = build_wheel(clean, SIGMAX_NO_EXTENSIONS="1")
    assert done.returncode == 0, done.stderr
    assert shared_objects(wheel) == []
    assert json.loads(wheel["sigmax/kernels/_build.json"])["reason"].startswith("switched off")
    # nothing of the machine is in it: it may go anywhere
    [tags] = [content for name, content in wheel.items() if name.endswith(".dist-info/WHEEL")]
    assert b"Tag: py3-none-any" in tags


# -- builds that must not fall back --------------------------------------------------------------------


def test_required_without_compiler(clean, compilers):
    done = build_in_place(clean, CC=compilers["none"], SIGMAX_REQUIRE_EXTENSIONS="1")
    assert done.returncode != 0
    wanted = f"sigmax: SIGMAX_REQUIRE_EXTENSIONS=1, but {no_compiler(compilers['none'])}"
    assert done.stderr.splitlines()[-1] == wanted


def test_required_without_python_h(clean, without_headers):
    done = build_in_place(clean, PYTHONPATH=without_headers, SIGMAX_REQUIRE_EXTENSIONS="1")
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == f"sigmax: SIGMAX_REQUIRE_EXTENSIONS=1, but {NO_HEADER}"


def test_switched_off_and_required(clean):
    done = build_in_place(clean, SIGMAX_NO_EXTENSIONS="1", SIGMAX_REQUIRE_EXTENSIONS="1")
    assert done.returncode != 0
    wanted = "SIGMAX_NO_EXTENSIONS=1 and SIGMAX_REQUIRE_EXTENSIONS=1 contradict each other"
    assert done.stderr.splitlines()[-1] == wanted


@pytest.mark.parametrize(
    "switch", ["SIGMAX_NO_EXTENSIONS", "SIGMAX_REQUIRE_EXTENSIONS", "SIGMAX_WERROR", "SIGMAX_DEBUG"]
)
def test_switches_are_0_or_1(sources, switch):
    done = run(sources, "setup.py", "--name", **{switch: "yes"})
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == f"{switch} must be 0 or 1; got 'yes'"


def test_switches_that_are_off(sources):
    off = {
        "SIGMAX_NO_EXTENSIONS": "0",
        "SIGMAX_REQUIRE_EXTENSIONS": "",
        "SIGMAX_WERROR": "0",
        "SIGMAX_DEBUG": "0",
    }
    done = run(sources, "setup.py", "--name", **off)
    assert (done.returncode, done.stdout.strip()) == (0, "sigmax"), done.stderr


# -- after an earlier build: what it left must not be taken for the result -------------------------------


def edit(tree):
    """The sources move on after the build; the old file would now be wrong."""
    source = tree / "ext" / "targets" / "generic.c"
    source.write_text(source.read_text() + "/* edited */\n")


@pytest.mark.needs_compiled
def test_failing_compiler_after_a_good_build(again, compilers):
    assert use(again)[0] == "compiled"
    edit(again)
    assert_skipped(again, build_in_place(again, CC=compilers["none"]), no_compiler("/bin/false"))


@pytest.mark.needs_compiled
def test_failing_kernels_after_a_good_build(again, compilers):
    # the compiler works, the kernels do not compile
    edit(again)
    assert_skipped(again, build_in_place(again, CC=compilers["kernels fail"]), NO_KERNELS)


@pytest.mark.needs_compiled
def test_failing_kernels_when_required(again, compilers):
    edit(again)
    done = build_in_place(again, CC=compilers["kernels fail"], SIGMAX_REQUIRE_EXTENSIONS="1")
    assert done.returncode != 0
    assert in_place(again) == []
    assert use(again)[0] == "reference"


@pytest.mark.needs_compiled
def test_no_python_h_after_a_good_build(again, without_headers):
    edit(again)
    assert_skipped(again, build_in_place(again, PYTHONPATH=without_headers), NO_HEADER)


@pytest.mark.needs_compiled
def test_switched_off_after_a_good_build(again):
    assert build_in_place(again, SIGMAX_NO_EXTENSIONS="1").returncode == 0
    assert in_place(again) == []
    assert use(again) == ("reference", [])


@pytest.mark.needs_compiled
@pytest.mark.parametrize("compiler", ["none", "kernels fail"])
def test_wheel_of_a_failing_build_after_a_good_one(again, compilers, compiler):
    # build/lib* still holds the file of the earlier build
    assert shared_objects((again / "build").rglob("*"))
    edit(again)
    done, wheel = build_wheel(again, CC=compilers[compiler])
    assert done.returncode == 0, done.stderr
    assert shared_objects(wheel) == []
    stated = json.loads(wheel["sigmax/kernels/_build.json"])
    assert stated["compiled"] is False
    assert stated["reason"] == (no_compiler("/bin/false") if compiler == "none" else NO_KERNELS)


# -- the source distribution -------------------------------------------------------------------------


@pytest.mark.needs_compiled
def test_source_distribution(again):
    done = run(again, "-c", "import setuptools.build_meta as backend; backend.build_sdist('dist')")
    assert done.returncode == 0, done.stderr
    [file] = (again / "dist").glob("*.tar.gz")
    with tarfile.open(file) as archive:
        names = {Path(*Path(name).parts[1:]).as_posix() for name in archive.getnames()}
    # all that a build reads, nothing that a build wrote
    wanted = {
        p.relative_to(again).as_posix()
        for p in (again / "ext").rglob("*")
        if p.is_file() and p.suffix != ".pyc"
    }
    assert wanted | {"setup.py", "pyproject.toml", "LICENSE", "README.md"} <= names
    assert shared_objects(names) == []
    assert "src/sigmax/kernels/_build.json" not in names
