"""benchmarks/report/bars.py: what is compared, what is not, and the README's table of it."""

import pytest


def row(problem, peer, ours, theirs, error, quartiles, **more):
    return {
        "problem": problem,
        "peer": peer,
        "ours_seconds": ours,
        "theirs_seconds": theirs,
        "theirs_error": error,
        "quartiles": quartiles,
        **more,
    }


def record(**changes):
    rows = [
        row("small_500x10", "glum", [2e-4, 1e-4, 3e-4], [2e-3, 3e-3, 4e-3], 2.4e-7, [10.0, 15.0, 20.0]),
        row("small_500x10", "statsmodels Logit", [2e-4, 1e-4, 3e-4], [1e-4], 1e-12, [0.4, 0.5, 0.6]),
        row("anes96", "glum", [1.5, 1.5], [1.0, 1.0], 5.0, None),
    ]
    about = {"cpu": "a processor", "python": "3.11", "numpy": "2.4", "glum": "3.4"}
    made = {
        "tiny": False,
        "threads": 2,
        "environment": about,
        "libraries": {},
        "conditions": {},
        "rows": rows,
    }
    return made | {"date": "2026-03-01T12:00:00+00:00"} | changes


def test_bars_are_the_medians_of_what_can_be_compared(report):
    first, second, third = report.bars.bars(record())
    found = (first.ours, first.theirs, first.quartiles, first.error)
    assert found == (2e-4, 3e-3, (10.0, 15.0, 20.0), 2.4e-7)
    assert second.peer == "statsmodels Logit"
    assert [bar.exact for bar in (first, second, third)] == [True, True, False]


def test_runs_that_say_nothing_are_refused(report):
    with pytest.raises(ValueError, match="tiny"):
        report.bars.bars(record(tiny=True))
    with pytest.raises(ValueError, match="no two times"):
        report.bars.bars(record(rows=record()["rows"][2:]))
    with pytest.raises(ValueError, match="tiny"):
        report.bars.table_markdown(record(tiny=True))


@pytest.mark.parametrize(
    "change", [{"ours_error": 1e-6}, {"converged": False}, {"ours_error": None}, {"does_nothing": True}]
)
def test_nothing_is_compared_with_a_wrong_answer_of_ours(report, change):
    rows = [record()["rows"][0], record()["rows"][1] | change]
    assert [bar.peer for bar in report.bars.bars(record(rows=rows))] == ["glum"]
    wrong = ["500 x 10"] if "does_nothing" not in change else []
    assert report.bars.unsolved(record(rows=rows)) == wrong


@pytest.mark.parametrize(("error", "exact"), [(1e-6, True), (1.001e-6, False), (None, False)])
def test_exact_is_within_a_millionth_of_a_standard_error(report, error, exact):
    assert report.bars.exact(row("anes96", "glum", [1.0], [1.0], error, None)) is exact
    assert not report.bars.exact(row("anes96", "glum", [1.0], [1.0], 0.0, None, accurate=False))


def test_an_exact_answer_that_is_struck_out_has_no_bar(report):
    rows = [record()["rows"][0], record()["rows"][1] | {"quartiles": None}]
    assert [bar.peer for bar in report.bars.bars(record(rows=rows))] == ["glum"]


def test_each_library_is_shown_by_its_fastest_exact_setting(report):
    ours = [1.0, 1.0]
    rows = [
        row("anes96", "scikit-learn lbfgs", ours, [3.0, 3.0], 1e-5, None),
        row("anes96", "scikit-learn newton-cg", ours, [9.0, 9.0], 1e-9, [9.0, 9.0, 9.0]),
        row("anes96", "scikit-learn newton-cholesky", ours, [7.0, 7.0], 1e-7, [7.0, 7.0, 7.0]),
        row("anes96", "scikit-learn-intelex lbfgs", ours, [2.0, 2.0], 1e-4, None),
        row("anes96", "scikit-learn-intelex newton-cg", ours, [4.0, 4.0], 1e-5, [4.0, 4.0, 4.0]),
        row("anes96", "sigmax reference", ours, [2.0, 2.0], 1e-15, [2.0, 2.0, 2.0]),
        row("anes96", "glum", ours, [0.5, 0.5], 1e-9, [0.5, 0.5, 0.5]),
    ]
    found = report.bars.bars(record(rows=rows))
    groups = report.bars.chosen(found)
    assert [(bar.peer, bar.exact) for bar in groups["anes96"]] == [
        ("glum", True),
        ("scikit-learn newton-cholesky", True),
        ("scikit-learn-intelex newton-cg", False),
    ]
    # who is faster is said, too
    said = report.bars.finding(groups)
    assert said == (
        "sigmax is not the fastest on any of 1 problem; glum is faster on anes96, 944 x 5, 7 classes"
    )
    slower = report.bars.chosen([bar for bar in found if bar.peer != "glum"])
    said = report.bars.finding(slower)
    assert said == "sigmax is fastest on 1 problem, 7.0 times as fast as the next accurate library"


def test_the_finding_names_who_is_faster(report):
    groups = report.bars.chosen(report.bars.bars(record(rows=[*record()["rows"], other()])))
    assert report.bars.finding(groups) == (
        "sigmax is fastest on 1 of 2 problems, 3.0 times as fast as the next accurate library; "
        "statsmodels Logit is faster on 500 x 10; no other library is accurate on 1 more"
    )


def test_nobody_is_faster_where_rounds_disagree(report):
    level = row("anes96", "glum", [1.0], [1.1], 1e-9, [0.9, 1.1, 1.2])
    alone = row("spector", "torch LBFGS", [1.0], [2.0], 1e-3, None)
    groups = report.bars.chosen(report.bars.bars(record(rows=[other(), level, alone])))
    assert report.bars.finding(groups) == (
        "sigmax is fastest on 1 of 2 problems, 3.0 times as fast as the next accurate library; "
        "glum is as fast on anes96, 944 x 5, 7 classes; no other library is accurate on 1 more"
    )


def test_who_is_faster_on_several_problems_is_named_once(report):
    rows = [row(name, "glum", [1.0], [0.5], 1e-9, [0.5, 0.5, 0.5]) for name in ("a", "b", "c")]
    assert report.bars.finding(report.bars.chosen(report.bars.bars(record(rows=rows)))) == (
        "sigmax is not the fastest on any of 3 problems; glum is faster on a, b and c"
    )


def test_a_run_with_the_python_twin_alone_has_nothing_to_compare(report):
    twin = row("anes96", "sigmax reference", [1.0], [2.0], 1e-15, [2.0, 2.0, 2.0])
    with pytest.raises(ValueError, match="no two times"):
        report.bars.bars(record(rows=[twin]))


def test_what_sigmax_does_not_solve_is_said(report):
    rows = [other(), record()["rows"][0] | {"converged": False}]
    made = record(rows=rows, threads=1)
    assert report.bars.summary(made).endswith("next accurate library; it does not solve 500 x 10")
    text = report.bars.table_markdown(made)
    assert text.endswith("sigmax did not solve 500 x 10.")
    assert "a processor, 1 thread, " in text


def other():
    return row("binary_500000x100", "glum", [1.0], [3.0], 1e-8, [3.0, 3.0, 3.0])


def test_table_has_a_line_for_each_problem(report):
    lines = report.bars.table_markdown(record()).splitlines()
    assert lines[2] == "| 500 x 10 | 0.2 ms | statsmodels Logit 0.5 (1e-12 se), glum 15.0 (2e-7 se) |"
    assert lines[3] == "| anes96, 944 x 5, 7 classes | 1.50 s | ~~glum 0.7~~ (5 se) |"
    assert lines[5].startswith("a processor, 2 threads, 2026-03-01; Python 3.11, NumPy 2.4, glum 3.4. ")
    assert len(lines) == 6


def test_the_table_says_that_the_machine_was_busy(report):
    text = report.bars.table_markdown(record(conditions={"busy": True}))
    assert text.endswith("**The machine was busy: no ratio of this run counts.**")
    text = report.bars.table_markdown(record(conditions={"slowed": True}))
    assert text.endswith("**Heat or a quota slowed the processor down.**")


def test_names_are_no_markdown(report):
    rows = [record()["rows"][0] | {"peer": "a|b_<i>\nc"}]
    line = report.bars.table_markdown(record(rows=rows)).splitlines()[2]
    assert r"a\|b\_\<i\> c 15.0" in line


def test_pictures_are_the_same_bytes_each_time(report):
    pytest.importorskip("matplotlib")
    light, dark = (report.look.THEMES[name] for name in ("light", "dark"))
    pictures = [report.draw_speed.picture(record(), theme) for theme in (light, light, dark)]
    assert pictures[0] == pictures[1]
    assert pictures[0] != pictures[2]
    assert pictures[0].startswith("<?xml")
    # matplotlib keeps texts as comments beside their outlines
    assert "no answer: off by 5 se" in pictures[0]
    assert "0.50x Logit" in pictures[0]
    assert "15.0x" in pictures[0]
