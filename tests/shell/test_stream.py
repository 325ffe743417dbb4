"""``sigmax predict`` as a process: memory that does not grow with the file, signals, a terminal."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import sigmax as sx
from sigmax.progress import StatusLine
from sigmax.shell import output

#: runs the command on one file and then on another; the largest resident sets after each, in KiB
PEAKS = """
import resource, sys
from sigmax.cli import main
for name in ("small", "large"):
    words = ["predict", "model.npz", f"{name}.{sys.argv[1]}", "--id", "id", "-o", f"out.{sys.argv[1]}"]
    assert main(words) == 0
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture
def model(folder):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 2))
    y = np.where(X[:, 0] + rng.logistic(size=60) > 0.0, "up", "down")
    result = sx.fit(X, y, names=["a", "b"])
    result.save("model.npz")
    return result


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_file(model, folder, suffix):
    rng = np.random.default_rng(0)
    n = 2**15
    names = [f"{i:08d}" + "a long name " * 20 for i in range(n)]
    block = pa.table({"id": names, "a": rng.normal(size=n), "b": rng.normal(size=n)})

    def write(path, copies):
        if suffix == "csv":
            with pa.OSFile(path, "wb") as file:
                for i in range(copies):
                    options = pyarrow.csv.WriteOptions(include_header=i == 0, quoting_style="none")
                    pyarrow.csv.write_csv(block, file, options)
        else:
            with pq.ParquetWriter(path, block.schema, compression="none", use_dictionary=False) as file:
                for _ in range(copies):
                    file.write_table(block)
        return os.path.getsize(path) / 2**20

    # what blocks and threads of pyarrow take is there from some 60 MiB on, whatever the size
    before, size = write(f"small.{suffix}", 8), write(f"large.{suffix}", 24)
    assert size - before > 120.0
    done = subprocess.run([sys.executable, "-c", PEAKS, suffix], check=True, capture_output=True, text=True)
    of_small, of_large = (int(line) / 1024 for line in done.stdout.splitlines() if line.isdecimal())
    assert of_large - of_small < 40.0
    written = pq.read_metadata("out.parquet").num_rows if suffix == "parquet" else lines("out.csv") - 1
    assert written == 24 * n


def lines(path):
    with open(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(2**20), b""))


@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_leaves_nothing_behind(model, folder, number, code, said):
    (folder / "out.csv").write_text("old")
    child = subprocess.Popen(
        [sys.executable, "-m", "sigmax", "predict", "model.npz", "-", "-o", "out.csv"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    child.stdin.write("a,b\n" + "1,2\n" * 1_000_000)
    child.stdin.flush()
    # it has begun, and waits for more
    until = time.monotonic() + 20.0
    while not [name for name in os.listdir() if name.startswith(".out.csv")] and time.monotonic() < until:
        time.sleep(0.02)
    assert [name for name in os.listdir() if name.startswith(".out.csv")]
    child.send_signal(number)
    assert child.wait(20.0) == code
    assert child.stderr.read() == f"sigmax: {said}\n"
    child.stdin.close()
    child.stderr.close()
    assert (folder / "out.csv").read_text() == "old"


def in_terminal(*arguments, **environment):
    """Exit code, standard output and standard error of the command, the latter a terminal."""
    leader, follower = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "sigmax", *arguments],
        stdout=subprocess.PIPE,
        stderr=follower,
        text=True,
        env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", **environment},
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:  # Linux has no end of file here
            break
        if not chunk:
            break
        shown += chunk
    os.close(leader)
    out = done.stdout.read()
    done.stdout.close()
    return done.wait(), out, shown.decode()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_colours_are_for_terminals_and_can_be_switched_off(folder, monkeypatch):
    code, out, err = in_terminal("fit", "nowhere.csv")
    assert (code, out) == (2, "")
    assert err.startswith("sigmax: \033[1;31merror:\033[0m nowhere.csv: no such file")
    _, _, err = in_terminal("fit", "nowhere.csv", NO_COLOR="1")
    assert err.startswith("sigmax: error: nowhere.csv: no such file")
    terminal = Terminal()
    monkeypatch.delenv("NO_COLOR", raising=False)
    for term, coloured in (("xterm", True), ("dumb", False)):
        monkeypatch.setenv("TERM", term)
        assert ("\033" in output.coloured("error:", "1;31", terminal)) is coloured
        with StatusLine(terminal, quiet=0.0) as line:
            assert line.is_due is coloured
    assert output.coloured("error:", "1;31", io.StringIO()) == "error:"


SLOW = """
import sys, time
from sigmax import progress
from sigmax.data.disk.streams import Stream
from sigmax.cli import main
progress._QUIET = 0.0
whole = Stream.batches
def slow(self, columns):
    for batch in whole(self, columns):
        yield batch
        time.sleep(0.15)
Stream.batches = slow
sys.exit(main(sys.argv[1:]))
"""


def test_progress_is_a_line_that_is_erased(model, folder):
    n = 200_000
    pq.write_table(pa.table({"a": np.zeros(n), "b": np.zeros(n)}), "d.parquet")
    (folder / "slow.py").write_text(SLOW)
    leader, follower = pty.openpty()
    command = [sys.executable, "slow.py", "predict", "model.npz", "d.parquet", "-o", "out.csv"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=follower, text=True, check=True)
    os.close(follower)
    shown = os.read(leader, 65536).decode()
    os.close(leader)
    assert done.stdout == "wrote out.csv: 200,000 rows\n"
    states = shown.split("\r")
    assert states[0] == states[-1] == ""
    assert states[-2].strip() == ""
    assert "[########----------------]  33%, 65,536 rows, " in states[1]
    assert states[1].endswith(" rows/s")
    assert "196,608 rows, " in states[3]


def test_a_terminal_changes_no_document(folder):
    code, out, err = in_terminal("fit", "spector", "--json")
    assert code == 0
    # at most a line of progress, which is gone
    assert err.split("\r")[-1] == ""
    assert json.loads(out)["command"] == "fit"
