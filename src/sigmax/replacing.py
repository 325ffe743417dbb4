"""Files that are whole or not there: written beside their place, and put into it once they are complete."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of `path` when the block ends without an exception.

    It lies in the same directory, so that taking the place is one step: who reads `path` sees the old file
    or the new one, whole.  An exception, Ctrl-C among them, removes it and leaves `path` as it was.  The
    contents are on the disk before the name is.  A symbolic link stays one, and what it points to is
    replaced; permissions stay, too.  A device or a pipe, which nothing can replace, is written as it is.

    Raises
    ------
    OSError
        The directory cannot be written, or the disk is full.
    """
    place = Path(os.path.realpath(path))
    old = place.stat() if place.exists() else None
    if old is not None and not stat.S_ISREG(old.st_mode):
        with _named(path), open(place, "wb") as there:
            yield there
        return
    if not place.parent.is_dir():
        raise FileNotFoundError(2, "no such directory", str(place.parent))
    with _named(path):
        handle, beside = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent)
    try:
        with _named(path), os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), _mode(old))
            os.fsync(file.fileno())
        os.replace(beside, place)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    _sync_directory(place.parent)


@contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Errors of the system name the file that was asked for: a full disk names none."""
    try:
        yield
    except OSError as error:
        error.filename = os.fspath(path)
        raise


def _mode(old: os.stat_result | None) -> int:
    """The permissions of the file that is replaced, or those of a new one."""
    if old is not None:
        return stat.S_IMODE(old.st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_directory(directory: Path) -> None:
    """Bring the new name to the disk, where directories can be opened."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
