"""The hash of the sources of the compiled backend; standard library only, because setup.py runs it too.

setup.py compiles the hash into the extension and writes it to ``_build.json``.  At import the two must
be equal, and in a checkout both must equal the hash of ``ext/`` as it is now: a compiled file that was
left behind by a failed or forgotten build is refused instead of used silently.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

_SUFFIXES = {".h", ".c", ".pyx", ".pxd"}


def source_hash(ext: Path) -> str:
    """Hash of names and contents of the sources below `ext`, as a C identifier: h + 16 hex digits."""
    digest = hashlib.sha256()
    for path in sorted(ext.rglob("*"), key=lambda p: p.relative_to(ext).as_posix()):
        if path.suffix in _SUFFIXES:
            digest.update(path.relative_to(ext).as_posix().encode() + b"\0")
            digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return "h" + digest.hexdigest()[:16]


def checkout_sources() -> Path | None:
    """``ext/`` of the checkout this package is imported from; None for an installed copy."""
    ext = Path(__file__).resolve().parents[3] / "ext"
    return ext if (ext / "_kernels.pyx").is_file() else None
