"""sigmax.bench.environment: what the machine is, as files and libraries tell it."""

from __future__ import annotations

import json
import platform
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import sigmax as sx
from sigmax import kernels
from sigmax.bench import environment as module
from sigmax.bench import machine

OPENBLAS = {"user_api": "blas", "internal_api": "openblas", "version": "0.3.30", "num_threads": 2}
OPENBLAS |= {"architecture": "Haswell", "filepath": "/somewhere/libopenblas.so"}
#: of a made-up machine
ENVIRONMENT = {
    "python": "3.11", "numpy": "2.4", "scipy": "1.17", "sigmax": "0.1", "cpu": "Some CPU 3000",
    "platform": "Linux x86_64", "release": "6.1", "virtual": True, "cpus": 4, "usable_cpus": 2,
    "memory_bytes": 3 * 2**29, "cache_bytes": 2**25, "blas": None, "isa": {"reference": "numpy"},
    "why_not_compiled": "",
}  # fmt: skip


def test_environment_names_versions_backends_and_machine():
    e = json.loads(json.dumps(machine.environment()))
    assert e["sigmax"] == sx.__version__
    assert e["numpy"] == np.__version__
    assert tuple(e["isa"]) == kernels.available()
    assert e["isa"]["reference"] == "numpy"
    assert e["cpus"] >= 1
    assert e["cpu"]
    assert e["release"] == platform.release()
    assert e["virtual"] in (True, False, None)
    assert e["memory_bytes"] is None or e["memory_bytes"] > 2**26
    assert {*ENVIRONMENT} == {*e}
    for one in e["blas"] or ():
        assert set(one) == {"library", "version", "threads", "architecture"}
        assert one["library"]
    # what changes while it runs belongs to the conditions
    assert not any("load" in name for name in e)


def test_the_processor_and_whether_it_is_shared(tmp_path):
    file, none = tmp_path / "cpuinfo", tmp_path / "none"
    file.write_text("processor : 0\nmodel name\t: Some CPU 3000\nflags\t\t: fpu sse2 hypervisor avx2\n")
    assert module.cpu_model(file) == "Some CPU 3000"
    assert module.virtual(file) is True
    file.write_text("model name\t: Other\nflags : fpu sse2 avx2 nohypervisorhere\n")
    assert module.virtual(file) is False
    # a processor that does not tell
    file.write_text("Features : fp asimd\n")
    assert module.virtual(file) is None
    assert module.virtual(none) is None
    assert module.cpu_model(none)


def test_memory_is_that_of_the_machine_or_of_the_container(monkeypatch, tmp_path):
    file = tmp_path / "memory.max"
    said = {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(module.os, "sysconf", said.__getitem__, raising=False)
    assert module.memory(file) == 4_096_000
    file.write_text("1048576\n")
    assert module.memory(file) == 2**20
    file.write_text("max\n")
    assert module.memory(file) == 4_096_000
    said["SC_PHYS_PAGES"] = -1
    assert module.memory(file) is None

    def unknown(name):
        raise ValueError(name)

    monkeypatch.setattr(module.os, "sysconf", unknown, raising=False)
    assert module.memory(file) is None
    file.write_text("1048576\n")
    assert module.memory(file) == 2**20


def test_blas_that_is_loaded(monkeypatch):
    other = OPENBLAS | {"version": "0.3.31"}
    omp = {"user_api": "openmp", "internal_api": "openmp", "num_threads": 2, "version": None}
    # SciPy's is another file with the same in it
    loaded = [OPENBLAS, omp, other, OPENBLAS | {"filepath": "/elsewhere/libopenblas.so"}]
    monkeypatch.setitem(sys.modules, "threadpoolctl", SimpleNamespace(threadpool_info=lambda: loaded))
    first, second = module.blas()
    assert first == {"library": "openblas", "version": "0.3.30", "threads": 2, "architecture": "Haswell"}
    assert second == first | {"version": "0.3.31"}


@pytest.mark.parametrize("loaded", [None, SimpleNamespace(threadpool_info=list)])
def test_blas_that_numpy_was_built_with(monkeypatch, loaded):
    monkeypatch.setitem(sys.modules, "threadpoolctl", loaded)
    known = {"Build Dependencies": {"blas": {"name": "mkl", "version": "2025.1", "lib directory": "/x"}}}
    monkeypatch.setattr(module.np, "show_config", lambda mode: known)
    assert module.blas() == [{"library": "mkl", "version": "2025.1", "threads": None, "architecture": None}]
    monkeypatch.setattr(module.np, "show_config", lambda mode: {})
    assert module.blas() is None


def test_the_text_names_what_matters_for_speed():
    known = {"library": "openblas", "version": "0.3.30", "threads": 2, "architecture": "Haswell"}
    built = {"library": "mkl", "version": None, "threads": None, "architecture": None}
    said = module.text(ENVIRONMENT | {"blas": [known, built]}).splitlines()
    assert said == [
        "Some CPU 3000, 4 CPUs of a virtual machine, last-level cache 32 MiB, 1.5 GiB of memory, "
        "Linux x86_64 6.1",
        "sigmax 0.1, backends: reference (ISA numpy); Python 3.11, NumPy 2.4, SciPy 1.17",
        "BLAS: openblas 0.3.30 (Haswell), 2 threads; mkl of unknown version",
    ]
    unknown = {"virtual": None, "memory_bytes": None, "cache_bytes": None, "why_not_compiled": "no compiler"}
    said = module.text(ENVIRONMENT | unknown).splitlines()
    assert said[0] == "Some CPU 3000, 4 CPUs, cache size unknown, memory size unknown, Linux x86_64 6.1"
    assert said[2:] == ["BLAS: unknown", "only the reference backend: no compiler"]
