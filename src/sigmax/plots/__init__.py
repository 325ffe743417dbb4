"""Pictures of fits, as displays in the manner of scikit-learn's.  Needs matplotlib: extra ``plot``.

Each display is made by a class method such as ``ForestDisplay.from_result(result, ax=None)``, which draws and
returns the display.  What was drawn is in its attributes, so that it can be drawn again elsewhere with
``plot(ax=...)``; ``ax_`` and ``figure_`` are the axes and the figure of the last drawing.
"""

from __future__ import annotations

__all__: list[str] = []
