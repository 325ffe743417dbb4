"""The one `backend` fixture, the marker of tests that need the compiled kernels, one hypothesis profile.

A test that takes `backend` runs once on each backend that works here.  Where the extension was switched
off or could not be built, its tests are not collected: a skip would say that something is missing, and
nothing is.  Two cases are errors instead of a smaller run: SIGMAX_REQUIRE_EXTENSIONS=1 in the environment,
and a compiled file that exists but is refused (stale, or broken).
"""

import importlib.util
import os

import hypothesis
import pytest

from sigmax import kernels

hypothesis.settings.register_profile(
    "sigmax",
    derandomize=True,  # the same examples everywhere: a failure in CI is a failure at home
    deadline=None,  # no test asserts a time
    max_examples=30,
    print_blob=False,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate, hypothesis.Phase.shrink],
)
hypothesis.settings.load_profile("sigmax")


def _insist_on_compiled() -> None:
    reason = kernels.why_not_compiled()
    if not reason:
        return
    if os.environ.get("SIGMAX_REQUIRE_EXTENSIONS") == "1":
        raise pytest.UsageError(f"SIGMAX_REQUIRE_EXTENSIONS=1, but {reason}")
    if importlib.util.find_spec("sigmax.kernels._kernels") is not None:
        raise pytest.UsageError(f"a compiled file exists, but {reason}")


_insist_on_compiled()


def pytest_report_header() -> str:
    reason = kernels.why_not_compiled()
    return "sigmax backends: " + ", ".join(kernels.available()) + (f" ({reason})" if reason else "")


def pytest_collection_modifyitems(config, items) -> None:
    if not kernels.why_not_compiled():
        return
    dropped = [
        item
        for item in items
        if item.get_closest_marker("needs_compiled") or "compiled" in getattr(item, "fixturenames", ())
    ]
    items[:] = [item for item in items if item not in dropped]
    config.hook.pytest_deselected(items=dropped)


@pytest.fixture(scope="session", params=kernels.available())
def backend(request) -> kernels.Kernels:
    """The kernels of one backend; the ids are "compiled" and "reference"."""
    return kernels.get(request.param)


@pytest.fixture(scope="session")
def compiled() -> kernels.Kernels:
    """The compiled kernels; a test that asks for them, or is marked needs_compiled, needs the extension."""
    return kernels.get("compiled")


@pytest.fixture(scope="session")
def backend_name(backend) -> str:
    """What ``fit(..., backend=)`` takes."""
    return backend.BACKEND
