"""The worst errors of every row operation, in ulp against 200-bit arithmetic, on every instruction set.

    python benchmarks/accuracy                       1e7 points for each function
    python benchmarks/accuracy --points 20000        a look
    python benchmarks/accuracy --json FILE

The first instruction set is measured; the others must give the same bits at every point, which sha256 of all
outputs tells.  Exit code 1: a limit was exceeded, bits differ, or a special value is not as documented.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path

# points, oracle and limits are those of the tests
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import gmpy2
import run
import table
from oracles.exact import PRECISION
from tasks import plan

from sigmax.bench import conditions, document


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python benchmarks/accuracy", description=__doc__.split("\n")[0])
    parser.add_argument("--points", type=float, default=1e7, help="points for each function, at least (1e7)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--isa", default="all", help='"all", or the one instruction set to measure')
    parser.add_argument("--json", type=Path, help="file for the results")
    got = parser.parse_args()
    if not 1 <= got.points < 1e12:
        parser.error(f"--points must be 1 at least and below 1e12; got {got.points:g}")
    if got.jobs < 1:
        parser.error(f"--jobs must be 1 at least; got {got.jobs}")
    here = run.isas()
    if got.isa != "all" and got.isa not in here:
        parser.error(f"--isa must be all{''.join(f', {isa}' for isa in here)}; got {got.isa!r}")
    return got


def main() -> int:
    options = arguments()
    watch = conditions.Watch()
    tasks = plan(int(options.points))
    isas: tuple[str | None, ...] = (run.isas() if options.isa == "all" else (options.isa,)) or (None,)

    differing: dict[str, int] = {}
    specials = []
    first = run.Found()
    for isa in isas:
        with run.processes(options.jobs, isa) as pool:
            special = pool.submit(run.specials)
            found = run.run(pool, tasks, errors=isa == isas[0], title=isa or "reference")
            specials += [one for one in special.result() if isa == isas[0] or one[0].startswith("compiled")]
        if isa == isas[0]:
            first = found
        else:
            differing[str(isa)] = sum(found.digests[task] != first.digests[task] for task in tasks)

    rows = table.results(first)
    meanwhile = watch.conditions()
    libraries = {"gmpy2": gmpy2.version(), "mpfr": gmpy2.mpfr_version()}
    head = document.head("accuracy", n_threads=1, conditions=meanwhile, libraries=libraries)
    environment = head["environment"] | {"machine": platform.machine(), "bits": PRECISION}
    chosen = {"points": int(options.points), "isas": list(isas), "jobs": options.jobs}
    chosen["seconds"] = meanwhile.seconds
    print(table.environment_text(environment | libraries, chosen))
    print(table.as_text(rows))
    print()
    for isa, chunks in differing.items():
        print(f"{isa}: " + (f"DIFFERS from {isas[0]} in {chunks} chunks" if chunks else f"bits of {isas[0]}"))
    print()
    print(table.specials_text(specials))

    exceeded = [r for r in rows if r["holds"] is False]
    wrong = [one for one in specials if not one[-1]]
    for r in exceeded:
        K = "" if r["classes"] is None else f", K = {r['classes']}"
        print(f"EXCEEDED: {r['backend']}, {r['quantity']}{K}: {r['worst']:.3f} > {r['limit']:g}")
    passed = not exceeded and not wrong and not any(differing.values())
    print("passed" if passed else "failed", f"in {meanwhile.seconds:.0f} s")
    if options.json is not None:
        names = ("backend", "case", "wanted", "got", "holds")
        record = head | {
            "environment": environment | chosen,
            "results": rows,
            "chunks_that_differ": differing,
            # JSON has no nan
            "specials": [
                dict(zip(names, (a, b, list(map(repr, c)), list(map(repr, d)), e), strict=True))
                for a, b, c, d, e in specials
            ],
            "passed": passed,
        }
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
