"""Build of the compiled backend; everything else is declared in pyproject.toml.

The extension is optional: without a C compiler or without Python.h the install succeeds, and sigmax runs
on its Python twin.  ``src/sigmax/kernels/_build.json`` records what happened and why, for the message at
import.  Switches (environment):

SIGMAX_NO_EXTENSIONS=1       do not build it
SIGMAX_REQUIRE_EXTENSIONS=1  fail instead of falling back (wheels, CI, benchmarks)
SIGMAX_WERROR=1              compiler warnings are errors (CI)
SIGMAX_DEBUG=1               a build to find mistakes with, not to compute with: Cython checks bounds, None,
                             uninitialised views and integer overflow; C is compiled with -O1 -g and its
                             assertions.  Results keep their bits.  ``_build.json`` and ``sigmax info`` say
                             so.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
KERNELS = ROOT / "src" / "sigmax" / "kernels"
COMPILED = {".so", ".pyd"}
SWITCHED_OFF = "switched off by SIGMAX_NO_EXTENSIONS=1 when sigmax was installed"


def switch(name: str) -> bool:
    value = os.environ.get(name, "")
    if value not in ("", "0", "1"):
        sys.exit(f"{name} must be 0 or 1; got {value!r}")
    return value == "1"


NO_EXTENSIONS = switch("SIGMAX_NO_EXTENSIONS")
REQUIRE_EXTENSIONS = switch("SIGMAX_REQUIRE_EXTENSIONS")
WERROR = switch("SIGMAX_WERROR")
DEBUG = switch("SIGMAX_DEBUG")
if NO_EXTENSIONS and REQUIRE_EXTENSIONS:
    sys.exit("SIGMAX_NO_EXTENSIONS=1 and SIGMAX_REQUIRE_EXTENSIONS=1 contradict each other")


def source_hash() -> str:
    """sigmax.kernels.source_hash, loaded by path: the package itself cannot be imported yet."""
    spec = importlib.util.spec_from_file_location("source_hash", KERNELS / "source_hash.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.source_hash(ROOT / "ext")


def record(folders: list[Path], reason: str | None) -> None:
    """Write _build.json: what the import will say when the compiled backend is missing."""
    state = {
        "compiled": reason is None,
        "reason": reason or "",
        "source_hash": source_hash(),
        "debug": DEBUG and reason is None,
    }
    for folder in folders:
        if folder.is_dir():
            (folder / "_build.json").write_text(json.dumps(state, indent=1) + "\n")


def folders(command: build_ext | build_py) -> list[Path]:
    """Where the package goes: the build folder, and the sources themselves in an editable install."""
    in_sources = getattr(command, "inplace", False) or getattr(command, "editable_mode", False)
    return [Path(command.build_lib) / "sigmax" / "kernels", *([KERNELS] if in_sources else [])]


def compiled_files(command: build_ext | build_py) -> list[Path]:
    return [p for folder in folders(command) for p in folder.glob("_kernels*") if p.suffix in COMPILED]


def remove_stale(command: build_ext | build_py) -> None:
    """What an earlier build left must not outlive a build that fails or is switched off."""
    for path in compiled_files(command):
        path.unlink()


class BuildPython(build_py):
    """build_py that carries the benchmarks along, and leaves no compiled file where none is wanted."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            self.copy_benchmarks()
        if NO_EXTENSIONS:
            remove_stale(self)
            record(folders(self), SWITCHED_OFF)

    def copy_benchmarks(self) -> None:
        """What `sigmax bench --full` runs, as sigmax/bench/suite; an editable install uses the checkout."""
        target = Path(self.build_lib) / "sigmax" / "bench" / "suite"
        shutil.rmtree(target, ignore_errors=True)
        for file in sorted((ROOT / "benchmarks").rglob("*")):
            if file.suffix in {".py", ".R"}:
                place = target / file.relative_to(ROOT / "benchmarks")
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)


class BuildKernels(build_ext):
    """build_ext that finds out first whether it can work, and says in one line why not."""

    def finalize_options(self) -> None:
        if self.distribution.ext_modules:
            self.distribution.ext_modules = cythonized(self.distribution.ext_modules)
        super().finalize_options()

    def run(self) -> None:
        remove_stale(self)
        reason = SWITCHED_OFF if NO_EXTENSIONS else self.obstacle()
        if reason is None:
            super().run()
            if not compiled_files(self):
                reason = "the C compiler failed on the kernels (pip install -v shows its messages)"
        if reason is not None and REQUIRE_EXTENSIONS:
            sys.exit(f"sigmax: SIGMAX_REQUIRE_EXTENSIONS=1, but {reason}")
        record(folders(self), reason)
        if reason is not None:
            self.extensions = []
        if reason not in (None, SWITCHED_OFF):
            print(f"sigmax: compiled kernels skipped, running on the Python twin: {reason}", file=sys.stderr)

    def obstacle(self) -> str | None:
        """Why no extension can be compiled here, or None."""
        header = Path(sysconfig.get_paths()["include"]) / "Python.h"
        if not header.is_file():
            return "Python.h was not found (on Debian: apt install python3-dev)"
        from distutils.ccompiler import new_compiler
        from distutils.errors import CCompilerError, DistutilsError
        from distutils.sysconfig import customize_compiler

        compiler = new_compiler(compiler=self.compiler)
        customize_compiler(compiler)
        command = getattr(compiler, "compiler", ["the C compiler"])[0]
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder) / "probe.c"
            probe.write_text("int main(void) { return 0; }\n")
            try:
                compiler.compile([str(probe)], output_dir=folder)
            except (CCompilerError, DistutilsError, OSError):
                return f"no working C compiler ({command!r}; on Debian: apt install gcc)"
        return None

    def build_extension(self, ext: Extension) -> None:
        if self.compiler.compiler_type == "msvc":
            ext.extra_compile_args = ["/O2", "/std:c11", "/fp:strict"]
        else:
            # No -march=native: the file must run on any machine of its kind.  No contraction: products
            # and sums keep their own roundings.  errno and traps are not observed by anyone.
            ext.extra_compile_args = [
                *("-std=c11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"),
                *(("-Wall", "-Wextra", "-Werror") if WERROR else ()),
                *(("-O1", "-g", "-UNDEBUG") if DEBUG else ()),
            ]
        super().build_extension(ext)


def extension() -> Extension:
    targets = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "ext" / "targets").glob("*.c"))
    headers = [str(p.relative_to(ROOT)) for p in sorted((ROOT / "ext").rglob("*.h"))]
    return Extension(
        "sigmax.kernels._kernels",
        ["ext/_kernels.pyx", *targets],
        include_dirs=["ext"],
        depends=headers,
        define_macros=[("SIGMAX_SOURCE_HASH", source_hash())],
    )


def cythonized(extensions: list[Extension]) -> list[Extension]:
    from Cython.Build import cythonize

    built = cythonize(
        extensions,
        # what Cython wrote for one kind of build is not taken for the other
        build_dir="build/cython-debug" if DEBUG else "build/cython",
        include_path=["ext"],
        compiler_directives={
            "language_level": 3,
            "binding": True,
            "boundscheck": DEBUG,
            "wraparound": False,  # where bounds are checked, a negative index is an error
            "initializedcheck": DEBUG,
            "nonecheck": DEBUG,
            "overflowcheck": DEBUG,
            "freethreading_compatible": True,
        },
    )
    for one in built:
        one.optional = not REQUIRE_EXTENSIONS  # cythonize() drops Extension(optional=...)
    return built


setup(
    ext_modules=[] if NO_EXTENSIONS else [extension()],
    cmdclass={"build_ext": BuildKernels, "build_py": BuildPython},
)
