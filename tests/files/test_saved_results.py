"""Results that are saved and loaded again, pickled, and copied: the same numbers, without the data."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import os
import pickle
import stat
import zipfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from files.saved import CASES, answers, rows, same

import sigmax as sx
from sigmax import kernels
from sigmax.inference.many import FitMany
from sigmax.inference.result import Result

HERE = Path(__file__).parent


def again(r, tmp_path):
    path = tmp_path / "saved.npz"
    r.save(path)
    return sx.load(path)


@pytest.mark.parametrize("case", CASES)
def test_a_loaded_result_has_the_same_bits(case, tmp_path, backend_name):
    r = CASES[case](backend_name)
    X = rows(seed=9, p=len(r.param_names) - int(r.fit_intercept))[0] * 3.0
    wanted, s = answers(r, X), again(r, tmp_path)
    assert type(s) is type(r)
    same(case, answers(s, X), wanted)
    # and so have a pickled one, a copy, and one that was saved twice
    same(case, answers(pickle.loads(pickle.dumps(r)), X), wanted)
    same(case, answers(copy.deepcopy(s), X), wanted)
    same(case, answers(again(s, tmp_path), X), wanted)
    # nothing is refused but what is not there to be asked
    refused = {name for name, value in wanted.items() if isinstance(value, str) and value.startswith("Value")}
    assert refused <= {"wald_test", "lincom"}
    assert not refused or case == "separated completely"


@pytest.mark.parametrize("case", ["binary", "separated", "firth"])
def test_what_needs_the_data_says_where_they_are(case, tmp_path, backend_name):
    s = again(CASES[case](backend_name), tmp_path)
    asked = {
        "leverage": lambda: s.leverage,
        "margins()": lambda: s.margins(),
        "a covariance of kind 'HC0'": lambda: s.cov_params("HC0"),
        "method='profile'": lambda: s.conf_int(method="profile"),
        "vif()": lambda: s.vif(),
    }
    for ask in asked.values():
        with pytest.raises(
            ValueError, match=r"needs the data, which a pickled result leaves behind, and a saved"
        ):
            ask()


def test_the_file_is_small_and_has_no_data(tmp_path, backend_name):
    X, y = rows(n=50_000)
    r = sx.fit(X, y, backend=backend_name)
    r.save(tmp_path / "r.npz")
    assert os.path.getsize(tmp_path / "r.npz") < 6_000
    assert not any(X[i, :].tobytes()[:8] in (tmp_path / "r.npz").read_bytes() for i in range(0, 50_000, 997))


def test_the_same_result_makes_the_same_bytes(tmp_path, backend_name):
    r = CASES["three separated"](backend_name)
    for name in ("a.npz", "b.npz"):
        r.save(tmp_path / name)
    sx.load(tmp_path / "a.npz").save(tmp_path / "c.npz")
    first, *others = ((tmp_path / name).read_bytes() for name in ("a.npz", "b.npz", "c.npz"))
    assert others == [first, first]


def test_numpy_and_any_other_language_can_read_it(tmp_path, backend_name):
    r = CASES["three classes of text"](backend_name)
    r.save(tmp_path / "r.npz")
    with np.load(tmp_path / "r.npz", allow_pickle=False) as found:
        np.testing.assert_array_equal(found["params"], r.params)
        np.testing.assert_array_equal(found["covariance"], r.covariance)
        np.testing.assert_array_equal(found["classes"], r.classes)
        header = json.loads(found["header.json"])
        sums = found["SHA256SUMS"].decode()
    assert header["format"] == {"name": "sigmax", "version": 1, "minor": 0, "written_by": sx.__version__}
    assert header["result"]["param_names"] == list(r.param_names)
    assert header["result"]["llf"] == r.llf
    # what `sha256sum -c SHA256SUMS` does
    with zipfile.ZipFile(tmp_path / "r.npz") as archive:
        for line in sums.splitlines():
            expected, name = line.split("  ")
            assert hashlib.sha256(archive.read(name)).hexdigest() == expected
        assert len(sums.splitlines()) == len(archive.namelist()) - 1


def test_a_result_of_another_machine_predicts_with_what_works_here(tmp_path, monkeypatch):
    X, y = rows()
    r = sx.fit(X, y)
    wanted = r.predict_proba(X, 0.9)
    s = again(r, tmp_path)
    object.__setattr__(s, "backend", "compiled")
    monkeypatch.setattr(kernels, "_compiled", lambda: (None, "switched off here"))
    assert s._backend == "reference"
    np.testing.assert_allclose(s.predict_proba(X, 0.9), wanted, rtol=1e-13)
    assert "compiled" in str(s.summary())


# -- many fits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", ["numbers", "text", "objects", "none"])
def test_many_fits(labels, tmp_path, backend_name):
    X, y = rows(K=3)
    groups = {
        "numbers": np.arange(120) % 4,
        "text": np.array(["g0", "g1", "g2", "g3"])[np.arange(120) % 4],
        "objects": np.array(["g0", "g1", "g2", "g3"], object)[np.arange(120) % 4],
        "none": None,
    }[labels]
    y[np.arange(120) % 4 == 2] %= 2  # a group without the third class
    if groups is None:
        m = sx.fit_many(X, y % 2, l2=[0.5, 1.0, 2.0], backend=backend_name)
    else:
        with pytest.warns(sx.ConvergenceWarning):
            m = sx.fit_many(X, y, groups=groups, backend=backend_name)
    s = again(m, tmp_path)
    same(labels, s, m)
    assert s.summary() == m.summary()
    assert repr(s[1]) == repr(m[1])


# -- writing -------------------------------------------------------------------------------------------


def test_what_cannot_be_saved_is_refused_and_the_old_file_stays(tmp_path, backend_name):
    X, y = rows()
    path = tmp_path / "r.npz"
    sx.fit(X, y, backend=backend_name).save(path)
    before = path.read_bytes()
    strange = np.array([Decimal(1), Decimal(2)], object)
    wide = np.array([0.5, 2.5], np.longdouble)
    for labels, said in (
        (strange, "type Decimal"),
        (wide, "classes cannot be saved: 2 labels of another type"),
    ):
        r = sx.fit(X, labels[y], backend=backend_name)
        if labels.dtype.itemsize == 8 and labels.dtype.kind == "f":  # where long double is double
            continue
        with pytest.raises(ValueError, match=said):
            r.save(path)
    r = sx.fit(X, y, backend=backend_name, names=["a" * 2**24, "b", "c"])
    with pytest.raises(ValueError, match="at most 16,777,216 can be saved"):
        r.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["r.npz"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    r = sx.fit(*rows())
    path = tmp_path / "r.npz"
    path.write_bytes(b"precious")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        r.save(path)
    assert path.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["r.npz"]
    monkeypatch.undo()
    with pytest.raises(FileNotFoundError):
        r.save(tmp_path / "nowhere" / "r.npz")


def test_paths_links_and_permissions(tmp_path):
    r = sx.fit(*rows())
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real" / "model without ending")
    old = os.umask(0o027)
    try:
        r.save(str(link))
    finally:
        os.umask(old)
    assert link.is_symlink()
    target = tmp_path / "real" / "model without ending"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    same("params", sx.load(link).params, r.params)
    same("params", sx.load(os.fspath(target)).params, r.params)


# -- files of earlier versions --------------------------------------------------------------------------

#: the files in this folder, and what is known of each; a new format adds files and leaves these as they are
OLD = json.loads((HERE / "old_files.json").read_text())


def test_all_files_of_earlier_versions_are_known():
    assert sorted(OLD) == sorted(path.name for path in HERE.glob("format*.npz"))
    assert {name.partition("_")[0] for name in OLD} == {"format1"}


@pytest.mark.parametrize("name", OLD)
def test_a_file_of_an_earlier_version_is_loaded(name):
    if "formula" in name or "offset" in name:
        pytest.importorskip("formulaic")
    s, known = sx.load(HERE / name), OLD[name]
    if known["kind"] == "many":
        assert s.params.tolist() == known["params"]
        assert s.reason == tuple(known["reason"])
        return
    # nan stands there as -999
    for numbers in ("params", "bse"):
        found = np.nan_to_num(getattr(s, numbers), nan=-999.0, posinf=np.inf, neginf=-np.inf)
        np.testing.assert_array_equal(found, np.array(known[numbers], float))
    assert s.classes.tolist() == known["classes"]
    assert list(s.param_names) == known["param_names"]
    assert (s.llf, s.llnull) == (known["llf"], known["llnull"])
    # on another machine the last bit may differ
    X = known["X"] if isinstance(known["X"], dict) else np.array(known["X"])
    np.testing.assert_allclose(s.predict_proba(X), known["proba"], rtol=1e-13)
    np.testing.assert_allclose(s.predict_proba(X, 0.9).lower, known["lower"], rtol=1e-11)
    assert repr(s) == known["repr"]


def test_every_field_of_a_result_is_kept_or_left_behind_on_purpose():
    # a field that is new has to be written to files, too
    left = {"_profile", "_tests", "_observations", "_report", "_spread", "_origin_of_rows"}
    kept = {field.name for field in dataclasses.fields(Result)} - left
    written = {"_covariance": "covariance", "_origin": "shown", "_baseline": "baseline", "_kept_root": "root"}
    with np.load(HERE / "format1_binary.npz") as file:
        there = {*json.loads(file["header.json"])["result"], *file.files}
    assert {written.get(name, name) for name in kept} <= there
    with np.load(HERE / "format1_many.npz") as file:
        there = {*json.loads(file["header.json"])["many"], *file.files}
    assert {field.name for field in dataclasses.fields(FitMany)} <= there


def test_a_pipe_is_written_and_stays_a_pipe(tmp_path):
    """Nor is a device replaced by a file, as root could do."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        r = sx.fit(np.arange(12.0)[:, None] % 5.0, np.arange(12) % 2)
        r.save(path)
        copy = tmp_path / "copy.npz"
        copy.write_bytes(os.read(reader, 2**16))
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(path.stat().st_mode)
    np.testing.assert_array_equal(sx.load(copy).params, r.params)


def test_a_full_device_is_named_and_stays(tmp_path):
    r = sx.fit(np.arange(12.0)[:, None] % 5.0, np.arange(12) % 2)
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        r.save("/dev/full")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)
