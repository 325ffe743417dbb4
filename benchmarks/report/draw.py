"""Figures and one page from what the parts of the full benchmark wrote.

    python benchmarks/report/draw.py DIR

reads the JSON files of DIR that the parts have written, as many as there are (parts.py), and writes beside
them report.html, the README's table speed.md, and figures, light and dark: speed, curves of each problem,
roofline, scaling.  The same documents give the same bytes.  Needs matplotlib: extra ``plot``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

# a script, and a module of benchmarks/report/__main__.py: both find what lies beside it
sys.path.insert(0, str(Path(__file__).resolve().parent))

import bars
import documents
import draw_curves
import draw_roofline
import draw_scaling
import draw_speed
import look
import page
from parts import PARTS

Picture = Callable[[look.Theme], str]


def pictures(found: Mapping[str, documents.Document]) -> tuple[dict[str, Picture], str]:
    """Key -> what draws it in a theme; and why there is no figure of speed, where there is none."""
    made: dict[str, Picture] = {}
    refused = ""
    if "speed" in found:
        try:
            bars.bars(found["speed"])
            warning = documents.warning(found["speed"])
            made["speed"] = partial(draw_speed.picture, found["speed"], warning=warning)
        except ValueError as error:
            refused = str(error)
    if "curves" in found:
        warning = documents.warning(found["curves"])
        for name, problem in draw_curves.names(found["curves"]).items():
            made[f"curves-{name}"] = partial(draw_curves.picture, problem, warning=warning)
    if "roofline" in found and found["roofline"]["points"]:
        warning = documents.warning(found["roofline"])
        made["roofline"] = partial(draw_roofline.picture, found["roofline"], warning=warning)
    if "scaling" in found and draw_scaling.panels(found["scaling"]):
        warning = documents.warning(found["scaling"])
        made["scaling"] = partial(draw_scaling.picture, found["scaling"], warning=warning)
    return made, refused


def _old(folder: Path) -> list[Path]:
    """What was drawn into a folder before: beside a new report it would pass for a part of it."""
    found = [folder / "speed.md"]
    for name in look.THEMES:
        found += [folder / f"{key}-{name}.svg" for key in ("speed", "roofline", "scaling")]
        found += sorted(folder.glob(f"curves-*-{name}.svg"))
    return [file for file in found if file.is_file()]


def write(folder: Path) -> list[Path]:
    """Draw what there is in a folder, into it, in the place of what was drawn before.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of Path
        The files that were written, report.html last.

    Raises
    ------
    ValueError
        There is no document, or one that cannot be read.
    ImportError
        matplotlib is not installed.
    """
    look.matplotlib()
    found = documents.read(folder)
    if not found:
        names = ", ".join(part.file for part in PARTS.values())
        raise ValueError(f"{folder} must have one at least of {names}; it has none")
    files: dict[str, str] = {}
    light: dict[str, str] = {}
    made, refused = pictures(found)
    for key, picture in made.items():
        for name, theme in look.THEMES.items():
            files[f"{key}-{name}.svg"] = picture(theme)
        light[key] = files[f"{key}-light.svg"]
    if "speed" in made:
        files["speed.md"] = bars.table_markdown(found["speed"]) + "\n"
    files["report.html"] = page.page(found, light, refused)
    for old in _old(folder):
        old.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def main(given: list[str] | None = None) -> int:
    about = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python benchmarks/report/draw.py", description=about)
    parser.add_argument("folder", type=Path, metavar="DIR", help="of the documents, and for what is drawn")
    options = parser.parse_args(given)
    if not options.folder.is_dir():
        parser.error(f"DIR must be a folder; got {options.folder}")
    try:
        for file in write(options.folder):
            print(file)
    except (ValueError, ImportError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
