"""Two folders with a built sigmax.  A revision becomes a worktree of its own, built there and removed again.

A folder is taken as it is: it is neither built nor written to, its byte code goes to the temporary folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Checkout:
    """A sigmax to be measured.

    Attributes
    ----------
    given : str
        The revision or folder that the user named.
    commit : str
        Empty: a folder.
    folder : Path
    bytecode : Path
        Folder for what Python compiles.
    """

    given: str
    commit: str
    folder: Path
    bytecode: Path

    @property
    def source(self) -> Path:
        """What belongs on PYTHONPATH."""
        return self.folder / "src"


class Unusable(Exception):
    """A revision or folder cannot be measured."""


@contextmanager
def both(base: str, head: str, repository: Path) -> Iterator[tuple[Checkout, Checkout]]:
    """Checkouts of both, which exist until the end of the block.

    Raises
    ------
    Unusable
        Neither a revision of `repository` nor a folder with src/sigmax; or it cannot be built.
    """
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sigmax_compare_")))
        made: dict[str, Path] = {}
        found = []
        for name, given in (("base", base), ("head", head)):
            if Path(given).is_dir():
                folder, commit = Path(given).resolve(), ""
                if not (folder / "src" / "sigmax" / "__init__.py").exists():
                    raise Unusable(f"{name.upper()}: the folder {given} has no src/sigmax")
            else:
                commit = _commit(name, given, repository)
                # the same revision twice is built once: a comparison of a thing with itself
                if commit not in made:
                    made[commit] = stack.enter_context(_worktree(repository, commit, place / name))
                folder = made[commit]
            found.append(Checkout(given, commit, folder, place / f"bytecode_{name}"))
        yield found[0], found[1]


def _commit(name: str, given: str, repository: Path) -> str:
    command = ["git", "-C", str(repository), "rev-parse", "--verify", "--quiet", f"{given}^{{commit}}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unusable(f"{name.upper()}: {given} is neither a folder nor a revision")
    return done.stdout.strip()


@contextmanager
def _worktree(repository: Path, commit: str, folder: Path) -> Iterator[Path]:
    git = ["git", "-C", str(repository), "worktree"]
    _run([*git, "add", "--quiet", "--detach", str(folder), commit], repository, "git worktree add")
    try:
        _build(folder)
        yield folder
    finally:
        # by force: it holds what was built
        subprocess.run([*git, "remove", "--force", str(folder)], capture_output=True, check=False)


def _build(folder: Path) -> None:
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    _run(command, folder, "setup.py build_ext", {"SIGMAX_REQUIRE_EXTENSIONS": "1"})


def _run(command: list[str], folder: Path, what: str, more: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | (more or {}), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Unusable(f"{what} failed:\n{(done.stderr or done.stdout)[-2000:]}")
