"""The parts of the full benchmark: their files, and what every part of them has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parts import PARTS

Document = dict[str, Any]

#: error, in standard errors, within which an answer counts as the optimum
WANTED = 1e-6
#: an answer further away than this is none
NO_ANSWER = 1.0
#: sigmax's own answers are held to this
OUR_ERROR = 1e-9
#: without which a document is none of the part
_NEEDED = {
    "problems": ("problems",),
    "speed": ("rows",),
    "curves": ("problems",),
    "roofline": ("limits", "points"),
    "scaling": ("series", "memory"),
}
#: of every document
_HEAD = ("part", "date", "threads", "tiny", "environment", "libraries", "conditions")


def read(folder: Path) -> dict[str, Document]:
    """The documents that are in a folder, by part.

    Raises
    ------
    ValueError
        A file is no JSON, or not that of its part.
    """
    found = {}
    for name, part in PARTS.items():
        file = folder / part.file
        if file.exists():
            try:
                document = json.loads(file.read_text())
            except ValueError as error:
                raise ValueError(f"{file.name} must be JSON; {error}") from None
            found[name] = checked(name, document, file.name)
    return found


def checked(name: str, document: Any, file: str) -> Document:
    """The document, which has every entry of a head and those of its part."""
    lacks = [key for key in (*_NEEDED[name], *_HEAD) if key not in _mapping(document)]
    if lacks:
        raise ValueError(f"{file} must have the entries of the part {name}; it lacks {', '.join(lacks)}")
    if document["part"] != name:
        raise ValueError(f"{file} must be of the part {name}; it is of {document['part']}")
    return dict(document)


def _mapping(document: Any) -> Mapping[str, Any]:
    return document if isinstance(document, dict) else {}


def warning(document: Document) -> str:
    """What takes the worth from a run, in front of a title: a picture goes its own ways."""
    if document["tiny"]:
        return "TINY, says nothing: "
    conditions = document["conditions"]
    if conditions.get("busy"):
        return "BUSY MACHINE: "
    return "PROCESSOR SLOWED DOWN: " if conditions.get("slowed") else ""


def version(document: Document, peer: str) -> str:
    """Of the library that a peer belongs to; empty where the document does not say."""
    said = {**document["libraries"], **document["environment"]}
    known = {name: text for name, text in said.items() if isinstance(text, str)}
    if peer in said:
        return known.get(peer, "")
    words = peer.removeprefix("loop over ").replace("::", " ")
    fitting = [name for name in known if words == name or words.startswith((name + " ", name + "-"))]
    return known[max(fitting, key=len)] if fitting else ""
