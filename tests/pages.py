"""Code of a page in Markdown: its blocks, and what its comments say that they print."""

from __future__ import annotations

import re


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
