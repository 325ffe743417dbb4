"""The page on files shows what happens."""

import doctest
import re
from pathlib import Path

import pytest

from sigmax.inference.exports import mixin
from sigmax.inference.stored import parts, reading, writing

PAGE = (Path(__file__).parents[2] / "docs" / "files.md").read_text()


def test_the_examples_print_what_stands_beside_them(tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    shown = []
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        exec(block, names)
        shown += re.findall(r"^ *print\(.*\)  # (.*)$", block, re.MULTILINE)
    printed = capsys.readouterr().out.splitlines()
    [sql] = re.findall(r"^```sql\n(.*?)\n```", PAGE, re.MULTILINE | re.DOTALL)
    number = r"\d\.\d{16}e[+-]\d\d"
    # the last digits belong to the machine
    assert [re.sub(number, "#", line) for line in printed if "CAST" in line] == [re.sub(number, "#", sql)]
    for ours, theirs in zip(re.findall(number, sql), re.findall(number, str(printed)), strict=True):
        assert float(ours) == pytest.approx(float(theirs), rel=1e-11)
    assert [line for line in printed if "CAST" not in line] == shown
    assert len(shown) == 8


def test_docstrings():
    for module in (mixin, reading):
        found = doctest.testmod(module)
        assert found.attempted > 0
        assert found.failed == 0


def test_every_field_of_the_file_is_described():
    text = "".join(Path(str(one.__file__)).read_text() for one in (writing, parts))
    keys = set(
        re.findall(r'^        "(\w+)":', text.partition("def pack_result")[2].partition("# -- many")[0], re.M)
    )
    assert len(keys) > 20
    arrays = {"params", "covariance", "root.b", "root.t", "certificate.error_bound", "dropped.rows"}
    for name in keys | arrays | {"shown", "dependence.aliased", "separation.direction", "separation.rows"}:
        assert f"`{name}`" in PAGE, name
