"""The command, run in this process."""

import csv
import os

import numpy as np
import pytest

from sigmax import cli


@pytest.fixture
def shell(capsys):
    """Run the command in this process: (exit code, standard output, standard error)."""

    def run(*arguments):
        try:
            code = cli.main([str(one) for one in arguments])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


def flights(path, n, seed):
    """A CSV file of flights, some of them late."""
    rng = np.random.default_rng(seed)
    distance, hour = rng.uniform(100.0, 3000.0, n).round(1), rng.integers(5, 23, n)
    wind, carrier = np.abs(rng.normal(8.0, 5.0, n)).round(2), rng.choice(["AA", "DL", "UA"], n)
    late = rng.logistic(size=n) < -2.0 + 0.08 * hour + 0.05 * wind + 0.5 * (carrier == "UA")
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["flight", "carrier", "distance", "hour", "wind", "days", "late"])
        for i in range(n):
            said = "yes" if late[i] else "no"
            cells = (carrier[i], distance[i], hour[i], wind[i], rng.integers(1, 4), said)
            rows.writerow([f"{i:05d}", *(str(cell) for cell in cells)])
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A directory of its own, with the files that the examples name."""
    monkeypatch.chdir(tmp_path)
    flights("flights.csv", 400, 0)
    flights("new_flights.csv", 90, 1)
    yield tmp_path
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")], "something was left behind"
