"""Libraries that only some doors need: imported on demand; a missing one is named with its extra."""

from __future__ import annotations

import importlib
from typing import Any


def load(module: str, *, extra: str, what: str) -> Any:
    """Import a module of an optional library.

    Parameters
    ----------
    module : str
        Its dotted name.
    extra : str
        The extra of sigmax that installs the library.
    what : str
        What needs it, as the message begins.

    Raises
    ------
    ImportError
        The library is not installed: the message says what needs it and how to install it.

    Examples
    --------
    >>> load("no_such_library.part", extra="plot", what="ForestDisplay")
    Traceback (most recent call last):
        ...
    ImportError: ForestDisplay needs no_such_library; install it with: pip install 'sigmax[plot]'
    """
    library = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != library:
            raise  # it is there, and something that it needs is not
        raise ImportError(
            f"{what} needs {library}; install it with: pip install 'sigmax[{extra}]'", name=library
        ) from None
