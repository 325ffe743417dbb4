"""The container of a saved object: a JSON header and named arrays in one .npz file, with checksums.

    header.json      JSON text, ASCII
    <name>.npy       one array, as NumPy writes it (format 1.0, C order, little-endian)
    SHA256SUMS       the SHA-256 of each member above, in the format of the program ``sha256sum``

A ZIP archive whose members are stored, not compressed: no member is larger than the file, so that reading
one takes no more memory than the file is long, whatever it declares.  What stands inside is data alone.
Nothing of it is evaluated, imported or unpickled; no name inside is used as a path.  The same content makes
the same bytes.

What the header and the arrays mean is not known here.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from sigmax.replacing import replacing

#: a JSON object: str, int, float, bool, None, lists and objects of them
Header: TypeAlias = dict[str, Any]
Arrays: TypeAlias = Mapping[str, npt.NDArray[np.generic]]

HEADER, SUMS = "header.json", "SHA256SUMS"
#: bytes of a header; JSON takes some thirty times as much memory as Python objects
LONGEST_HEADER = 2**24
#: bytes of the list of members at the end of the file: some thousands of them
_LONGEST_DIRECTORY = 2**20
#: every member has it, so that equal content has equal bytes
_TIME = (1980, 1, 1, 0, 0, 0)
#: the ZIP flag of a name in UTF-8, the only one that is allowed
_UTF8 = 0x800

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}(\.[a-z0-9_]{1,64}){0,4}", re.ASCII)
_SUM = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9_.]{1,400})", re.ASCII)
_MAGIC = b"\x93NUMPY\x01\x00"
_NPY = re.compile(
    r"\{'descr': '([^'\\]{1,40})', 'fortran_order': False, 'shape': \(((?:\d{1,18}, ?)*\d{0,18})\), \} *\n",
    re.ASCII,
)
#: numbers, truth values, text and bytes of fixed width, times: nothing that holds objects
_DTYPE = re.compile(
    r"\|b1|\|[iu]1|<[iu][248]|<f[248]|<c(?:8|16)|<U\d{1,9}|\|S\d{1,9}"
    r"|<[mM]8(?:\[[1-9]?\d{0,8}(?:Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?",
    re.ASCII,
)


class Damaged(Exception):
    """What is wrong with a file; the message names neither it nor its path."""


# -- writing -----------------------------------------------------------------------------------------


def write(path: str | os.PathLike[str], header: Header, arrays: Arrays) -> None:
    """Write header and arrays to a file, atomically: `path` is the old file or the new one, whole.

    Parameters
    ----------
    path : str or path-like
        Taken as it is; nothing is appended.  A link is followed.
    header : dict
        JSON, numbers finite.
    arrays : mapping of str to ndarray
        Names of letters, digits, underscores and dots; written in C order, little-endian.

    Raises
    ------
    ValueError
        A dtype that a file cannot hold, or a header of more than 16 MiB.
    OSError
        The file cannot be written; what was there stays.
    """
    content = {HEADER: json.dumps(header, allow_nan=False, indent=1).encode("ascii") + b"\n"}
    if len(content[HEADER]) > LONGEST_HEADER:
        raise ValueError(
            f"names, labels and terms take {len(content[HEADER]):,} bytes; at most {LONGEST_HEADER:,} can be "
            "saved"
        )
    for name, array in arrays.items():
        assert _NAME.fullmatch(name)
        content[f"{name}.npy"] = _npy(name, array)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in content.items())
    content[SUMS] = sums.encode("ascii")
    # whole before it is written, since a pipe or a device has no way back
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name, _TIME), data)
    with replacing(path) as file:
        file.write(whole.getbuffer())


def _npy(name: str, array: npt.NDArray[np.generic]) -> bytes:
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
    if not _DTYPE.fullmatch(little.dtype.str):
        raise ValueError(
            f"{name} of dtype {array.dtype} cannot be saved: a file holds numbers, text and times"
        )
    out = io.BytesIO()
    np.lib.format.write_array(out, little, version=(1, 0), allow_pickle=False)
    return out.getvalue()


# -- reading -----------------------------------------------------------------------------------------


class _File(io.FileIO):
    """A file that is never asked for more bytes than it has, nor for those before its first."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence == os.SEEK_SET and offset < 0:
            raise Damaged("its archive is damaged: it has a place before its beginning")
        return super().seek(offset, whence)

    # what is declared allocates nothing
    def read(self, size: int | None = -1, /) -> bytes:
        left = max(os.fstat(self.fileno()).st_size - self.tell(), 0)
        return super().read(left if size is None or size < 0 else min(size, left)) or b""


def read(path: str | os.PathLike[str]) -> tuple[Header, dict[str, npt.NDArray[np.generic]]]:
    """Header and arrays of a file; arrays are new, writeable, in native byte order.

    Raises
    ------
    ValueError
        The file was not written by :func:`write`, or is damaged: the message has the path, and what is wrong.
    OSError
        It cannot be read.
    """
    with naming(path), _File(os.fspath(path)) as file:
        content = _members(file)
        _check_sums(content)
        header = parse(content.pop(HEADER))
        return header, {name.removesuffix(".npy"): _array(name, data) for name, data in content.items()}


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn :class:`Damaged` into a ValueError that names the file."""
    try:
        yield
    except Damaged as error:
        raise ValueError(f"{os.fspath(path)!r} cannot be loaded: {error}") from None


def _members(file: _File) -> dict[str, bytes]:
    """The members of the archive by name, all but their checksums verified."""
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise Damaged("the file is empty")
    if file.read(4) != b"PK\x03\x04":
        raise Damaged("it is no file of sigmax: it does not begin as one")
    file.seek(-min(22, size), os.SEEK_END)
    end = file.read(22)
    if len(end) < 22 or not end.startswith(b"PK\x05\x06"):
        raise Damaged("it is truncated, or no file of sigmax: its end is missing")
    if struct.unpack("<I", end[12:16])[0] > _LONGEST_DIRECTORY:
        raise Damaged("it is no file of sigmax: too many members")
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check_entries(entries, size)
            return {one.filename: archive.read(one) for one in entries}
    except Damaged:
        raise
    # what zipfile raises of archives that are none, RuntimeError of kinds that it cannot read
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        KeyError,
        IndexError,
        OverflowError,
        RuntimeError,
        ValueError,
    ) as error:
        raise Damaged(f"its archive is damaged: {error}") from None


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    names = [one.filename for one in entries]
    for one in entries:
        name = one.filename
        if name in (HEADER, SUMS):
            continue
        if not (name.endswith(".npy") and _NAME.fullmatch(name.removesuffix(".npy"))):
            raise Damaged(f"it has a member {name[:80]!r}, which no file of sigmax has")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Damaged(f"its member {twice!r} stands there twice")
    for name in (HEADER, SUMS):
        if name not in names:
            raise Damaged(f"it is no file of sigmax: it has no member {name!r}")
    for one in entries:
        if one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size:
            raise Damaged(f"its member {one.filename!r} is compressed; members of sigmax's files are stored")
        if one.flag_bits & ~_UTF8:
            raise Damaged(
                f"its member {one.filename!r} is encrypted, or of a kind that sigmax does not write"
            )
    if sum(one.file_size for one in entries) > size:
        raise Damaged("it is truncated, or its members overlap: they are longer than the file")
    longest = {HEADER: LONGEST_HEADER, SUMS: _LONGEST_DIRECTORY}
    for one in entries:
        if one.file_size > longest.get(one.filename, size):
            raise Damaged(f"its member {one.filename!r} has {one.file_size:,} bytes, too many")


def _check_sums(content: dict[str, bytes]) -> None:
    """Every member has its checksum, and no other one is listed; the list is taken out."""
    try:
        lines = content.pop(SUMS).decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise Damaged(f"its member {SUMS!r} is no text") from None
    matches = [_SUM.fullmatch(line) for line in lines]
    if None in matches:
        raise Damaged(f"line {matches.index(None)} of its member {SUMS!r} is none of checksum and name")
    listed = {found[2]: found[1] for found in matches if found}
    if len(listed) < len(lines) or listed.keys() != content.keys():
        raise Damaged(f"its member {SUMS!r} does not list each member once")
    for name, data in content.items():
        if hashlib.sha256(data).hexdigest() != listed[name]:
            raise Damaged(f"its member {name!r} does not have the checksum that {SUMS!r} says")


def parse(text: bytes) -> Header:
    """A JSON object of finite numbers, no key twice."""

    def refuse(constant: str) -> NoReturn:
        raise Damaged(f"its header is no JSON: it has {constant}")

    def number(digits: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            raise Damaged(f"its header has a number out of range: {digits[:40]}")
        return value

    def pairs(items: list[tuple[str, Any]]) -> Header:
        found = dict(items)
        if len(found) < len(items):
            raise Damaged("its header has a key twice")
        return found

    try:
        header = json.loads(
            text.decode("ascii"), object_pairs_hook=pairs, parse_constant=refuse, parse_float=number
        )
    except RecursionError:
        raise Damaged("its header is nested too deep") from None
    except ValueError as error:
        raise Damaged(f"its header is no JSON: {error}") from None
    if not isinstance(header, dict):
        raise Damaged("its header is no JSON object")
    return header


def _array(name: str, data: bytes) -> npt.NDArray[np.generic]:
    """An array from the text of its header and as many bytes as that says, nothing evaluated."""
    if len(data) < 10 or not data.startswith(_MAGIC):
        raise Damaged(f"its member {name!r} is no array in NumPy's format 1.0")
    length = 10 + struct.unpack("<H", data[8:10])[0]
    found = _NPY.fullmatch(data[10:length].decode("latin-1"))
    if found is None:
        raise Damaged(f"its member {name!r} has no header of an array in C order")
    descr, shape = found[1], tuple(int(n) for n in found[2].replace(" ", "").split(",") if n)
    if not _DTYPE.fullmatch(descr):
        raise Damaged(f"its member {name!r} has the dtype {descr!r}, which no file of sigmax has")
    try:
        dtype = np.dtype(descr)
    except (TypeError, ValueError):
        raise Damaged(f"its member {name!r} has the dtype {descr!r}, which there is not") from None
    wanted = math.prod(shape) * dtype.itemsize
    if len(shape) > 4 or (dtype.itemsize == 0) or wanted != len(data) - length:
        raise Damaged(
            f"its member {name!r} has {len(data) - length:,} bytes of numbers; its shape {shape} and dtype "
            f"{descr!r} take {wanted:,}"
        )
    raw = np.frombuffer(data, dtype=np.uint8, offset=length)
    if dtype.kind == "b" and (raw > 1).any():
        raise Damaged(f"its member {name!r} holds truth values that are neither 0 nor 1")
    if dtype.kind == "U" and (raw.view("<u4") > 0x10FFFF if raw.size else raw).any():
        raise Damaged(f"its member {name!r} holds what is no character")
    try:
        return np.frombuffer(data, dtype=dtype, offset=length).reshape(shape).astype(dtype.newbyteorder("="))
    except ValueError:  # of no elements, and too many in the other axes
        raise Damaged(f"its member {name!r} has the shape {shape}, which there is not") from None
