"""Imports point one way: a module imports from the rooms below its own, or from its own room."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import sigmax

PACKAGE = Path(sigmax.__file__).resolve().parent

#: low to high; a room is a module or a package below sigmax, and may import from those above it in this list
ROOMS = (
    # the container of files: knows nothing of what it holds
    ("archive",),
    ("kernels",),
    ("threads",),
    ("passes",),
    ("data",),
    ("functions",),
    # of a design and a table of numbers: neither the objective nor its solution
    ("identification",),
    ("objective",),
    ("solvers",),
    # does the optimum exist: asks for fits of its own
    ("existence",),
    ("inference",),
    ("estimation",),
    ("evidence",),
    ("handed_over",),
    ("firth",),
    ("fitting", "many"),
    ("paths",),
    # networks: a fit is the one with one layer
    ("layers",),
    # the doors; sigmax itself is the package's __init__ with the public names
    ("progress", "comparison", "bench", "shell", "cli", "plots", "estimators", "__main__", "sigmax"),
)
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}

#: leaves import nothing of sigmax but themselves, and are imported from
LEAVES = {
    "exceptions": {*LEVEL},
    "extras": {*LEVEL},
    "replacing": {*LEVEL},
    "version": {*LEVEL},
    "datasets": {"fitting", *ROOMS[-1]},
}

#: room -> what it may not know although it lies below: room -> what of it may be known after all
MAY_NOT_KNOW = {
    # arrays, not tables: the checks of input and nothing else
    "functions": {
        "data": {"sigmax.data.checks": {"finite", "none_of", "numbers", "plural", "position"}},
    },
    "solvers": {"data": {}},  # no X, no labels, no names
    "inference": {
        "solvers": {
            "sigmax.solvers.certificate": {"Certificate"},
            "sigmax.solvers.firth_certificate": {"Bounds", "FirthCertificate"},
        }
    },  # not how the optimum was found
}


@dataclass(frozen=True)
class Import:
    importer: str
    #: the module, as far as it is one
    module: str
    #: what is taken from it; empty for the module itself
    name: str
    line: int
    typing_only: bool

    def __str__(self):
        what = f" ({self.name})" if self.name else ""
        return f"{self.importer}:{self.line} imports {self.module}{what}"


def modules(package):
    """Name -> file of every module below the package."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def room_of(module):
    """The room of a module: what follows `sigmax.`, or `sigmax` for the package itself."""
    return module.split(".")[1] if "." in module else module


def is_typing(test):
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def imports_of(module, path, known):
    """Every import of a module of the package, those inside functions and under TYPE_CHECKING included."""
    found = []

    def visit(node, typing_only):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "sigmax":
                    found.append(Import(module, alias.name, "", node.lineno, typing_only))
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
                above = here[: len(here) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            if base.split(".")[0] == "sigmax":
                for alias in node.names:
                    whole = f"{base}.{alias.name}"
                    taken = (whole, "") if whole in known else (base, alias.name)
                    found.append(Import(module, *taken, node.lineno, typing_only))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "importlib.import_module",
            "import_module",
            "__import__",
        }:
            target = node.args[0]
            if isinstance(target, ast.Constant) and str(target.value).split(".")[0] == "sigmax":
                found.append(Import(module, target.value, "", node.lineno, typing_only))
        for field, value in ast.iter_fields(node):
            inside = typing_only or (isinstance(node, ast.If) and field == "body" and is_typing(node.test))
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    visit(child, inside)

    visit(ast.parse(path.read_text()), False)
    return found


def may_know_after_all(one):
    """Whether the name is one of those that the rule of the two rooms lets through."""
    exceptions = MAY_NOT_KNOW[room_of(one.importer)][room_of(one.module)]
    return one.name in exceptions.get(one.module, ())


def complaints(found):
    """What the rules have against the imports."""
    for one in found:
        mine, theirs = room_of(one.importer), room_of(one.module)
        if mine == theirs:
            continue
        if mine in LEAVES:
            yield f"{one}: {mine} is a leaf"
        elif theirs in LEAVES:
            if mine not in LEAVES[theirs]:
                yield f"{one}: {mine} may not import {theirs}"
        elif mine not in LEVEL or theirs not in LEVEL:
            yield f"{one}: no such room"
        elif LEVEL[theirs] > LEVEL[mine]:
            yield f"{one}: {theirs} lies above {mine}"
        elif theirs in MAY_NOT_KNOW.get(mine, {}) and not may_know_after_all(one):
            yield f"{one}: {mine} may not know of {theirs}"


def cycles(found):
    """Modules that import each other at run time, as chains; imports for types alone are left out."""
    graph = {}
    for one in found:
        if not one.typing_only and one.importer != one.module:
            graph.setdefault(one.importer, set()).add(one.module)
    done, chains = set(), []

    def walk(module, chain):
        if module in chain:
            chains.append([*chain[chain.index(module) :], module])
        elif module not in done:
            for other in sorted(graph.get(module, ())):
                walk(other, [*chain, module])
            done.add(module)

    for module in sorted(graph):
        walk(module, [])
    return chains


def everything(package):
    known = modules(package)
    return [one for module, path in known.items() for one in imports_of(module, path, known)]


# -- the package -------------------------------------------------------------------------------------


def test_every_module_has_a_room():
    rooms = {room_of(module) for module in modules(PACKAGE)}
    assert rooms <= LEVEL.keys() | LEAVES.keys()
    # the list names what there is, but for doors still to be built
    assert LEVEL.keys() - rooms <= {*ROOMS[-1]}
    assert LEAVES.keys() <= rooms


def test_imports_point_one_way():
    found = everything(PACKAGE)
    assert len(found) > 30  # the walk sees them
    assert list(complaints(found)) == []


def test_no_module_imports_itself_by_a_detour():
    assert cycles(everything(PACKAGE)) == []


# -- the rules, on packages that break them ----------------------------------------------------------


def package_of(folder, **files):
    """A package `sigmax` in `folder`: names with __ for dots, contents."""
    root = folder / "sigmax"
    for name, text in ({"": ""} | files).items():
        parts = name.split("__") if name else []
        leaf = root.joinpath(*parts[:-1], f"{parts[-1]}.py") if parts else root / "__init__.py"
        leaf.parent.mkdir(parents=True, exist_ok=True)
        leaf.write_text(text)
    return root


BREACHES = {
    # wanted in the complaint: the files
    "objective lies above passes": {"passes": "import sigmax.objective", "objective": ""},
    "threads lies above kernels": {"kernels__a": "from sigmax import threads", "threads": ""},
    "(resolve): threads lies above kernels": {
        "kernels__a": "from sigmax.threads import resolve",
        "threads": "",
    },
    "sigmax.threads: threads lies above kernels": {"kernels__a": "from .. import threads", "threads": ""},
    "a:2 imports sigmax.threads (resolve)": {"kernels__a": "\nfrom ..threads import resolve", "threads": ""},
    "a:2 imports sigmax.fitting (fit)": {
        "data__a": "def f():\n    from sigmax.fitting import fit",
        "fitting": "",
    },
    "inference lies above data": {
        "data__a": "if TYPE_CHECKING:\n    from sigmax.inference.b import R",
        "inference__b": "",
    },
    "a:2 imports sigmax.cli: cli": {"data__a": "try:\n    import sigmax.cli\nexcept E:\n    pass", "cli": ""},
    "a:1 imports sigmax.cli: cli": {"data__a": "importlib.import_module('sigmax.cli')", "cli": ""},
    "sigmax lies above fitting": {"fitting": "from sigmax import __version__"},
    "solvers may not know of data": {"solvers__a": "from sigmax.data.b import X", "data__b": ""},
    "functions may not know of data": {"functions__a": "from sigmax.data.b import X", "data__b": ""},
    "objective lies above functions": {"functions__a": "import sigmax.objective", "objective": ""},
    "sigmax.solvers.newton: inference may not know of solvers": {
        "inference__a": "from sigmax.solvers import newton",
        "solvers__newton": "",
    },
    "(certify): inference may not know of solvers": {
        "inference__a": "from sigmax.solvers.certificate import certify",
        "solvers__certificate": "",
    },
    "sigmax.solvers.certificate: inference may not know of solvers": {
        "inference__a": "import sigmax.solvers.certificate",
        "solvers__certificate": "",
    },
    "exceptions is a leaf": {"exceptions": "from sigmax import threads", "threads": ""},
    "datasets is a leaf": {"datasets__a": "from sigmax.kernels import Float", "kernels__b": ""},
    "may not import datasets": {"objective": "from sigmax import datasets", "datasets": ""},
    "no such room": {"cli": "from sigmax.attic import x", "attic": ""},
}


@pytest.mark.parametrize(("wanted", "files"), BREACHES.items())
def test_a_breach_is_found(tmp_path, wanted, files):
    [found] = complaints(everything(package_of(tmp_path, **files)))
    assert wanted in found


@pytest.mark.parametrize(
    "files",
    [
        {
            "cli": "from sigmax import bench, comparison, datasets",
            "comparison": "",
            "bench": "",
            "datasets": "",
        },
        {"inference__a": "from sigmax.solvers.certificate import Certificate", "solvers__certificate": ""},
        {"functions__a": "from sigmax.data.checks import finite", "data__checks": ""},
        {"kernels__a": "from sigmax.exceptions import W", "exceptions": ""},
        {"data__a": "from .b import X\nfrom . import b", "data__b": ""},
        {"fitting": "import sigmax.kernels.reference", "kernels__reference": ""},
    ],
)
def test_what_is_allowed_is_not_complained_of(tmp_path, files):
    found = everything(package_of(tmp_path, **files))
    assert found
    assert list(complaints(found)) == []


def test_a_cycle_is_found(tmp_path):
    root = package_of(
        tmp_path,
        data__a="from sigmax.data import b",
        data__b="def late():\n    from sigmax.data.c import x",
        data__c="import sigmax.data.a",
        data__d="if TYPE_CHECKING:\n    from sigmax.data import e",
        data__e="from sigmax.data.d import x",
    )
    assert cycles(everything(root)) == [["sigmax.data.a", "sigmax.data.b", "sigmax.data.c", "sigmax.data.a"]]


# -- what an import costs ----------------------------------------------------------------------------

#: imported where they are used: `import sigmax` stays light
LAZY = (
    "formulaic",
    "matplotlib",
    "mpmath",
    "narwhals",
    "onnx",
    "pandas",
    "pyarrow",
    "rich",
    "scipy.optimize",
    "scipy.sparse",
    "scipy.special",
    "scipy.stats",
    "sklearn",
    "statsmodels",
)


def loaded(code):
    """Modules that are loaded after `code`, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_loads_nothing_heavy():
    assert loaded("import sigmax") & set(LAZY) == set()


def test_import_alone_loads_no_room_and_no_numpy():
    assert {m for m in loaded("import sigmax") if m.startswith(("sigmax.", "numpy"))} == set()


def test_every_public_name_is_found_and_nothing_else():
    for name in sigmax.__all__:
        assert getattr(sigmax, name) is not None
    assert set(sigmax.__all__) <= set(dir(sigmax))
    with pytest.raises(AttributeError, match="no attribute 'ft'"):
        _ = sigmax.ft


@pytest.mark.parametrize("name", ["spector", "anes96"])
def test_data_frames_and_tables_need_no_statsmodels(name):
    pytest.importorskip("pandas")
    code = (
        "import sys; sys.modules['statsmodels'] = None\n"
        f"import sigmax as sx; d = sx.datasets.load({name!r}); r = sx.fit(d.X, d.y)\n"
        "r.to_frame(odds_ratios=True); r.summary()._repr_html_()\n"
        "[x.__maketables_coef_table__ for x in (r, *r.to_list())]"
    )
    assert not {m for m in loaded(code) if m.startswith("statsmodels.")}


def test_a_fit_and_its_summary_load_nothing_heavy_either():
    # scipy.special is what p-values are computed with; an older scipy.linalg brings scipy.sparse
    code = (
        "import sigmax as sx; d = sx.datasets.load(sx.datasets.names()[0])\n"
        "r = sx.fit(d.X, d.y); r.bse; r.conf_int(); str(r.summary())\n"
        "r.summary(odds_ratios=True)._repr_html_(); r._repr_html_(); repr(r)"
    )
    assert loaded(code) & set(LAZY) <= {"scipy.special", "scipy.sparse"}
