"""sigmax.bench.document: the head that every benchmark's JSON begins with."""

from __future__ import annotations

import datetime
import json

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


def test_without_libraries_the_sizes_are_the_full_ones():
    head = document.head("x", n_threads=1, conditions=quiet())
    assert (head["libraries"], head["tiny"]) == ({}, False)
