"""Code of a page in Markdown: its blocks, what its comments say that they print, the numbers in its prose."""

from __future__ import annotations

import importlib.util
import io
import re
import sys
import tokenize
from decimal import Decimal
from pathlib import Path
from types import ModuleType


def script(name: str, path: Path) -> ModuleType:
    """The script in a file, as a module of that name."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look it up
    spec.loader.exec_module(module)
    return module


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def prints(block: str) -> list[str]:
    """The comments beside `print(...)` of one line, in order; prints without a comment are not among them."""
    return re.findall(r"^print\(.*\)  # (.*)$", block, re.MULTILINE)


def says(comment: str, line: str) -> bool:
    """Whether a comment is the line that was printed, or that and words after it."""
    return comment == line or comment.startswith((line + ";", line + ","))


def uncommented(block: str) -> str:
    """The block with prints that no comment stands beside changed to bare expressions.

    What they print is for the reader; that they run is tested, too.
    """
    return re.sub(r"^print\(((?:(?!  # ).)*)\)$", r"str(\1)", block, flags=re.MULTILINE)


def check_printed(block: str, printed: str, shows: str | None) -> None:
    """Every printed line is shown: by the block of text after the code, or by a comment beside each print."""
    if shows is not None:
        assert not prints(block), "what is printed is in the block of text, not in comments, too"
        assert printed == shows, f"the page shows\n{shows}printed was\n{printed}"
        return
    lines, comments = printed.splitlines(), prints(block)
    assert len(lines) == len(comments), f"{len(lines)} lines are printed, {len(comments)} shown, in\n{block}"
    for line, comment in zip(lines, comments, strict=True):
        assert says(comment, line), f"the page shows {comment!r}, printed was {line!r}"


_NUMBER = re.compile(
    r"(?<![\w.])(?P<number>-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?)(?!\w)(?P<percent>\s?%)?"
)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_MATHS = re.compile(r"\$\$.*?\$\$|\$[^$]*\$", re.DOTALL)


def _value(number: str) -> Decimal:
    return Decimal(number.replace(",", ""))


def prose(page: str) -> str:
    """A page without code, maths, pictures, the targets of links, and years in brackets."""
    text = _FENCED.sub("", page)
    text = re.sub(r"`[^`]*`", "", text)
    text = re.sub(r"!\[[^]]*\]|\]\([^)]*\)", "", _MATHS.sub("", text))
    return re.sub(r"\((?:[^()\d]*[ ,])?(?:1[6-9]|20)\d\d\)", "", text)


def maths(page: str) -> list[str]:
    """The formulas of a page, with their dollars."""
    return _MATHS.findall(re.sub(r"`[^`]*`", "", _FENCED.sub("", page)))


def commented(code: str) -> tuple[str, str]:
    """Code without its comments, and the comments."""
    comments, lines = [], code.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
            comments.append(token.string)
    return "\n".join(lines), "\n".join(comments)


def unshown(page: str, printed: str) -> list[str]:
    """The numbers in the prose of a page, and in the comments of its code, that nothing shows.

    What shows a number is the page's code, or what it has printed.  Numbers of one digit are words, and are
    not looked at; 12 % is shown by 12 and by 0.12; 0.50 by 0.5; -0.5 is not shown by 0.5.
    """
    code, comments = commented("".join(blocks(page, "python")))
    code = re.sub(r"(?<=\d)_(?=\d)", "", code)
    shown = {_value(found["number"]) for found in _NUMBER.finditer(code + "\n" + printed)}
    missing = []
    for found in _NUMBER.finditer(prose(page).replace("\N{MINUS SIGN}", "-") + "\n" + comments):
        number = found["number"]
        value = _value(number)
        share = value / 100 if found["percent"] else value
        if not (value in shown or share in shown or re.fullmatch(r"-?\d", number)):
            missing.append(number)
    return missing
