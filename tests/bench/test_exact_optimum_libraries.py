"""benchmarks/exact_optimum/libraries: the contract, and what the benchmark makes of wrong and slow peers."""

from __future__ import annotations

import json
import re
import sys
import warnings
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from exact_optimum_runs import Clock, exact, fake, options, row, tiny

from sigmax.bench.timing import Timing

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks" / "exact_optimum" / "libraries"
BINARY, CLASSES = (2, 0.0), (3, 0.0)
RIDGE, RIDGE_CLASSES = (2, 1.0), (3, 1.0)
#: peer -> problems (classes, l2) that it can state
SUPPORTED = {
    "scikit-learn newton-cholesky": {BINARY, CLASSES, RIDGE, RIDGE_CLASSES},
    "scikit-learn newton-cg": {BINARY, CLASSES, RIDGE, RIDGE_CLASSES},
    "scikit-learn lbfgs": {BINARY, CLASSES, RIDGE, RIDGE_CLASSES},
    "scikit-learn-intelex lbfgs": {BINARY, CLASSES, RIDGE, RIDGE_CLASSES},
    "glum": {BINARY, RIDGE},
    "statsmodels Logit": {BINARY},
    "statsmodels MNLogit": {CLASSES},
    "statsmodels GLM": {BINARY},
    "skglm": {BINARY, RIDGE},
    "firthmodels without penalty": {BINARY},
    "torch LBFGS": {BINARY, CLASSES, RIDGE, RIDGE_CLASSES},
    "R glm.fit": {BINARY},
    "R nnet::multinom": {BINARY, CLASSES},
    "R fastglm": {BINARY},
    "sigmax reference": {BINARY, CLASSES, RIDGE, RIDGE_CLASSES},
    "does nothing": {BINARY, CLASSES, RIDGE, RIDGE_CLASSES},
}


# -- the table of peers --------------------------------------------------------------------------------


def test_every_peer_is_in_the_table_and_says_what_it_can(modules):
    assert list(SUPPORTED) == sorted(SUPPORTED, key=list(modules.libraries.PEERS).index)
    assert set(SUPPORTED) == set(modules.libraries.PEERS)
    for name, peer in modules.libraries.PEERS.items():
        assert peer.name == name
        specs = [modules.problems.Spec("test", 100, 2, K, l2=l2) for K in (2, 3) for l2 in (0.0, 1.0)]
        assert {(spec.K, spec.l2) for spec in specs if peer.supports(spec)} == SUPPORTED[name], name
        assert list(peer.ladder) == sorted(peer.ladder, reverse=True)
    targets = {target.peer for target in modules.targets.TARGETS} - {modules.targets.LOOP}
    assert targets <= set(SUPPORTED)


def test_every_file_of_peers_counts(modules):
    files = {file.stem for file in FOLDER.glob("*.py")} - {"__init__", "base", "r_session"}
    assert {file.__name__ for file in modules.libraries._FILES} == {f"libraries.{name}" for name in files}
    for file in modules.libraries._FILES:
        assert file.__doc__
        assert len(file.PEERS) >= 1


@pytest.mark.parametrize("name", SUPPORTED)
@pytest.mark.filterwarnings("default")
def test_peers_answer_in_reference_coding(modules, name):
    peer = modules.libraries.PEERS[name]
    if peer.missing():
        pytest.skip(peer.missing())
    assert peer.version()
    try:
        for K, l2 in sorted(SUPPORTED[name]):
            one = modules.problems.make(modules.problems.Spec("test", 400, 3, K, l2=l2))
            best = modules.optimum.solve(one.X, one.y, K, l2)
            X, y = modules.measure._handed(peer, one, best)
            # on the change of the objective, the square of that of the coefficients
            answer = peer.fit(X, y, l2, 1e-12 if "multinom" in name else 1e-9)
            assert best.error(answer.coef) < 1e-4, (K, l2)
            assert answer.converged is not False
            assert (answer.seconds is not None) == peer.own_clock
            assert answer.seconds is None or answer.seconds > 0.0
    finally:
        if peer.release is not None:
            peer.release()


def test_layouts(modules):
    one = modules.problems.make(tiny(modules, "small_500x10"))
    peers = modules.libraries.PEERS
    X, y = peers["scikit-learn lbfgs"].arrays(one)
    assert X is one.X
    assert y.dtype == np.int64
    X, y = peers["glum"].arrays(one)
    assert X.flags.f_contiguous
    assert y.dtype == np.float64
    X, _ = peers["statsmodels Logit"].arrays(one)
    assert np.array_equal(X[:, 0], np.ones(len(X)))
    assert np.array_equal(X[:, 1:], one.X)


def test_warnings_are_collected_a_line_each(modules):
    def solve(X, y, l2, tolerance, iterations):
        warnings.warn("did not\nconverge", UserWarning, stacklevel=1)
        warnings.warn("did not\nconverge", UserWarning, stacklevel=1)
        warnings.warn("x" * 1000, RuntimeWarning, stacklevel=1)
        return modules.libraries.Answer(np.zeros((1, 2)), warned=("its own",))

    answer = modules.libraries.Peer("p", "p", (), solve).fit(None, None, 0.0, 1e-3)
    assert answer.warned[:2] == ("its own", "UserWarning: did not")
    assert answer.warned[2].startswith("RuntimeWarning: xxx")
    assert len(answer.warned) == 3
    assert max(map(len, answer.warned)) == modules.libraries.base.LINE


def test_a_peer_that_does_nothing_is_handed_the_optimum(modules):
    one = modules.problems.make(tiny(modules, "anes96"))
    best = modules.optimum.solve(one.X, one.y, one.spec.K)
    peer = modules.libraries.PEERS["does nothing"]
    X, y = modules.measure._handed(peer, one, best)
    assert peer.fit(X, y, 0.0, 0.0).coef is X
    assert best.error(X) < 1e-14


# -- R -------------------------------------------------------------------------------------------------

#: answers as the worker does: the sum of the numbers it was given as a coefficient, twice
STAND_IN = """#!{python}
import struct, sys
if "-e" in sys.argv:
    print("4.9.9\\nlibblas.so\\n7.3")
    sys.exit()
for line in sys.stdin:
    kind, *words = line.rstrip("\\n").split("\\t")
    if kind == "load":
        path, n, p = words[0], int(words[1]), int(words[2])
        data = open(path, "rb").read()
        numbers = struct.unpack(f"{{n * (p + 1)}}d{{n}}i", data)
        print("a package says hello\\nok", flush=True)
    elif float(words[0]) == 0.5:
        print("error\\tsingular\\tmatrix", flush=True)
    elif float(words[0]) == 0.25:
        sys.exit("out of memory")
    else:
        total = float(sum(numbers)).hex()
        words = ["ok", "0.125", "FALSE", "2", f"{{total}} NA {{total}} -Inf", "slow", "slow"]
        print("\\t".join(words), flush=True)
"""


@pytest.fixture
def stand_in(modules, monkeypatch, tmp_path):
    """A program in the place of Rscript that speaks as the worker does."""
    if sys.platform == "win32":
        pytest.skip("a script with a first line of its own")
    program = tmp_path / "bin" / "Rscript"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return modules.libraries.PEERS["R glm.fit"]


def test_data_and_answers_of_r(modules, stand_in):
    one = modules.problems.make(tiny(modules, "small_500x10"))
    assert stand_in.missing() == ""
    assert stand_in.version() == "4.9.9, libblas.so"
    assert modules.libraries.PEERS["R fastglm"].version() == "4.9.9, fastglm 7.3, libblas.so"
    X, y = stand_in.arrays(one)
    answer = stand_in.fit(X, y, 0.0, 1e-3)
    # column by column behind a column of ones, then the labels
    total = sum([1.0] * len(one.X) + one.X.T.ravel().tolist() + one.y.tolist())
    assert answer.coef.shape == (2, 2)
    assert answer.coef[:, 0].tolist() == [total, total]
    assert np.isnan(answer.coef[0, 1])
    assert answer.coef[1, 1] == -np.inf
    assert (answer.seconds, answer.converged, answer.warned) == (0.125, False, ("slow",))
    with pytest.raises(RuntimeError, match="R: singular matrix"):
        stand_in.fit(X, y, 0.0, 0.5)
    # an error is not the end; an end is told with the last complaint
    assert stand_in.fit(X, y, 0.0, 1e-3).seconds == 0.125
    for _ in range(2):
        with pytest.raises(RuntimeError, match="R ended: out of memory"):
            stand_in.fit(X, y, 0.0, 0.25)
    stand_in.release()
    assert X._process.returncode is not None
    stand_in.release()


def test_r_that_is_not_there_is_missing(modules, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("R glm.fit", "R nnet::multinom", "R fastglm"):
        peer = modules.libraries.PEERS[name]
        assert "R is missing" in peer.missing()
        assert peer.version() is None


def test_a_package_that_r_lacks_is_missing(modules, stand_in):
    program = Path(sys.modules["libraries.r_session"].shutil.which("Rscript"))
    program.write_text(program.read_text().replace("\\n7.3", "\\n"))
    peer = modules.libraries.PEERS["R fastglm"]
    assert peer.missing() == "R's package fastglm is missing"
    assert peer.version() is None


def test_the_clock_of_r_counts(modules, stand_in, monkeypatch, tmp_path):
    monkeypatch.setattr(modules.measure, "PEERS", {"R glm.fit": stand_in})
    asked = options(modules, tmp_path, peers=("R glm.fit",))
    monkeypatch.setattr(modules.optimum.Optimum, "error", lambda self, coef: 0.0)
    monkeypatch.setattr(modules.optimum.Optimum, "digits", lambda self, coef: 16.0)
    monkeypatch.setattr(modules.optimum.Optimum, "gradient", lambda self, X, y, l2, coef: 0.0)
    (one,) = modules.measure.rows(tiny(modules, "small_500x10"), asked)
    assert one.theirs.times.seconds == pytest.approx((0.125,) * 5, rel=1e-12)
    assert "by its own clock" in one.remark
    assert "says it did not converge" in one.remark


# -- wrong, slow and missing peers ---------------------------------------------------------------------


def run(modules, tmp_path, name="small_500x10", **rest):
    (one,) = modules.measure.rows(tiny(modules, name), options(modules, tmp_path, **rest))
    return one


@pytest.mark.parametrize("target", [True, False])
@pytest.mark.parametrize(
    ("fit", "remark"),
    [
        (lambda X, y, l2, t: 1.0 + exact(X, y, l2, t), "fake is wrong by"),
        (lambda X, y, l2, t: np.full((1, 1 + X.shape[1]), np.nan), "fake is wrong by inf"),
        (lambda X, y, l2, t: np.linalg.inv(np.zeros((2, 2))), "LinAlgError: Singular matrix"),
        # the other class as the reference
        (lambda X, y, l2, t: -exact(X, y, l2, t), "fake is wrong by"),
        # intercept last
        (lambda X, y, l2, t: np.roll(exact(X, y, l2, t), -1, axis=1), "fake is wrong by"),
    ],
)
def test_a_wrong_peer_is_struck_out(modules, monkeypatch, tmp_path, fit, remark, target):
    fake(modules, monkeypatch, fit, target=target)
    one = run(modules, tmp_path, peers=("fake",))
    assert one.verdict == "STRUCK OUT"
    assert remark in one.remark
    assert one.failed is target
    assert one.ratios == ()
    assert json.loads(json.dumps(one.record()))["accurate"] is False


@pytest.mark.parametrize("shift", [3.0, -3.0])
def test_a_peer_that_is_three_standard_errors_off_is_flagged(modules, monkeypatch, tmp_path, shift):
    spec = tiny(modules, "small_500x10")
    best = modules.optimum.optimum(modules.problems.make(spec), tmp_path)

    def off(X, y, l2, tolerance):
        coef = best.coef.astype(np.float64)
        coef[0, 2] += shift * best.se[0, 2]
        return coef

    fake(modules, monkeypatch, off)
    one = run(modules, tmp_path)
    assert one.verdict == "STRUCK OUT"
    assert one.remark == "fake is wrong by 3.0e+00 se"
    assert one.theirs.error == pytest.approx(3.0, rel=1e-9)
    assert one.theirs.digits < 1.0
    assert one.theirs.gradient > 1.0
    assert "(" in time_of(modules, one, "fake")


def test_classes_in_another_order_are_flagged(modules, monkeypatch, tmp_path):
    classes = 3
    spec = modules.problems.Spec("small_500x10", 200, 2, classes)
    monkeypatch.setattr(modules.measure, "make", lambda spec, cache: modules.problems.make(spec))
    for order in permutations(range(classes)):

        def relabelled(X, y, l2, tolerance, order=order):
            every = np.vstack([np.zeros(1 + X.shape[1]), exact(X, y, l2, tolerance)])[list(order)]
            return every[1:] - every[0]

        fake(modules, monkeypatch, relabelled)
        (one,) = modules.measure.rows(spec, options(modules, tmp_path, retune=True))
        assert one.verdict == ("PASS" if order == (0, 1, 2) else "STRUCK OUT"), order


def time_of(modules, one, name):
    """The cell of the time, in the table's line of a peer."""
    (line,) = [text for text in modules.rows.table([one]).splitlines() if text.startswith(f"  {name}  ")]
    return cells(line)[1]


def cells(line):
    """Two spaces or more are between columns."""
    return re.split(r"\s{2,}", line.strip())


@pytest.mark.parametrize(
    ("at_least", "error", "verdict", "brackets"),
    [
        (20.0, 1e-8, "PASS", False),
        (None, 1e-8, "", False),
        (None, 1.1e-6, "STRUCK OUT", True),
        # a target is judged, as being inexact only helps the peer; its time is in brackets nevertheless
        (20.0, 1.1e-6, "PASS", True),
        (20.0, 3.0, "STRUCK OUT", True),
        (None, np.nan, "STRUCK OUT", True),
    ],
)
def test_a_time_without_the_accuracy_is_in_brackets(modules, at_least, error, verdict, brackets):
    one = row(modules, at_least=at_least, error=error)
    assert one.verdict == verdict
    assert time_of(modules, one, "peer") == ("(80.0 s)" if brackets else "80.0 s")
    assert ("(30.0 s)" in modules.rows.table([one])) is brackets
    assert (one.ratios == ()) == (verdict == "STRUCK OUT")
    assert one.record()["accurate"] is not brackets


def test_an_exact_peer_is_not(modules, monkeypatch, tmp_path):
    fake(modules, monkeypatch, exact)
    one = run(modules, tmp_path)
    assert one.verdict == "PASS"
    assert one.remark == ""
    assert one.theirs.digits > 10.0
    assert one.theirs.gradient < 1e-9
    # the loosest tolerance, and it is remembered
    assert one.theirs.tolerance == 1e-3
    assert list(json.loads((tmp_path / "tolerances.json").read_text()).values()) == [1e-3]


def test_warnings_and_claims_are_in_the_row(modules, monkeypatch, tmp_path):
    def fit(X, y, l2, tolerance):
        warnings.warn("the line search failed", UserWarning, stacklevel=1)
        return modules.libraries.Answer(exact(X, y, l2, tolerance), converged=False)

    fake(modules, monkeypatch, fit)
    one = run(modules, tmp_path)
    assert one.verdict == "PASS"
    assert one.remark == "says it did not converge; warned: UserWarning: the line search failed"
    record = one.record()
    assert record["theirs_warned"] == ["UserWarning: the line search failed"]
    assert record["theirs_converged"] is False
    assert one.remark in modules.rows.table([one])


def test_a_missing_peer_is_listed_as_missing(modules, monkeypatch, tmp_path):
    fake(modules, monkeypatch, exact, needs=("no_such_module",))
    one = run(modules, tmp_path)
    assert one.verdict == "missing"
    assert "fake is missing" in one.remark
    assert one.failed
    assert "fake is missing" in modules.rows.table([one])


def test_a_peer_that_raises_in_the_rounds_is_struck_out(modules, monkeypatch, tmp_path):
    calls = []

    def fit(X, y, l2, tolerance):
        calls.append(tolerance)
        if len(calls) > 5:
            raise MemoryError("no\nroom")
        return exact(X, y, l2, tolerance)

    fake(modules, monkeypatch, fit)
    one = run(modules, tmp_path)
    assert len(calls) > 6
    assert one.verdict == "STRUCK OUT"
    assert one.remark == "MemoryError: no"
    assert one.ours.times is not None


def test_a_peer_that_cannot_take_the_data_is_struck_out_and_released(modules, monkeypatch, tmp_path):
    released = []

    def hand_over(problem):
        raise RuntimeError("no room")

    fake(modules, monkeypatch, exact, hand_over=hand_over, release=lambda: released.append(True))
    one = run(modules, tmp_path)
    assert (one.verdict, one.remark) == ("STRUCK OUT", "RuntimeError: no room")
    assert released == [True]


@pytest.mark.parametrize("factor", [0.5, 1.0, 40.0])
def test_a_slow_peer_is_slower_by_its_factor(modules, monkeypatch, tmp_path, factor):
    clock, good = Clock(), modules.ours.calls

    def slow(X, y, l2, tolerance):
        clock.sleep(2.0 * factor)
        return exact(X, y, l2, tolerance)

    def ours(problem, n_threads):
        mine = good(problem, n_threads)

        def after(call):
            clock.sleep(2.0)
            return call()

        return modules.ours.Ours(lambda: after(mine.fit), lambda: after(mine.read))

    fake(modules, monkeypatch, slow)
    monkeypatch.setattr(modules.ours, "calls", ours)
    one = run(modules, tmp_path, clock=clock)
    assert one.ours.times == one.read == Timing((2.0,) * 5)
    assert one.theirs.times == Timing((2.0 * factor,) * 5)
    assert one.quartiles == (factor, factor, factor)


def test_the_cost_of_the_harness_is_shown_as_such(modules, monkeypatch, tmp_path):
    clock, nothing = Clock(), modules.libraries.PEERS["does nothing"]
    monkeypatch.setattr(modules.measure, "PEERS", {nothing.name: nothing})
    one = run(modules, tmp_path, peers=(nothing.name,))
    assert one.verdict == "harness"
    assert not one.failed
    # no bar of a figure, no ratio
    assert one.ratios == ()
    assert one.quartiles is None
    assert one.theirs.tolerance is None
    assert one.theirs.times.median > 0.0
    assert one.theirs.error < 1e-14
    assert one.theirs.digits > 15.0
    assert "the harness's cost, " in one.remark
    assert one.record()["does_nothing"] is True
    # nor is there a tolerance to remember
    assert not (tmp_path / "tolerances.json").exists()
    # a share of sigmax's time
    half = modules.rows.Side(Timing((1.0, 1.0, 1.0)), 0.0)
    shown = row(modules, at_least=None, does_nothing=True, theirs={"times": half.times, "tolerance": None})
    assert shown.remark == "the harness's cost, 50.0% of sigmax's time"
    assert clock() == 0.0


def test_the_figure_reads_the_records(modules, report):
    rows = [
        row(modules),
        row(modules, at_least=None, error=1e-4),
        row(modules, at_least=None, does_nothing=True),
        row(modules, at_least=None, missing_peer=True, theirs={"times": None, "why": "missing"}),
    ]
    records = json.loads(json.dumps([one.record() for one in rows]))
    exact, inexact = report.bars.bars({"tiny": False, "rows": records})
    assert (exact.ours, exact.theirs, exact.quartiles, exact.error) == (2.0, 80.0, (30.0, 30.0, 40.0), 1e-8)
    assert exact.exact
    assert (inexact.exact, inexact.error) == (False, 1e-4)


def test_threads_of_torch_are_held(modules, monkeypatch):
    class Torch:
        threads = 9

        def set_num_threads(self, n):
            self.threads = n

        def get_num_threads(self):
            return self.threads

    torch = Torch()
    for name in ("daal4py", "threadpoolctl"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(modules.thread_check, "_MODULES", ())
    assert "unknown" in modules.hold(3, ("no_such_module",))
    assert torch.threads == 3
