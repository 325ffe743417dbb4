"""Arrays with one value a row as columns of the library that the rows came from, under their index."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.data.tabular.tables import Origin


def series(origin: Origin | None, values: npt.NDArray[Any], name: str) -> Any:
    """Values of n rows as a Series; as they are where the rows came as an array.

    Parameters
    ----------
    origin : Origin or None
        Where the rows came from.
    values : ndarray of shape (n,)
    name : str
        Of the Series.

    Returns
    -------
    ndarray, or Series of the library
        Of pandas with the index of the rows; of pyarrow a ChunkedArray, which has no name.
    """
    if origin is None:
        return values
    if origin.backend is None:
        import pandas as pd

        return pd.Series(values, index=origin.index, name=name, copy=False)
    import narwhals.stable.v2 as nw

    made = nw.new_series(name, _cells(values), backend=origin.backend)
    return _finished(made, origin)


def frame(origin: Origin | None, values: npt.NDArray[Any], names: Iterable[Any]) -> Any:
    """Values of n rows and several columns as a DataFrame; as they are where the rows came as an array.

    Parameters
    ----------
    origin : Origin or None
    values : ndarray of shape (n, q)
    names : iterable of length q
        Of the columns: as they are in pandas, as text elsewhere.
    """
    if origin is None:
        return values
    if origin.backend is None:
        import pandas as pd

        return pd.DataFrame(values, index=origin.index, columns=_index(names), copy=False)
    return columns(origin, {str(name): values[:, j] for j, name in enumerate(names)})


def columns(origin: Origin | None, found: dict[str, npt.NDArray[Any]]) -> Any:
    """Columns of n rows as a DataFrame: of pandas where the rows came as an array."""
    if origin is None or origin.backend is None:
        import pandas as pd

        return pd.DataFrame(found, index=None if origin is None else origin.index)
    import narwhals.stable.v2 as nw

    cells = {name: _cells(values) for name, values in found.items()}
    return _finished(nw.from_dict(cells, backend=origin.backend), origin)


def _index(names: Iterable[Any]) -> Any:
    """Names of columns in pandas; tuples stay one name."""
    import pandas as pd

    labels = [getattr(name, "item", lambda name=name: name)() for name in names]
    return pd.Index(labels, tupleize_cols=False)


def _cells(values: npt.NDArray[Any]) -> Any:
    """What every library makes a column of its own type of."""
    return values.tolist() if values.dtype.kind in "OUT" else np.ascontiguousarray(values)


def _finished(made: Any, origin: Origin) -> Any:
    native = made.to_native()
    if origin.index is not None:
        # as pandas and its likes have it; modin takes an index through no method that narwhals calls
        native.index = origin.index
    return native
