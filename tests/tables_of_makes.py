"""One table in every make that is installed, for tests of tables without a formula."""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

N = 150
#: name -> what makes the table of a pandas DataFrame
MAKES = {
    "pandas": lambda df: df,
    "pandas nullable": lambda df: df.convert_dtypes(),
    "pandas pyarrow": lambda df: df.convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda df: pl.from_pandas(df.reset_index(drop=True)),
    "pyarrow": lambda df: pa.Table.from_pandas(df, preserve_index=False),
    "mapping": lambda df: {name: df[name] for name in df},
    "records": lambda df: df.assign(race=df["race"].astype(str)).to_records(index=False),
}
FRAMES = ("pandas", "pandas nullable", "pandas pyarrow", "polars", "pyarrow")


def people():
    """Columns of every kind, labels and weights, under an index that repeats and has no order."""
    rng = np.random.default_rng(11)
    frame = pd.DataFrame(
        {
            "age": rng.normal(40.0, 10.0, N).round(1),
            "visits": rng.integers(0, 9, N),
            "race": pd.Categorical(rng.choice(["black", "other", "white"], N)),
            "smoke": rng.integers(0, 2, N).astype(bool),
            "site": rng.choice(["north", "south"], N),
            "low": rng.choice(["no", "yes"], N),
            "w": rng.integers(1, 4, N).astype(float),
        }
    )
    return frame.set_index(pd.Index(rng.permutation(N) // 2, name="id"))


#: the columns that explain
EXPLAIN = ["age", "visits", "race", "smoke", "site"]
NAMES = ("age", "visits", "race[T.other]", "race[T.white]", "smoke", "site[T.south]")


def by_hand(df):
    """The design of `EXPLAIN`."""
    columns = [df["age"], df["visits"], df["race"] == "other", df["race"] == "white", df["smoke"]]
    return np.column_stack([*columns, df["site"] == "south"]).astype(float)


def same(found, expected):
    """Two fits with the same bits."""
    np.testing.assert_array_equal(found.params, expected.params)
    np.testing.assert_array_equal(found.covariance, expected.covariance)
    assert found.llf == expected.llf
    assert found.classes.tolist() == expected.classes.tolist()


def decimals(values):
    """Decimals of Python."""
    return [Decimal(str(value)) for value in values]
