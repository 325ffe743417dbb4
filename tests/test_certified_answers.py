"""The certified sets: their bytes, their answers by a second evaluation, and whether the names are true."""

from __future__ import annotations

import hashlib

import certified
import numpy as np
import pytest
from certified import certify, generate, load, names
from mpmath import mp, mpf
from numpy.typing import NDArray
from oracles import newton

every_set = pytest.mark.parametrize("name", names())

#: lowest and highest condition number that suits the name; those of multinomial sets may be larger
CONDITION = {
    "well-conditioned": (1, 5),
    "column-scales": (1, 5),
    "collinear-1e-2": (1e2, 1e3),
    "collinear-1e-4": (1e4, 1e5),
    "collinear-1e-6": (1e6, 1e7),
    "collinear-1e-7": (1e7, 1e8),
    "offset-1e3": (1e3, 1e4),
    "offset-1e6": (1e6, 1e7),
    "offset-1e8": (1e8, 1e9),
    "polynomial-5": (1e5, 1e6),
    "polynomial-8": (1e8, 2e9),
    "year-quadratic": (1e4, 1e5),
    "near-separable": (10, 100),
    "rare": (1, 10),
}


def second_evaluation(data: certified.Certified) -> tuple[list[mpf], list[mpf], mp.matrix, mpf]:
    """Gradient, the sums of its terms' magnitudes, information, log-likelihood, as they are defined.

    Every row with its intercept, class probabilities by exp and division, nothing saved and nothing shared
    with the oracle; to be called with many digits in force.
    """
    m, k = len(data.params), len(data.params[0])
    gradient, magnitude = [mpf(0)] * (m * k), [mpf(0)] * (m * k)
    information, llf = mp.zeros(m * k), mpf(0)
    for cells, code in zip(data.X.tolist(), data.y.tolist(), strict=True):
        x = [mpf(1), *map(mpf, cells)]
        odds = [mpf(1)] + [mp.exp(sum(b * v for b, v in zip(row, x, strict=True))) for row in data.params]
        p = [o / sum(odds) for o in odds]
        llf += mp.log(p[code])
        for a in range(m):
            for j in range(k):
                term = (p[a + 1] - (code == a + 1)) * x[j]
                gradient[a * k + j] += term
                magnitude[a * k + j] += abs(term)
            for b in range(a + 1):
                s = p[a + 1] * ((a == b) - p[b + 1])
                for j in range(k):
                    for h in range(k):
                        information[a * k + j, b * k + h] += s * x[j] * x[h]
    for u in range(m * k):
        for v in range(u // k * k + k, m * k):
            information[u, v] = information[v, u]
    return gradient, magnitude, information, llf


@every_set
def test_answers_by_a_second_evaluation(name: str) -> None:
    data = load(name)
    with mp.workdps(110):
        gradient, magnitude, information, llf = second_evaluation(data)
        inverse = information**-1
        step = inverse * mp.matrix(gradient)
        params = [v for row in data.params for v in row]
        bse = [v for row in data.bse for v in row]
        for j, (b, s) in enumerate(zip(params, bse, strict=True)):
            assert abs(gradient[j]) < mpf("1e-45") * magnitude[j]
            # one more Newton step would change nothing in the first 50 digits
            assert abs(step[j]) < mpf("1e-50") * abs(b)
            assert abs(mp.sqrt(inverse[j, j]) - s) < mpf("1e-50") * s
        assert abs(llf - data.llf) < mpf("1e-50") * abs(llf)


def test_the_second_evaluation_sees_a_wrong_answer() -> None:
    data = load("rare")
    with mp.workdps(110):
        (b, *rest), *others = data.params
        wrong = certified.Certified(
            **(vars(data) | {"params": ((b * (1 + mpf("1e-44")), *rest), *others)}),
        )
        gradient, magnitude, _, _ = second_evaluation(wrong)
        assert abs(gradient[0]) > mpf("1e-45") * magnitude[0]


@pytest.mark.parametrize("name", ["offset-1e8", "multinomial-rare"])
def test_answers_are_reproduced(name: str) -> None:
    assert certify.reproduced(name)


def test_a_changed_answer_is_not_reproduced(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = certified.answers()["rare"]
    last = entry["llf"][:-1] + ("1" if entry["llf"][-1] != "1" else "2")
    monkeypatch.setitem(certified.answers(), "rare", entry | {"llf": last})
    assert not certify.reproduced("rare")


def test_files_are_what_is_generated() -> None:
    assert names() == tuple(generate.SETS)
    assert list(generate.differing()) == []
    assert {path.stem for path in certified.FOLDER.glob("*.csv")} == {*names()}


def test_a_changed_file_is_found(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = generate.contents("rare")
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    monkeypatch.setattr(generate, "SETS", {"rare": generate.SETS["rare"]})
    path = tmp_path / "rare.csv"
    assert list(generate.differing()) == ["rare"]
    path.write_bytes(text.encode())
    assert list(generate.differing()) == []
    path.write_bytes(text.replace("0", "1", 1).encode())
    assert list(generate.differing()) == ["rare"]


@every_set
def test_file_and_entry_belong_together(name: str) -> None:
    entry, data = certified.answers()[name], load(name)
    assert hashlib.sha256((certified.FOLDER / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert data.X.shape == (entry["rows"], entry["columns"]) == (400, data.X.shape[1])
    assert np.bincount(data.y).tolist() == entry["counts"]
    assert len(entry["counts"]) == entry["classes"] == data.n_classes
    for rows in (entry["params"], entry["bse"]):
        assert [len(row) for row in rows] == [data.X.shape[1] + 1] * (data.n_classes - 1)
        texts = [text.lower().split("e")[0].lstrip("-0.") for row in rows for text in row]
        assert {len(text.replace(".", "")) for text in texts} == {60}
    assert mpf(entry["relative_error_bound"]) < mpf("1e-51")


def test_the_whole_is_small() -> None:
    assert sum(path.stat().st_size for path in certified.FOLDER.iterdir() if path.is_file()) < 1_500_000


def test_arrays_are_read_only_and_names_are_checked() -> None:
    data = load("rare")
    with pytest.raises(ValueError, match="read-only"):
        data.X[0, 0] = 1.0
    with pytest.raises(ValueError, match=r"no certified set 'iris'; there are well-conditioned, "):
        load("iris")


# -- each is what its name says --------------------------------------------------------------------


def probabilities(data: certified.Certified) -> NDArray[np.float64]:
    """Of all classes, rounded once at the end."""
    with mp.workdps(40):
        rows = []
        for cells in data.X.tolist():
            eta = [mpf(0)] + [mp.fdot([1, *cells], row) for row in data.params]
            top = max(eta)
            odds = [mp.exp(e - top) for e in eta]
            rows.append([float(o / mp.fsum(odds)) for o in odds])
    return np.array(rows)


@every_set
def test_condition_number_by_a_decomposition_of_the_design(name: str) -> None:
    # The weighted design has K rows for each row x of X, sqrt(p_k) (e_k - p) (x) x: their squares sum to
    # diag(p) - pp' (x) xx'.  The file's figure is from that sum, this one from the design.
    data = load(name)
    p = probabilities(data)
    x = np.column_stack([np.ones(len(p)), data.X])
    root = np.sqrt(p)[:, :, None] * (np.eye(data.n_classes) - p[:, None, :])
    design = np.vstack([np.kron(r[:, 1:], xi) for r, xi in zip(root, x, strict=True)])
    got = np.linalg.cond(design / np.linalg.norm(design, axis=0))
    assert got == pytest.approx(data.condition, rel=1e-5)


@every_set
def test_condition_number_suits_the_name(name: str) -> None:
    lowest, highest = CONDITION[name.removeprefix("multinomial-")]
    assert lowest <= load(name).condition <= highest


@pytest.mark.parametrize("name", ["near-separable", "multinomial-near-separable"])
def test_near_separable_is_a_few_rows_from_separation(name: str) -> None:
    # The estimate exists.  Without the few rows that it gets wrong the classes are separated completely.
    data = load(name)
    wrong = probabilities(data).argmax(axis=1) != data.y
    assert 1 <= wrong.sum() <= 10
    with pytest.raises(ArithmeticError, match="no finite maximum"):
        newton.optimum(data.X[~wrong], data.y[~wrong], data.n_classes, digits=20)


@pytest.mark.parametrize("name", ["rare", "multinomial-rare"])
def test_rare_is_six_of_400(name: str) -> None:
    counts = np.bincount(load(name).y)
    assert counts.sum() == 400
    assert counts[-1] == 6
    assert counts[:-1].min() > 60


@every_set
def test_columns_are_what_the_name_says(name: str) -> None:
    X = load(name).X
    kind, _, figure = name.removeprefix("multinomial-").partition("-")
    if kind == "column":
        sizes = np.abs(X).mean(axis=0)
        np.testing.assert_allclose(np.log10(sizes), [-8, -4, 0, 4, 8], atol=0.3)
    elif kind == "collinear":
        gap = (X[:, 2] - X[:, 0]) / float(figure)
        assert 0.9 < gap.std() < 1.1
    elif kind == "offset":
        assert np.abs(X - float(figure)).max() < 6
    elif kind == "polynomial":
        assert X.shape[1] == int(figure)
        assert X[:, 0].min() >= 1
        assert X[:, 0].max() <= 2
        np.testing.assert_allclose(X, X[:, :1] ** np.arange(1, X.shape[1] + 1), rtol=1e-15)
    elif kind == "year":
        np.testing.assert_array_equal(X[:, 1], X[:, 0] ** 2)
        assert {*X[:, 0]} == {*range(1970, 2020)}
    else:
        assert kind in {"well", "near", "rare"}
        assert np.abs(X).max() < 6
        assert np.abs(np.corrcoef(X.T) - np.eye(X.shape[1])).max() < 0.2
