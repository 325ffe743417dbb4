"""How all figures look: two themes, a colour for each library, SVG of the same bytes each time.

Colours follow Okabe and Ito, lighter on a dark ground; colour-blind readers tell them apart, and every line
and bar is named where it ends.  Within a theme all are different, so that the page can put variables in their
places (see `inlined`) and one picture serves both themes.

matplotlib is imported when something is drawn.
"""

from __future__ import annotations

import functools
import io
import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sigmax import extras

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Theme = dict[str, str]
Paint = Callable[["Figure", Theme], None]

#: width of every figure in inches: that of a README, where a point is a point
WIDTH = 8.6
#: comes with matplotlib: the same picture everywhere
FONT = "DejaVu Sans"
#: of text, in points
SMALL, NORMAL, LARGE = 8.5, 9.0, 11.0

#: name -> light, dark
_COLOURS = {
    "ink": ("#24292f", "#e6edf3"),
    "soft": ("#59636e", "#9198a1"),
    "faint": ("#d8dee4", "#30363d"),
    "background": ("#ffffff", "#0d1117"),
    "sigmax": ("#d55e00", "#ff7b33"),
    "sklearn": ("#0072b2", "#4c9ff0"),
    "intelex": ("#b58900", "#f0d050"),
    "glum": ("#009e73", "#2fc89b"),
    "statsmodels": ("#c2679a", "#f090c4"),
    "skglm": ("#3a9fd8", "#a8dcff"),
    "firthmodels": ("#8c564b", "#c89f90"),
    "torch": ("#6a4bb5", "#b095ff"),
    "r": ("#3d4f5c", "#b4c4d0"),
    "twin": ("#94806a", "#b9a78f"),
    "other": ("#7d7d7d", "#9d9d9d"),
}
THEMES: dict[str, Theme] = {
    "light": {name: pair[0] for name, pair in _COLOURS.items()},
    "dark": {name: pair[1] for name, pair in _COLOURS.items()},
}
#: how names of a library's peers begin -> its colour and its name; the first that fits
_LIBRARIES = (
    ("sigmax reference", "twin", "sigmax reference"),
    ("sigmax", "sigmax", "sigmax"),
    ("scikit-learn-intelex", "intelex", "scikit-learn-intelex"),
    ("scikit-learn", "sklearn", "scikit-learn"),
    ("glum", "glum", "glum"),
    ("loop over statsmodels", "statsmodels", "statsmodels"),
    ("statsmodels", "statsmodels", "statsmodels"),
    ("skglm", "skglm", "skglm"),
    ("firthmodels", "firthmodels", "firthmodels"),
    ("torch", "torch", "torch"),
    ("R", "r", "R"),
)


def _known(peer: str) -> tuple[str, str, str] | None:
    fits = (entry for entry in _LIBRARIES if peer == entry[0] or peer.startswith(entry[0] + " "))
    return next(fits, None)


def colour(peer: str, theme: Theme) -> str:
    """Of the library that a peer belongs to."""
    found = _known(peer)
    return theme[found[1] if found else "other"]


def library(peer: str) -> str:
    """The library that a peer belongs to: itself where it is not known."""
    found = _known(peer)
    return found[2] if found else peer


def configuration(peer: str) -> str:
    """What distinguishes a peer from others of its library."""
    found = _known(peer)
    if found is None or peer == found[0]:
        return ""
    return ("loop over " if peer.startswith("loop") else "") + peer[len(found[0]) + 1 :]


# -- a figure ----------------------------------------------------------------------------------


def matplotlib() -> Any:
    """The library, or the error that says how to get it.

    Raises
    ------
    ImportError
        It is not installed.
    """
    return extras.load("matplotlib", extra="plot", what="the report of the benchmark")


def svg(paint: Paint, theme: Theme, height: float, width: float = WIDTH) -> str:
    """What `paint` draws on an empty figure, as SVG whose bytes depend on nothing else.

    Parameters
    ----------
    paint : callable
        Is given the figure and the theme.
    theme : dict
        Of `THEMES`.
    height, width : float
        Inches.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    """
    mpl = matplotlib()
    from matplotlib.figure import Figure

    style = {
        "svg.hashsalt": "sigmax", "svg.fonttype": "path", "text.parse_math": False,
        "font.family": FONT, "font.size": NORMAL, "figure.dpi": 72, "hatch.linewidth": 0.7,
        "text.color": theme["ink"], "axes.labelcolor": theme["ink"], "axes.edgecolor": theme["faint"],
        "axes.facecolor": theme["background"], "xtick.color": theme["ink"], "ytick.color": theme["ink"],
        "xtick.labelsize": SMALL, "ytick.labelsize": SMALL, "axes.labelsize": NORMAL,
        "axes.unicode_minus": False, "lines.solid_capstyle": "round",
    }  # fmt: skip
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(style)
        figure = Figure(figsize=(width, height), facecolor=theme["background"])
        paint(figure, theme)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def axes(figure: Figure, theme: Theme, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place in inches, with nothing but a thin grid."""
    across, up = figure.get_size_inches()
    ax = figure.add_axes((left / across, bottom / up, width / across, height / up))
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0, which="both")
    ax.grid(color=theme["faint"], linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def heading(figure: Figure, theme: Theme, finding: str, detail: str = "") -> float:
    """The finding above a figure, and what has to be known to read it; inches that they take."""
    _, up = figure.get_size_inches()
    top = 0.1
    for text, size, weight, shade in ((finding, LARGE, "bold", "ink"), (detail, SMALL, "normal", "soft")):
        for line in wrapped(text, size, bold=weight == "bold"):
            figure.text(
                0.1 / WIDTH, 1.0 - top / up, line, size=size, weight=weight, color=theme[shade], va="top"
            )
            top += 1.38 * size / 72.0
        top += 0.03
    return top


def heading_inches(finding: str, detail: str = "") -> float:
    """What `heading` will take."""
    lines, small = len(wrapped(finding, LARGE, bold=True)), len(wrapped(detail, SMALL))
    return 0.16 + 1.38 * (LARGE * lines + SMALL * small) / 72.0


def wrapped(text: str, size: float, *, bold: bool = False, inches: float = WIDTH - 0.2) -> list[str]:
    """Lines that are no wider than that."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold=bold) <= 72.0 * inches:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@functools.cache
def text_width(text: str, size: float = SMALL, *, bold: bool = False) -> float:
    """Points."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family=FONT, weight="bold" if bold else "normal")))
    font.set_size(size, 72.0)
    font.set_text(text, 0.0)
    return float(font.get_width_height()[0]) / 64.0


def cut(text: str, points: float, size: float = SMALL, *, bold: bool = False) -> str:
    """The text, or as much of it as takes no more than that."""
    while len(text) > 4 and text_width(text, size, bold=bold) > points:
        text = text.removesuffix("...")[:-1].rstrip(" ,") + "..."
    return text


def room(
    first: float, last: float, inches: float, names: Sequence[str], *, bold: bool = True
) -> tuple[float, float]:
    """Limits of a logarithmic axis that leave room for names right of the last point.

    Parameters
    ----------
    first, last : float
        Of what is drawn.
    inches : float
        Of the axis.
    names : sequence of str
    bold : bool
        Whether they may be bold.
    """
    wide = max((text_width(name, bold=bold) for name in names), default=0.0) + 12.0
    left = 8.0
    span = math.log10(last / first) or 0.3
    points = max(72.0 * inches - wide - left, 36.0)
    return first / 10 ** (span * left / points), last * 10 ** (span * wide / points)


# -- in a page ---------------------------------------------------------------------------------

_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_VARIABLES = {shade: name for name, shade in THEMES["light"].items()}


def inlined(drawn: str, key: str, label: str) -> str:
    """A light SVG as part of a page: own ids, colours that follow the page's theme, no prologue.

    Parameters
    ----------
    drawn : str
        What `svg` made in the light theme.
    key : str
        Letters, digits, "-" and "_": begins every id.
    label : str
        For readers who do not see it; already escaped.
    """
    text = drawn[drawn.index("<svg") :]
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{key}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'href="#', f'href="#{key}-', text)
    text = re.sub(r"url\(#", f"url(#{key}-", text)
    text = re.sub(
        r' style="([^"]*)"',
        lambda m: f' style="{_COLOUR.sub(_variable, m[1])}"',
        text,
    )
    head, _, rest = text.partition(">")
    head = re.sub(r' (?:width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{label}">{rest}'


def _variable(found: re.Match[str]) -> str:
    return f"var(--{_VARIABLES[found[0]]})" if found[0] in _VARIABLES else found[0]


def variables(theme: str) -> str:
    """The colours of a theme as CSS."""
    return "".join(f"--{name}:{shade};" for name, shade in THEMES[theme].items())
