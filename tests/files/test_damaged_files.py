"""Files that are truncated, tampered with, foreign or made to deceive: a clear error, nothing executed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import tracemalloc
import warnings
import zipfile
from typing import Any

import numpy as np
import pytest
from files.saved import CASES, answers, rows, same

import sigmax as sx
from sigmax.inference.stored import writing


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, bytes]:
    """Files as they should be: one of every branch of the reader."""
    folder = tmp_path_factory.mktemp("made")
    found = {}
    for name in ("three classes of text", "three separated", "firth of dependent", "objects of numbers"):
        CASES[name](None).save(folder / "r.npz")
        found[name] = (folder / "r.npz").read_bytes()
    X, y = rows()
    sx.fit_many(X, y, groups=np.array(["a", "b"])[np.arange(120) % 2]).save(folder / "r.npz")
    return found | {"many": (folder / "r.npz").read_bytes()}


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {one: archive.read(one) for one in archive.namelist()}


def packed(content: dict[str, bytes] | list[tuple[str, bytes]], *, sums: bool = True, way: int = 0) -> bytes:
    """An archive of members with the checksums that they have: the work of somebody who knows the format."""
    items = list(content.items()) if isinstance(content, dict) else content
    if sums:
        items = [(name, data) for name, data in items if name != "SHA256SUMS"]
        lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in items)
        items.append(("SHA256SUMS", lines.encode()))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", way) as archive, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name")
        for name, data in items:
            archive.writestr(zipfile.ZipInfo(name), data, way)
    return out.getvalue()


def npy(array: np.ndarray, **options: Any) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, **options)
    return out.getvalue()


def load(data: bytes, folder) -> Any:
    path = folder / "damaged.npz"
    path.write_bytes(data)
    return sx.load(path)


def refused(data: bytes, folder, said: str = "cannot be loaded") -> str:
    with pytest.raises(ValueError, match=said) as caught:
        load(data, folder)
    # the path, and what is wrong with it, in one line
    message = str(caught.value)
    assert message.startswith(repr(os.fspath(folder / "damaged.npz")) + " cannot be loaded: ")
    assert "\n" not in message
    assert len(message) < 600
    return message


def tried(data: bytes, folder) -> Any:
    """What is loaded, or None where it is refused in the way that is promised."""
    try:
        return load(data, folder)
    except ValueError as error:
        said = str(error)
    assert "cannot be loaded: " in said
    return None


# -- accidents -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["three separated", "many"])
def test_a_truncated_file(case, made, tmp_path):
    data = made[case]
    for length in [*range(0, len(data), 64), len(data) - 1, 1, 3, 21, 22]:
        refused(data[:length], tmp_path, "truncated|empty|does not begin")


def test_bytes_that_were_added_or_lost(made, tmp_path):
    data = made["many"]
    for changed in (b"\0" + data, data + b"\0", data[:100] + data[101:], data[:2000] + b"\0" + data[2000:]):
        refused(changed, tmp_path)


@pytest.mark.parametrize("case", ["three classes of text", "firth of dependent"])
def test_every_flipped_bit_is_an_error_or_changes_nothing(case, made, tmp_path):
    data = made[case]
    X = rows(seed=9, p=4 if case == "firth of dependent" else 3)[0]
    wanted = answers(load(data, tmp_path), X)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        directory = archive.start_dir
        starts = [one.header_offset for one in archive.infolist()]
    # all of the archive's own bytes, and some hundred inside the members
    local = {start + i for start in starts for i in range(30)}
    places = sorted(local | set(range(directory, len(data), 2)) | set(range(0, len(data), 61)))
    rng = np.random.default_rng(0)
    harmless = 0
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << int(rng.integers(8))
        found = tried(bytes(changed), tmp_path)
        if found is not None:
            # times, versions and attributes, which mean nothing
            assert place in local or place >= directory
            harmless += 1
            if harmless % 64 == 1:
                same(case, answers(found, X), wanted)
            else:
                same(case, (found.params, found.covariance), (wanted["params"], wanted["covariance"]))
    assert 0 < harmless < 0.5 * len(places)


# -- other files ------------------------------------------------------------------------------------------


def test_files_that_are_no_files_of_sigmax(tmp_path):
    path = tmp_path / "damaged.npz"
    np.savez(path, a=np.ones(3))
    refused(path.read_bytes(), tmp_path, "a member 'a.npy'|no member 'header.json'")
    np.savez_compressed(path, a=np.ones(3))
    refused(path.read_bytes(), tmp_path, "no file of sigmax|no member")
    refused(npy(np.ones(3)), tmp_path, "does not begin as one")
    refused(pickle.dumps(sx.fit(*rows())), tmp_path, "does not begin as one")
    refused(b"PK\x03\x04" + bytes(100), tmp_path, "its end is missing")
    refused(b"PK\x05\x06" + bytes(18), tmp_path, "does not begin as one")
    refused(packed({"x.txt": b"hello"}), tmp_path, "a member 'x.txt', which no file of sigmax has")
    refused(packed({"header.json": b"{}"}), tmp_path, "does not name the format")
    refused(packed({"header.json": b'{"format": {"name": "other"}}'}), tmp_path, "does not name the format")
    with pytest.raises(FileNotFoundError):
        sx.load(tmp_path / "none.npz")
    with pytest.raises(IsADirectoryError):
        sx.load(tmp_path)


# -- versions ---------------------------------------------------------------------------------------------


def with_header(data: bytes, change: Any) -> bytes:
    content = members(data)
    header = json.loads(content["header.json"])
    change(header)
    content["header.json"] = json.dumps(header).encode()
    return packed(content)


def test_a_newer_format_is_refused_with_the_way_out(made, tmp_path):
    def newer(header):
        header["format"] |= {"version": 2, "written_by": "7.1"}
        header["kind"] = "forest"

    said = r"it has format 2, written by sigmax 7\.1; this version reads format 1 and older: install a newer"
    refused(with_header(made["many"], newer), tmp_path, said)


def test_additions_of_a_later_minor_version_are_ignored(made, tmp_path):
    def added(header, minor):
        header["format"] |= {"minor": minor, "checksum": "more"}
        header["licence"] = "?"
        header["result"]["colour"] = "blue"
        header["result"]["certificate"]["stamp"] = [1]

    for minor in (1, 99):
        content = members(with_header(made["three separated"], lambda header, m=minor: added(header, m)))
        content["more.of_it.npy"] = npy(np.arange(3))
        found = load(packed(content), tmp_path)
        same("params", found.params, load(made["three separated"], tmp_path).params)
    # of this version there are none
    refused(
        with_header(made["three separated"], lambda h: added(h, 0)), tmp_path, "which this format does not"
    )


# -- attacks ----------------------------------------------------------------------------------------------


class Evil:
    def __reduce__(self):
        return (os.system, ("touch stolen",))


def attacks(data: bytes) -> dict[str, bytes]:
    """Archives that are made to deceive, their checksums true."""
    content = members(data)
    first = "params.npy"
    header = content["header.json"]

    def replaced(name: str, new: bytes) -> bytes:
        return packed(content | {name: new})

    objects = npy(np.array([Evil(), None], object), allow_pickle=True)
    big = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little")
    huge = big + b"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999, 9), }".ljust(117) + b"\n"
    empty = (
        big
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (0, 99999999999999999), }".ljust(117)
        + b"\n"
    )
    code = big + b"{'descr': __import__('os').system('id'), 'fortran_order': False, 'shape': (1,), }".ljust(
        117
    )
    wide = big + b"{'descr': '<U999999999', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    deep = b"[" * 100_000 + b"]" * 100_000
    listed = [*content.items()]
    body = header.rstrip()[:-1]
    lied = bytearray(packed(content))
    for mark, at in ((b"PK\x03\x04", 18), (b"PK\x01\x02", 20)):  # the first member says that it is enormous
        place = bytes(lied).index(mark) + at
        lied[place : place + 8] = (2**31).to_bytes(4, "little") * 2
    return {
        "objects": replaced(first, objects),
        "a pickle": replaced(first, pickle.dumps(Evil())),
        "a member that is a pickle": packed(content | {"evil.pkl": pickle.dumps(Evil())}),
        "a structured dtype": replaced(first, npy(np.zeros(3, [("a", "f8"), ("b", "O")]), allow_pickle=True)),
        "code for a dtype": replaced(first, code + b"\n"),
        "a huge shape": replaced(first, huge),
        "a huge empty shape": replaced(first, empty),
        "a huge width": replaced(first, wide + b"a"),
        "format 2.0": replaced(first, npy(np.zeros(3), version=(2, 0))),
        "Fortran order": replaced("covariance.npy", npy(np.asfortranarray(np.zeros((3, 4))))),
        "a member that decompresses to 1 GB": packed(
            content | {first: bytes(10**8)}, way=zipfile.ZIP_DEFLATED
        ),
        "LZMA": packed(content, way=zipfile.ZIP_LZMA),
        "sizes that lie": bytes(lied),
        "a path upwards": packed(content | {"../../etc/passwd": b"root"}),
        "an absolute path": packed(content | {"/x.npy": npy(np.zeros(1))}),
        "a path with backslashes": packed(content | {"..\\x.npy": npy(np.zeros(1))}),
        "a folder": packed(content | {"folder/": b""}),
        "a member twice": packed([*listed, listed[1]]),
        "the header twice": packed([*listed, ("header.json", header)]),
        "no checksums": packed({k: v for k, v in content.items() if k != "SHA256SUMS"}, sums=False),
        "wrong checksums": packed(content | {first: content[first][:-1] + b"\x01"}, sums=False),
        "checksums of other members": packed(
            content | {"SHA256SUMS": content["SHA256SUMS"] + b"0" * 64 + b"  other.npy\n"}, sums=False
        ),
        "checksums that are none": packed(content | {"SHA256SUMS": b"\xff\xfe"}, sums=False),
        "a JSON list": replaced("header.json", b"[1]"),
        "no JSON": replaced("header.json", b"{'a': 1}"),
        "JSON in UTF-16": replaced("header.json", header.decode().encode("utf-16")),
        "nested JSON": replaced("header.json", b'{"format": ' + deep + b"}"),
        "a key twice": replaced("header.json", body + b', "kind": "result"}'),
        "NaN": replaced("header.json", body + b', "x": NaN}'),
        "a number out of range": replaced("header.json", body + b', "x": 1e999}'),
        "a whole number of 5000 digits": replaced("header.json", body + b', "x": ' + b"9" * 5000 + b"}"),
        "a header of 17 MB": replaced("header.json", body + b', "x": "' + b"a" * (17 << 20) + b'"}'),
    }


def test_attacks_on_the_container(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, data in attacks(made["three classes of text"]).items():
        tracemalloc.start()
        message = refused(data, tmp_path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # what is declared is never allocated
        assert peak < 8 * len(data) + 2**20, (name, peak, message)
    # nor has anything been run
    assert os.listdir(tmp_path) == ["damaged.npz"]


def everywhere(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of a header: keys and items, the outermost first."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += everywhere(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value[:2]):
            found += everywhere(inner, (*path, i))
    return found


#: may be missing, or be anything: what a file says of its writer, in words
FREE = {"written_by", "isa", "reason", "note", "names", "values"}


@pytest.mark.parametrize(
    "case", ["three classes of text", "three separated", "firth of dependent", "objects of numbers", "many"]
)
def test_headers_with_keys_missing_or_of_another_type(case, made, tmp_path):
    header = json.loads(members(made[case])["header.json"])
    places = everywhere(header)
    assert len(places) >= 20
    for place in places:

        def change(found, place=place, new=None):
            for step in place[:-1]:
                found = found[step]
            if new is None:
                del found[place[-1]]
            else:
                found[place[-1]] = new[0]

        if isinstance(place[-1], str):
            refused(with_header(made[case], change), tmp_path)
        for new in ({"a": 1}, [None, None], 1.5e300, "\x00?", True):
            data = with_header(made[case], lambda found, new=new: change(found, new=[new]))
            # another word, number or truth is another result; another shape is an error
            if tried(data, tmp_path) is not None:
                old = header
                for step in place:
                    old = old[step]
                assert isinstance(new, str | bool | int | float), (place, new)
                numbers = (int, float)
                alike = isinstance(old, numbers) and isinstance(new, numbers)
                assert alike or type(old) is type(new) or old is None or case == "objects of numbers", (
                    place,
                    new,
                )


@pytest.mark.parametrize("case", ["three classes of text", "three separated", "firth of dependent", "many"])
def test_arrays_of_another_shape_or_dtype_or_missing(case, made, tmp_path):
    content = members(made[case])
    names = [name for name in content if name.endswith(".npy")]
    assert len(names) >= 5
    for name in names:
        array = np.load(io.BytesIO(content[name]))
        without = {key: value for key, value in content.items() if key != name}
        refused(packed(without), tmp_path, f"no array '{name[:-4]}'|no member")
        others = [array[None], array.ravel()[:-1], np.append(array, array.ravel()[:1]), array[..., :0]]
        free = name in ("root.b.npy", "separation.rows.npy", "separation.certificate.error_bound.npy")
        for other in others if not free else [array[None, None]]:
            if other.shape != array.shape:
                refused(packed(content | {name: npy(other)}), tmp_path)
        if name not in ("classes.npy", "groups.npy"):
            wrong = array.astype(np.float32 if array.dtype.kind == "f" else np.int16)
            refused(packed(content | {name: npy(wrong)}), tmp_path, "must be")
        refused(packed(content | {"extra.npy": npy(array)}), tmp_path, "an array 'extra'")


def test_numbers_that_no_result_has(made, tmp_path):
    def changed(case, name, change):
        content = members(made[case])
        array = np.load(io.BytesIO(content[name])).copy()
        return packed(content | {name: npy(change(array))})

    def put(value, at=0):
        def change(array):
            array.ravel()[at] = value
            return array

        return change

    text, far, many = "three classes of text", "three separated", "many"
    refused(changed(text, "params.npy", put(np.nan)), tmp_path, "'params' must be finite")
    refused(changed(text, "params.npy", put(np.inf)), tmp_path, "'params' must be finite")
    refused(changed(far, "separation.infinite.npy", put(7)), tmp_path, "must hold -1, 0 and 1")
    refused(changed(far, "separation.direction.npy", put(np.nan)), tmp_path, "must be finite")
    refused(changed(far, "separation.rows.npy", put(-1)), tmp_path, "rising numbers of rows")
    refused(changed(many, "reason.npy", put(99)), tmp_path, "numbers of 'reasons'")
    refused(changed(text, "classes.npy", lambda a: a[[0, 0, 1]]), tmp_path, "a label twice")
    refused(changed(text, "classes.npy", lambda a: np.array([1.0, 2.0, np.nan])), tmp_path, "missing label")
    refused(changed(text, "classes.npy", lambda a: a.view("<u4").reshape(3, -1)), tmp_path, "must have shape")
    bad = changed(text, "classes.npy", lambda a: (a.view("<u4") | 0x200000).view(a.dtype))
    refused(bad, tmp_path, "no character")
    gone = changed("firth of dependent", "dependence.aliased.npy", lambda a: np.zeros_like(a))
    refused(gone, tmp_path, "dependence")
    raw = members(made[many])
    raw["converged.npy"] = raw["converged.npy"][:-1] + b"\x02"
    refused(packed(raw), tmp_path, "neither 0 nor 1")


def test_loading_imports_and_executes_nothing(made, tmp_path):
    """In a process of its own, an audit hook sees what is imported, compiled, unpickled, opened or run."""
    paths = []
    for i, data in enumerate([*made.values(), *attacks(made["three classes of text"]).values()]):
        path = tmp_path / f"{i}.npz"
        path.write_bytes(data)
        paths.append(str(path))
    code = f"""
import sys, sigmax as sx
paths = {paths!r}
for path in paths[:{len(made)}]:
    sx.load(path)  # what loading needs is imported now
seen = []
sys.addaudithook(lambda event, args: seen.append((event, args)))
for path in paths:
    try:
        sx.load(path)
    except ValueError:
        pass
quiet = list(seen)
allowed = {{'open', 'object.__getattr__', 'cpython.run_interactivehook'}}
strange = [(e, str(a)[:200]) for e, a in quiet if e not in allowed]
opened = {{a[0] for e, a in quiet if e == 'open'}}
assert not strange, strange
assert opened == set(paths), opened - set(paths)
print(len(quiet))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= len(paths)


def test_the_written_format_is_the_one_that_is_read():
    assert (writing.FORMAT, writing.VERSION, writing.MINOR) == ("sigmax", 1, 0)
