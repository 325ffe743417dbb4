"""R as a peer: one process for each method that stays alive between rounds, so that starting it is not timed.

Data go over in a binary file when the problem is handed over.  A fit is timed by R itself, with Sys.time()
around the call alone: the way to R and back costs the harness's clock, and not R's.

R has the BLAS that it was built or linked with, which the version names.  Debian's own, libblas, is the
reference implementation on one thread whatever the threads of the others; only another BLAS changes that.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from problems import Problem

from libraries.base import Answer, Peer, at_most, line, lines

_WORKER = Path(__file__).with_name("r_worker.R")
_BASE = ("base", "stats")
#: asks for a version of each package: a line of R's, one of BLAS's, and one for each of them
_QUESTION = """
cat(as.character(getRversion()), "\\n", basename(extSoftVersion()[["BLAS"]]), "\\n", sep = "")
for (p in commandArgs(trailingOnly = TRUE))
  cat(if (requireNamespace(p, quietly = TRUE)) as.character(packageVersion(p)) else "", "\\n", sep = "")
"""


def _environment() -> dict[str, str]:
    # messages in English, numbers with a point
    return os.environ | {"LC_ALL": "C", "LANGUAGE": "en"}


@functools.cache
def versions(package: str) -> tuple[str, str, str] | None:
    """Of R, its BLAS, and a package ("" where it is missing); None without R."""
    program = shutil.which("Rscript")
    if program is None:
        return None
    command = [program, "--vanilla", "-e", _QUESTION, package]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
    if done.returncode != 0:
        return None
    r, blas, found = done.stdout.split("\n")[:3]
    return r, blas, found


class Session:
    """A worker and the problem that it was given; `close` ends it."""

    def __init__(self, method: str) -> None:
        program = shutil.which("Rscript")
        if program is None:
            raise FileNotFoundError("R is missing: no Rscript on the path")
        # in a file, which `close` closes: a pipe that nobody reads would fill
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the session
        self._process = subprocess.Popen(
            [program, "--vanilla", str(_WORKER), method],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            env=_environment(),
        )

    def ask(self, *words: str) -> list[str]:
        """Words of its answer.

        Raises
        ------
        RuntimeError
            What R complained of, or that it ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write("\t".join(words) + "\n")
            self._process.stdin.flush()
            # what a package prints is not an answer
            while (said := self._process.stdout.readline()) != "":
                kind, *rest = said.rstrip("\n").split("\t")
                if kind == "ok":
                    return rest
                if kind == "error":
                    raise RuntimeError(f"R: {line(' '.join(rest))}")
        except BrokenPipeError:
            pass
        self._complaints.seek(0)
        last = self._complaints.read().decode(errors="replace").strip().split("\n")[-1]
        raise RuntimeError(f"R ended: {line(last)}")

    def load(self, problem: Problem) -> None:
        """Hand over the data in a file that lives as long as that takes."""
        n, p = problem.X.shape
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data"
            with path.open("wb") as file:
                np.ones(n).tofile(file)
                # a column at a time: no second copy of X
                for column in problem.X.T:
                    np.ascontiguousarray(column).tofile(file)
                problem.y.astype(np.int32).tofile(file)
            self.ask("load", str(path), str(n), str(p))

    def fit(self, tolerance: float, iterations: int | None = None) -> Answer:
        """What it finds, and how long it took by its own clock."""
        seconds, converged, rows, numbers, *warned = self.ask(
            "fit", repr(tolerance), str(at_most(iterations))
        )
        coef = np.array([np.nan if word == "NA" else float.fromhex(word) for word in numbers.split()])
        return Answer(
            coef.reshape(int(rows), -1),
            warned=lines([text for text in warned if text]),
            converged=converged == "TRUE",
            seconds=float(seconds),
        )

    def close(self) -> None:
        """End the process, which frees its memory."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            # what was never sent, to one that has ended
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._complaints.close()


class Method:
    """One method in R, with the session of the problem at hand.

    Parameters
    ----------
    method : str
        As the worker calls it.
    package : str
        That must be there.
    """

    def __init__(self, method: str, package: str) -> None:
        self._method, self._package = method, package
        self._session: Session | None = None

    def lacks(self) -> str:
        """Why it cannot be run."""
        found = versions(self._package)
        if found is None:
            return "R is missing (no Rscript that runs)"
        return "" if found[2] else f"R's package {self._package} is missing"

    def version(self) -> str | None:
        """Of R, the package and BLAS."""
        found = versions(self._package)
        if found is None or not found[2]:
            return None
        package = "" if self._package in _BASE else f", {self._package} {found[2]}"
        return f"{found[0]}{package}, {found[1]}"

    def hand_over(self, problem: Problem) -> tuple[Any, Any]:
        """A new session that holds the data, in the place of X."""
        self.release()
        self._session = Session(self._method)
        self._session.load(problem)
        return self._session, None

    def release(self) -> None:
        """End the session, if there is one."""
        if self._session is not None:
            self._session.close()
            self._session = None

    @staticmethod
    def solve(X: Any, y: Any, l2: float, tolerance: float, iterations: int | None) -> Answer:
        answer: Answer = X.fit(tolerance, iterations)
        return answer

    def peer(self, name: str, distribution: str, **rest: Any) -> Peer:
        """The peer; `rest` as `Peer`."""
        return Peer(
            name,
            distribution,
            (),
            self.solve,
            penalty=False,
            hand_over=self.hand_over,
            lacks=self.lacks,
            says_version=self.version,
            release=self.release,
            own_clock=True,
            **rest,
        )
