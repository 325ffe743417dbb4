"""Files are whole or not there."""

import os
import stat

import pytest

from sigmax.replacing import replacing


def names(folder):
    return sorted(one.name for one in folder.iterdir())


def test_a_new_file_appears_in_the_end(tmp_path):
    path = tmp_path / "out.csv"
    with replacing(path) as file:
        file.write(b"half")
        assert not path.exists()
        file.write(b" whole")
    assert path.read_bytes() == b"half whole"
    assert names(tmp_path) == ["out.csv"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "out.csv"
    path.write_text("old")

    def fail():
        with replacing(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["out.csv"]


def test_permissions_and_links_stay(tmp_path):
    path, link = tmp_path / "out.csv", tmp_path / "link.csv"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names(tmp_path) == ["link.csv", "out.csv"]


def test_the_old_file_is_never_seen_half_replaced(tmp_path):
    # who holds the old file open reads it to its end
    path = tmp_path / "out.csv"
    path.write_text("old and long")
    with path.open() as reader, replacing(path) as file:
        assert reader.read(3) == "old"
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old and long"
        assert reader.read() == " and long"
    assert path.read_text() == "new"


def test_what_cannot_be_replaced_is_written_as_it_is():
    with replacing(os.devnull) as file:
        file.write(b"gone")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_no_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such directory"), replacing(tmp_path / "no" / "out.csv"):
        pass
    assert names(tmp_path) == []


def test_a_full_disk_names_the_file():
    def fill():
        with replacing("/dev/full") as file:
            file.write(b"x" * 2**20)

    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        fill()
