"""Both backends fulfil interface.Kernels and offer nothing beside it; the stub describes the same."""

import ast
import inspect
from pathlib import Path

import pytest

from sigmax import kernels
from sigmax.kernels import interface, reference

#: the file of the stub lies beside the modules, in a checkout and in an installed copy
STUB = Path(kernels.__file__).with_name("_kernels.pyi")

OPERATIONS = {
    name: member
    for name, member in vars(interface.Kernels).items()
    if inspect.isfunction(member) and not name.startswith("_")
}
#: BACKEND, ISA, ...: annotated, without a value
ATTRIBUTES = {
    name: kind for name, kind in inspect.get_annotations(interface.Kernels).items() if name[0] != "_"
}
#: what a backend may hold beside the contract: the compiled one, the hash its build is checked by
EXTRA_ATTRIBUTES = {"compiled": {"SOURCE_HASH", "ISAS"}, "reference": set()}


def shape_of(function, *, method=False):
    """(name, kind, default) of each parameter, in order; a method's `self` is left out."""
    parameters = list(inspect.signature(function).parameters.values())[1 if method else 0 :]
    return [(p.name, p.kind, p.default) for p in parameters]


def public(module):
    """Names a module offers: __all__ where it has one, else what it defines itself."""
    if hasattr(module, "__all__"):
        return set(module.__all__)
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        # reference_*.py hold parts of the reference
        and (
            str(getattr(value, "__module__", None)).startswith(module.__name__)
            or isinstance(value, (str, int, float))
        )
    }


def test_the_contract_is_not_empty():
    # the tests below loop over these two: an introspection that finds nothing would pass them all
    assert {"expit", "softmax", "binary_pass", "softmax_line"} <= OPERATIONS.keys()
    assert {"BACKEND", "ISA"} <= ATTRIBUTES.keys()


@pytest.mark.parametrize("name", OPERATIONS)
def test_signature(backend, name):
    wanted = shape_of(OPERATIONS[name], method=True)
    assert shape_of(getattr(backend, name)) == wanted


def test_nothing_beside_the_contract(backend):
    extra = EXTRA_ATTRIBUTES[backend.BACKEND]
    assert public(backend) == OPERATIONS.keys() | ATTRIBUTES.keys() | extra


@pytest.mark.needs_compiled
def test_extension_module_offers_what_compiled_passes_on():
    from sigmax.kernels import _kernels

    offered = {name for name in vars(_kernels) if not name.startswith("_")}
    assert offered == OPERATIONS.keys() | ATTRIBUTES.keys() | EXTRA_ATTRIBUTES["compiled"]


def test_attributes(backend):
    kinds = {"str": str, "int": int, "bool": bool}
    for name, kind in ATTRIBUTES.items():
        assert type(getattr(backend, name)) is kinds[kind]
    assert kernels.get(backend.BACKEND) is backend


def test_names_of_the_backends():
    assert kernels.get("reference") is reference
    assert reference.BACKEND == "reference"
    assert [kernels.get(name).BACKEND for name in kernels.available()] == list(kernels.available())


# -- the stub, which mypy reads in place of the extension -------------------------------------------


def stub():
    return ast.parse(STUB.read_text()).body


def test_stub_names_the_same():
    functions = {node.name for node in stub() if isinstance(node, ast.FunctionDef)}
    attributes = {node.target.id for node in stub() if isinstance(node, ast.AnnAssign)}
    assert functions == OPERATIONS.keys()
    assert attributes == ATTRIBUTES.keys() | EXTRA_ATTRIBUTES["compiled"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_stub_has_the_signature_of_the_contract(name):
    source = ast.parse(Path(interface.__file__).read_text())
    contract = next(node for node in source.body if isinstance(node, ast.ClassDef) and node.name == "Kernels")
    wanted = next(node for node in contract.body if isinstance(node, ast.FunctionDef) and node.name == name)
    found = next(node for node in stub() if isinstance(node, ast.FunctionDef) and node.name == name)
    del wanted.args.args[0]  # self
    assert ast.unparse(found.args) == ast.unparse(wanted.args)
    assert ast.unparse(found.returns) == ast.unparse(wanted.returns)


@pytest.mark.parametrize("name", OPERATIONS)
def test_reference_is_annotated_as_the_contract(name):
    wanted = inspect.get_annotations(OPERATIONS[name])
    assert inspect.get_annotations(getattr(reference, name)) == wanted
