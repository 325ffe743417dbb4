"""Write files of the present format beside this script, with what is known of each, for later versions.

    python tests/files/write_format.py

To be run once, when the format gets a version: files that are there are never written again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from files.saved import CASES, rows  # noqa: E402
from files.test_saved_tables import NEW, fitted  # noqa: E402

import sigmax as sx  # noqa: E402
from sigmax.inference.stored.writing import VERSION  # noqa: E402

OF_ARRAYS = {
    "binary": "binary",
    "text": "three classes of text",
    "separated": "three separated",
    "firth": "firth of dependent",
    "symmetric": "symmetric aliased",
    "clusters": "clusters",
}
OF_TABLES = {"table": "dropped", "formula": "transforms", "offset": "offset"}


def plain(values: np.ndarray) -> Any:
    """Numbers as lists, those that JSON does not have as text."""
    return json.loads(json.dumps(values.tolist()).replace("-Infinity", '"-inf"').replace("Infinity", '"inf"'))


def known(r: Any, X: Any, asked: Any) -> dict[str, Any]:
    """What a result says."""
    found = {
        "kind": "result",
        "params": plain(np.nan_to_num(r.params, nan=-999.0, posinf=np.inf, neginf=-np.inf)),
        "bse": plain(np.nan_to_num(r.bse, nan=-999.0)),
        "classes": r.classes.tolist(),
        "param_names": list(r.param_names),
        "llf": r.llf,
        "llnull": r.llnull,
        "X": X,
        "proba": np.asarray(r.predict_proba(asked)).tolist(),
        "lower": np.asarray(r.predict_proba(asked, 0.9).lower).tolist(),
        "repr": repr(r),
    }
    return found


def main() -> None:
    """Write what is missing."""
    path = HERE / "old_files.json"
    old = json.loads(path.read_text()) if path.exists() else {}
    for name, case in [*OF_ARRAYS.items(), *OF_TABLES.items(), ("many", "")]:
        file = HERE / f"format{VERSION}_{name}.npz"
        if file.exists():
            continue
        if name == "many":
            X, y = rows()
            m = sx.fit_many(X, y, l2=[0.5, 2.0])
            m.save(file)
            old[file.name] = {"kind": "many", "params": m.params.tolist(), "reason": list(m.reason)}
            continue
        r = fitted(case) if name in OF_TABLES else CASES[case](None)
        r.save(file)
        if name in OF_TABLES:
            asked = NEW.head(6).astype({"site": object})
            table = {str(column): asked[column].tolist() for column in asked}
            old[file.name] = known(r, table, table)
        else:
            X = rows(n=5, seed=4, p=len(r.param_names) - 1)[0]
            old[file.name] = known(r, X.tolist(), X)
    path.write_text(json.dumps(old, indent=1) + "\n")


if __name__ == "__main__":
    main()
