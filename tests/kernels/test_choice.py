"""Which backend is chosen: argument, environment, and what a missing or stale compiled file leads to.

What a process sees of its own environment is tested here; what depends on the files of the package runs in
a process of its own on a copy of the package.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from sigmax import kernels
from sigmax.kernels import reference
from sigmax.kernels.source_hash import source_hash

PACKAGE = Path(kernels.__file__).resolve().parents[1]
EXT = Path(__file__).resolve().parents[2] / "ext"

# -- names -------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_choice_in_the_environment(monkeypatch):
    monkeypatch.delenv("SIGMAX_BACKEND", raising=False)


def test_argument(backend):
    assert kernels.get(backend.BACKEND) is backend


def test_environment(backend, monkeypatch):
    monkeypatch.setenv("SIGMAX_BACKEND", backend.BACKEND)
    assert kernels.get() is backend
    assert kernels.get(None) is backend


def test_argument_comes_before_environment(monkeypatch):
    monkeypatch.setenv("SIGMAX_BACKEND", "no such backend")
    assert kernels.get("reference") is reference


@pytest.mark.needs_compiled
@pytest.mark.parametrize("value", [None, "", "auto"])
def test_auto_is_the_fastest(compiled, monkeypatch, value):
    if value is not None:
        monkeypatch.setenv("SIGMAX_BACKEND", value)
    assert kernels.get() is compiled
    assert kernels.get("auto") is compiled
    assert kernels.available() == ("compiled", "reference")
    assert kernels.why_not_compiled() == ""


@pytest.mark.parametrize("name", ["", "Compiled", "numpy", "python"])
def test_bad_argument(name):
    with pytest.raises(ValueError, match=r"^backend must be one of auto, compiled, reference; got "):
        kernels.get(name)


@pytest.mark.parametrize("name", ["cython", "REFERENCE", " auto"])
def test_bad_environment(monkeypatch, name):
    monkeypatch.setenv("SIGMAX_BACKEND", name)
    wanted = f"SIGMAX_BACKEND must be one of auto, compiled, reference; got {name!r}"
    with pytest.raises(ValueError, match="^" + wanted.replace("(", r"\(") + "$"):
        kernels.get()


@pytest.mark.parametrize("name", kernels.BACKENDS)
def test_allowed_names_are_accepted(name):
    assert kernels.BACKENDS == ("auto", "compiled", "reference")
    if name == "compiled" and kernels.why_not_compiled():
        with pytest.raises(ImportError):
            kernels.get(name)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a machine without compiler: auto says so
        assert kernels.get(name).BACKEND in ("compiled", "reference")


# -- a copy of the package, in a process of its own --------------------------------------------------

#: prints, as JSON, what `get` did for each of the names it is given, and what was warned of
PROBE = """
import json, sys, warnings
from pathlib import Path
out = {"calls": []}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from sigmax import kernels
    out["import_warnings"] = len(caught)
    for name in json.loads(sys.argv[1]):
        try:
            out["calls"].append(kernels.get(name).BACKEND)
        except Exception as error:
            out["calls"].append(f"{type(error).__name__}: {error}")
out["warnings"] = [[w.category.__name__, str(w.message), Path(w.filename).name] for w in caught]
out["why"], out["available"] = kernels.why_not_compiled(), list(kernels.available())
out["file"] = kernels.__file__
print(json.dumps(out))
"""


def copy_package(folder, *, compiled_file=False):
    """The kernels and nothing else below `folder`/sigmax; the rest of the package is not imported."""
    target = folder / "sigmax"
    ignored = (
        ["__pycache__"] if compiled_file else ["__pycache__", "_kernels*.so", "_kernels*.pyd", "_build.json"]
    )
    shutil.copytree(PACKAGE / "kernels", target / "kernels", ignore=shutil.ignore_patterns(*ignored))
    (target / "__init__.py").write_text("")
    return target / "kernels"


def probe(folder, *names, **environment):
    """Run PROBE on the copy in `folder`."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SIGMAX_")}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(names)],
        env=clean | {"PYTHONPATH": str(folder)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert Path(found["file"]).is_relative_to(folder)
    assert found["import_warnings"] == 0
    return found


REASON = "no working C compiler ('cc-of-this-test')"


def test_missing_with_a_reason(tmp_path):
    build = {"compiled": False, "reason": REASON, "source_hash": "h0"}
    (copy_package(tmp_path) / "_build.json").write_text(json.dumps(build))
    found = probe(tmp_path, "auto", None, "reference", "auto", "compiled")
    assert found["calls"][:4] == ["reference"] * 4
    assert found["calls"][4] == f"ImportError: backend='compiled', but {REASON}"
    # once, however often it is asked for, and blamed on the line that asked
    [[category, message, file]] = found["warnings"]
    assert (category, file) == ("RuntimeWarning", "<string>")
    assert REASON in message
    assert found["why"] == REASON
    assert found["available"] == ["reference"]


def test_missing_and_asked_for_in_the_environment(tmp_path):
    build = {"compiled": False, "reason": REASON, "source_hash": "h0"}
    (copy_package(tmp_path) / "_build.json").write_text(json.dumps(build))
    found = probe(tmp_path, None, SIGMAX_BACKEND="compiled")
    assert found["calls"] == [f"ImportError: SIGMAX_BACKEND='compiled', but {REASON}"]
    assert found["warnings"] == []
    found = probe(tmp_path, None, SIGMAX_BACKEND="reference")
    assert (found["calls"], found["warnings"]) == (["reference"], [])


def test_switched_off_on_purpose_is_no_news(tmp_path):
    reason = "switched off by SIGMAX_NO_EXTENSIONS=1 when sigmax was installed"
    build = {"compiled": False, "reason": reason, "source_hash": "h0"}
    (copy_package(tmp_path) / "_build.json").write_text(json.dumps(build))
    found = probe(tmp_path, "auto", None, "compiled")
    assert found["calls"] == ["reference", "reference", f"ImportError: backend='compiled', but {reason}"]
    assert found["warnings"] == []


def test_the_words_of_setup_py_are_those_that_silence_the_warning():
    text = (EXT.parent / "setup.py").read_text()
    assert f'SWITCHED_OFF = "{kernels._SWITCHED_OFF} by SIGMAX_NO_EXTENSIONS=1' in text


@pytest.mark.parametrize(
    "record", [None, "", "{", "{}"], ids=["no file", "empty file", "half a file", "no entries"]
)
def test_missing_without_a_record(tmp_path, record):
    folder = copy_package(tmp_path)
    if record is not None:
        (folder / "_build.json").write_text(record)
    found = probe(tmp_path, "auto", "compiled")
    assert found["calls"][0] == "reference"
    # the reason is then the failure of the import
    assert found["calls"][1].startswith(
        "ImportError: backend='compiled', but the compiled kernels cannot be imported"
    )
    assert len(found["warnings"]) == 1
    assert "_kernels" in found["why"]


def test_broken_file_is_refused(tmp_path):
    folder = copy_package(tmp_path)
    suffix = __import__("importlib.machinery").machinery.EXTENSION_SUFFIXES[0]
    (folder / f"_kernels{suffix}").write_bytes(b"\x7fELF and no more")
    found = probe(tmp_path, "auto", "compiled")
    assert found["calls"][0] == "reference"
    assert "cannot be imported" in found["calls"][1]
    assert len(found["warnings"]) == 1


# -- stale files ---------------------------------------------------------------------------------------

STALE = "the compiled kernels are older than their sources: install sigmax again"


def rewrite(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.needs_compiled
def test_the_copy_works_before_it_is_made_stale(tmp_path):
    copy_package(tmp_path, compiled_file=True)
    found = probe(tmp_path, "auto", "compiled")
    assert (found["calls"], found["warnings"], found["why"]) == (["compiled", "compiled"], [], "")


@pytest.mark.needs_compiled
def test_file_of_another_build_is_refused(tmp_path):
    # a build that failed wrote its record beside the file an earlier one had left
    folder = copy_package(tmp_path, compiled_file=True)
    rewrite(folder / "_build.json", source_hash="h0123456789abcdef")
    found = probe(tmp_path, "auto", "auto", "compiled")
    assert found["calls"] == ["reference", "reference", f"ImportError: backend='compiled', but {STALE}"]
    [[category, message, _]] = found["warnings"]
    assert category == "RuntimeWarning"
    assert STALE in message
    assert found["available"] == ["reference"]


@pytest.mark.needs_compiled
@pytest.mark.parametrize("edit", ["changed", "added", "removed"])
def test_edited_sources_refuse_the_file(tmp_path, edit):
    # a checkout: ext/ is beside src/, and is compared as it is now
    copy_package(tmp_path / "src", compiled_file=True)
    ext = tmp_path / "ext"
    shutil.copytree(EXT, ext)
    assert probe(tmp_path / "src", "compiled")["calls"] == ["compiled"]
    if edit == "changed":
        (ext / "kernels" / "sx_exp.h").write_text((EXT / "kernels" / "sx_exp.h").read_text() + "\n")
    elif edit == "added":
        (ext / "targets" / "another.c").write_text("")
    else:
        (ext / "kernels" / "sx_log1p.h").unlink()
    found = probe(tmp_path / "src", "auto", "compiled")
    assert found["calls"] == ["reference", f"ImportError: backend='compiled', but {STALE}"]
    assert len(found["warnings"]) == 1


# -- the hash ------------------------------------------------------------------------------------------


def test_hash_of_the_sources(tmp_path):
    def tree(name, files):
        for path, content in files.items():
            target = tmp_path / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return source_hash(tmp_path / name)

    files = {"a.h": b"one\ntwo\n", "deep/b.c": b"three\n", "deep/c.pyx": b"", "d.pxd": b"x"}
    plain = tree("plain", files)
    assert plain[0] == "h"
    assert int(plain[1:], 16) >= 0
    assert len(plain) == 17
    # line ends of a checkout on Windows and files that are not compiled do not count
    assert tree("windows", {name: text.replace(b"\n", b"\r\n") for name, text in files.items()}) == plain
    assert tree("notes", files | {"README.md": b"!", "deep/tool.py": b"!"}) == plain
    # content, names, places and the cut between two files do
    assert tree("content", files | {"a.h": b"one\ntwo \n"}) != plain
    assert tree("name", {("e.h" if name == "a.h" else name): text for name, text in files.items()}) != plain
    assert tree("place", {name.replace("deep/b", "b"): text for name, text in files.items()}) != plain
    assert tree("cut", files | {"a.h": b"one\n", "d.pxd": b"two\nx"}) != plain
    assert tree("fewer", {name: text for name, text in files.items() if name != "deep/c.pyx"}) != plain


@pytest.mark.needs_compiled
def test_hash_of_this_build(compiled):
    assert source_hash(EXT) == compiled.SOURCE_HASH
