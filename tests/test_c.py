"""The C tests of ext/ (tests/c), run from here with the machine's compiler; .ci/run adds the other modes."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent / "c"
CHECKOUT = HERE.parents[1]
RUNNER = HERE / "run.sh"

#: the command that setup.py would compile with
COMPILER = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
EXISTS = shutil.which(shlex.split(COMPILER)[0]) is not None and sys.platform == "linux"


def modes():
    """What the compiler of this machine can do: without one, nothing is collected."""
    return ["plain", "asan"] if EXISTS else []


@pytest.mark.parametrize("mode", modes())
def test_c(mode):
    done = subprocess.run(
        ["sh", str(RUNNER), mode],
        env={**os.environ, "CC": COMPILER},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ran = re.findall(r"^(\w+) +(\d+) checks, 0 failed$", done.stdout, re.MULTILINE)
    programs = {path.stem for path in HERE.glob("*.c")} - ({"sizes"} if mode == "asan" else set())
    assert {name for name, _ in ran} == programs


def test_unknown_mode():
    done = subprocess.run(["sh", str(RUNNER), "fast"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "no such mode: fast\n")


def assigned(name):
    """Words of a variable of the runner."""
    return re.search(rf'^{name}="(.*)"$', RUNNER.read_text(), re.MULTILINE).group(1).split()


def test_flags_are_those_of_the_package():
    # setup.py's tuple of flags for compilers that are not MSVC's, as it stands in the source
    tuples = [
        [item.value for item in node.elts]
        for node in ast.walk(ast.parse((CHECKOUT / "setup.py").read_text()))
        if isinstance(node, ast.Tuple) and all(isinstance(item, ast.Constant) for item in node.elts)
    ]
    assert [flags for flags in tuples if "-O3" in flags] == [assigned("PACKAGE")]


def test_the_table_of_values_is_current():
    done = subprocess.run(
        [sys.executable, str(HERE / "tools" / "values.py")], capture_output=True, text=True, check=True
    )
    assert done.stdout == (HERE / "values_table.h").read_text()


def test_every_operation_is_hashed():
    # the members of the table of targets.h but the sizes of work space
    header = (CHECKOUT / "ext" / "targets" / "targets.h").read_text()
    table = header[header.index("typedef struct {") : header.index("} sx_kernels;")]
    operations = {name for name in re.findall(r"\(\*(\w+)\)\(", table) if not name.endswith("_work")}
    hashed = re.findall(r'^\{"(\w+)", hash_(\w+),', (HERE / "hashes_table.h").read_text(), re.MULTILINE)
    assert all(name == function for name, function in hashed)
    assert {name for name, _ in hashed} == operations
