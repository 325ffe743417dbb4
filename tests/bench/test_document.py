"""sigmax.bench.document: the head that every benchmark's JSON begins with."""

from __future__ import annotations

import argparse
import datetime
import json

import pytest
from exact_optimum_runs import quiet

from sigmax.bench import document, machine


def test_the_head_says_what_was_run_when_on_what_and_under_which_conditions():
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    meanwhile = quiet(others=0.5)
    libraries = {"glum": "3.1", "torch": None}
    head = document.head("speed", n_threads=3, conditions=meanwhile, libraries=libraries, tiny=True)
    head = json.loads(json.dumps(head))
    names = ["part", "version", "date", "threads", "tiny", "environment", "libraries", "conditions"]
    assert list(head) == names
    assert (head["part"], head["version"], head["threads"], head["tiny"]) == ("speed", 1, 3, True)
    date = datetime.datetime.fromisoformat(head["date"])
    assert date.utcoffset() == datetime.timedelta(0)
    assert before <= date <= datetime.datetime.now(datetime.UTC)
    assert head["libraries"] == libraries
    assert head["environment"] == json.loads(json.dumps(machine.environment()))
    assert head["conditions"] == json.loads(json.dumps(meanwhile.record()))
    assert head["conditions"]["busy"] is True


@pytest.mark.parametrize("given", ["{0}", "{0}/none/a.json"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path, given, capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=document.file)
    assert parser.parse_args(["--json", str(tmp_path / "a.json")]).json == tmp_path / "a.json"
    with pytest.raises(SystemExit):
        parser.parse_args(["--json", given.format(tmp_path)])
    assert "argument --json: must be a file in a folder that is there; got " in capsys.readouterr().err


def test_without_libraries_the_sizes_are_the_full_ones():
    head = document.head("x", n_threads=1, conditions=quiet())
    assert (head["libraries"], head["tiny"]) == ({}, False)
