"""What commands write: words in colour, JSON documents, lines of progress."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TextIO

import numpy as np

import sigmax

#: version of the JSON documents; raised where a key goes or changes its meaning, not where one comes
SCHEMA = 1


def is_lively(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can rewrite a line."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def coloured(text: str, code: str, stream: TextIO) -> str:
    """`text` in a colour where `stream` is a terminal, and NO_COLOR is not set (https://no-color.org)."""
    if not is_lively(stream) or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{code}m{text}\033[0m"


def one_line(text: str) -> str:
    """`text` without its line breaks."""
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def plain(value: object) -> Any:
    """`value` as JSON has it.

    A float keeps every bit: it is written with the digits of repr.  JSON knows neither infinity nor nan:
    infinite numbers become the strings "inf" and "-inf", which say something, and nan, which stands for no
    number, becomes null.
    """
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, np.generic):
        item = value.item()
        return str(value) if item is value else plain(item)
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else ("inf" if value > 0.0 else "-inf")
    if isinstance(value, np.ndarray):
        return [plain(one) for one in value] if value.ndim else plain(value[()])
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return str(value)


def document(command: str, content: Mapping[str, object]) -> str:
    """The JSON document of a command: its name, the versions, and `content`."""
    whole = {"schema": SCHEMA, "command": command, "sigmax": sigmax.__version__, **content}
    return json.dumps(plain(whole), indent=2, ensure_ascii=False, allow_nan=False)
