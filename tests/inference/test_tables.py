"""A table drawn as text and as HTML, apart from what it is about."""

import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmax.inference.tables import Table, decimals, in_line, printable

HEADER = ("variable", "effect", "[90 % interval", "]")
ROWS = [("age", "0.12", "0.10", "0.14"), ("price of gas", "-11.5", "-12.0", "-11.0")]

TEXT = """\
Average effects

variable      effect  [90 % interval      ]
age             0.12            0.10   0.14
price of gas   -11.5           -12.0  -11.0

rows            250   weights frequency
note            delta method"""


def test_text():
    facts = [("rows", ["250", "weights frequency"]), ("note", ["delta method"])]
    assert Table(HEADER, ROWS, title="Average effects", facts=facts).text() == TEXT
    assert Table(HEADER, ROWS).text() == "\n".join(TEXT.splitlines()[2:5])
    assert Table(HEADER, [], title="Nothing").text() == "Nothing\n"
    assert Table((), [], facts=facts).text() == "\n".join(TEXT.splitlines()[-2:])


GROUPS = """\
first
  variable      effect  [90 % interval      ]
  age             0.12            0.10   0.14

second
  variable      effect  [90 % interval      ]
  price of gas   -11.5           -12.0  -11.0"""


def test_groups_share_their_columns():
    assert Table(HEADER, ["first", ROWS[0], "second", ROWS[1]]).text() == GROUPS


def test_long_names_stand_above_their_numbers():
    name = "a name that is longer than a line of 40 columns"
    lines = Table(HEADER, [ROWS[0], (name, "1.00", "0.50", "1.50")]).text(40).splitlines()
    assert [line.strip() for line in lines] == [
        "variable  effect  [90 % interval     ]",
        "age         0.12            0.10  0.14",
        "a name that is longer than a line of 40",
        "columns",
        "1.00            0.50  1.50",
    ]
    assert lines[1].index("0.12") == lines[4].index("1.00")
    # numbers are never cut: a table may be wider than asked for
    wide = Table(HEADER, [ROWS[0], ("unpronounceable", "1.00", "0.50", "1.50")]).text(10).splitlines()
    assert [line.split() for line in wide[1:]] == [
        ["age", "0.12", "0.10", "0.14"],
        ["unpronounc"],
        ["eable"],
        ["1.00", "0.50", "1.50"],
    ]


@given(
    names=st.lists(st.text(max_size=120), min_size=1, max_size=5),
    title=st.text(max_size=40),
    width=st.integers(20, 120),
)
def test_nothing_is_lost_and_everything_is_well_formed(names, title, width):
    rows = [(name, f"{i}.5") for i, name in enumerate(names)]
    table = Table(("", "b"), rows, title=title, facts=[("note", [title]), ("two", [title, "x"])])
    text = table.text(width)
    squeezed = "".join(text.split())
    at = 0
    for name, number in rows:
        for part in (*printable(name).split(), number):
            at = squeezed.index("".join(part.split()), at) + len("".join(part.split()))
    root = ElementTree.fromstring(table.html())
    assert [c.text or "" for c in root.iter("th") if c.get("scope") == "row"][: len(rows)] == [
        printable(name) for name in names
    ]


def test_html():
    facts = [("a < b", ["1 & 2", '"quoted"'])]
    table = Table(HEADER, ["group <1>", *ROWS], title="<T>", facts=facts)
    html = table.html()
    root = ElementTree.fromstring(html)
    assert root.get("class") == "sigmax-table"
    first, second = root.findall("table")
    assert first.find("caption").text == "<T>"
    heads = first.findall("thead/tr/th")
    assert [(h.text, h.get("colspan")) for h in heads] == [
        ("variable", None),
        ("effect", None),
        ("90 % interval", "2"),
    ]
    group, age, gas = first.findall("tbody/tr")
    assert (group[0].text, group[0].get("colspan")) == ("group <1>", "4")
    assert [cell.text for cell in age] == list(ROWS[0])
    assert [cell.tag for cell in gas] == ["th", "td", "td", "td"]
    assert ["".join(cell.itertext()).split() for cell in second.iter("td")] == [["1", "&", "2", '"quoted"']]
    assert second.find("tbody/tr/th").text == "a < b"
    # in the colours of the notebook, light or dark, and nothing from elsewhere
    style = root.find("style").text
    assert "color: inherit" in style
    assert "#" not in style
    assert "url(" not in style
    assert all(line.startswith((".sigmax-table", "  ")) for line in style.strip().splitlines())


@pytest.mark.parametrize(
    ("error", "expected"),
    [(1.0, 3), (0.0123, 5), (999.9, 1), (1000.0, 0), (1e6, 0), (1e-12, 15), (0.0, 4), (-1.0, 4), (np.nan, 4)],
)
def test_decimals(error, expected):
    assert decimals(error) == expected


def test_points_in_line():
    assert in_line([1.25, -13.5, 100.0], [3, 1, 0]) == ["1.250", "-13.5  ", "100    "]
    assert in_line([1.0, 20.0], [0, 0]) == ["1", "20"]
    assert in_line([], []) == []
    assert in_line([math.nan, math.inf, -math.inf, 0.5], [4, 4, 4, 1]) == ["nan", "inf", "-inf", "0.5   "]
    assert in_line([-1e-9, 1e13, 1.5e20], [2, 2, 0]) == ["0.00", "1e+13", "1.5e+20"]
    # four significant digits of each
    assert in_line([2.0, 12345.6, 0.00012346, 1.2346e-7, 0.0]) == [
        "2.000    ",
        "12346        ",
        "0.0001235",
        "1.235e-07",
        "0.0000   ",
    ]
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        in_line([1.0, 2.0], [1])


def test_printable():
    assert printable("caf\u00e9 \u4e2d") == "caf\u00e9 \u4e2d"
    assert printable("a\nb\x00\ud800") == r"a\nb\x00\ud800"
