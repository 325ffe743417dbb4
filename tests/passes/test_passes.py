"""Blocks, threads and the ordered merge: one tree for any number of threads, and nothing left running."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

from sigmax import passes, threads

THREADS = (1, 2, 3, 5, 8)


# -- the tree ----------------------------------------------------------------------------------------


def bracket(left, right):
    return f"({left} {right})"


def tree_by_definition(leaves):
    """Blocks 2i and 2i + 1 merge, then pairs of pairs; what is left over is folded from the right.

    Written from the words alone: the complete subtrees are those of the binary digits of n, the largest
    first, and they are folded from the right.
    """
    complete = []
    start = 0
    for power in reversed(range(len(leaves).bit_length())):
        if len(leaves) >> power & 1:
            nodes = leaves[start : start + (1 << power)]
            start += 1 << power
            while len(nodes) > 1:
                nodes = [bracket(nodes[i], nodes[i + 1]) for i in range(0, len(nodes), 2)]
            complete.append(nodes[0])
    value = complete.pop()
    while complete:
        value = bracket(complete.pop(), value)
    return value


@pytest.mark.parametrize("n_threads", THREADS)
def test_bracketing(n_threads):
    # symbolic sums: the tree itself is compared, from 1 block to 40, and where runs get longer than a block
    for n_blocks in (*range(1, 41), 64, 100, 127, 128, 129, 255, 300, 1000):
        found = passes.reduce(n_blocks, 1, lambda start, stop: str(start), bracket, n_threads)
        assert found == tree_by_definition([str(i) for i in range(n_blocks)]), n_blocks


def test_the_tree_by_definition():
    assert tree_by_definition(list("a")) == "a"
    assert tree_by_definition(list("abcd")) == "((a b) (c d))"
    assert tree_by_definition(list("abcdefg")) == "(((a b) (c d)) ((e f) g))"


@pytest.mark.parametrize("n_threads", THREADS)
def test_every_row_once_and_in_order(n_threads):
    for n_rows, size in itertools.product((1, 2, 7, 8, 9, 40, 81, 1000), (1, 3, 8, 1000, 5000)):
        rows = passes.reduce(n_rows, size, lambda a, b: list(range(a, b)), lambda a, b: a + b, n_threads)
        assert rows == list(range(n_rows))


@pytest.mark.parametrize("n_rows", [1, 9, 40, 333])
def test_blocks_are_what_a_pass_evaluates(n_rows):
    seen = passes.reduce(n_rows, 8, lambda a, b: [(a, b)], lambda a, b: a + b, 3)
    assert seen == list(passes.blocks(n_rows, 8))
    assert all(b - a == 8 for a, b in seen[:-1])


def test_float_sums_have_the_same_bits():
    # terms of very different sizes, so that every bracketing has its own rounding
    rng = random.Random(4)
    terms = [rng.gauss(0, 1) * 10.0 ** rng.randint(-12, 12) for _ in range(1000)]

    def total(n_blocks, n_threads):
        return passes.reduce(
            n_blocks, 1, lambda start, stop: terms[start], lambda a, b: a + b, n_threads
        ).hex()

    for n_blocks in (*range(1, 41), 100, 1000):
        assert len({total(n_blocks, n) for n in THREADS}) == 1
    # and the order matters for these terms: the test could fail
    assert total(1000, 1) != sum(terms[:1000]).hex()
    assert len({sum(rng.sample(terms, 40)) for _ in range(20)}) > 1


def test_blocks_that_finish_in_reverse_order():
    # 8 threads, 8 blocks, each waiting for the next: what is merged does not depend on who was ready
    gate = [threading.Event() for _ in range(9)]
    gate[8].set()

    def evaluate(start, stop):
        assert gate[start + 1].wait(timeout=60)
        gate[start].set()
        return str(start)

    found = passes.reduce(8, 1, evaluate, bracket, 8)
    assert found == tree_by_definition([str(i) for i in range(8)])


def test_merge_may_reuse_either_argument():
    def merge(a, b):
        a += b  # lists in place
        return a

    for n_threads in THREADS:
        assert passes.reduce(100, 3, lambda a, b: [(a, b)], merge, n_threads) == list(passes.blocks(100, 3))


def test_no_more_threads_than_runs():
    names = set()

    def evaluate(start, stop):
        names.add(threading.current_thread())
        return 0

    passes.reduce(1, 1, evaluate, max, 8)
    assert names == {threading.current_thread()}


# -- sizes of blocks ---------------------------------------------------------------------------------


def test_block_rows():
    sizes = [passes.block_rows(width) for width in range(3000)]
    assert all(size & (size - 1) == 0 for size in sizes)
    assert all(1024 <= size <= 65536 for size in sizes)
    assert sizes == sorted(sizes, reverse=True)  # wider rows, no longer blocks
    assert (sizes[0], sizes[1], sizes[-1]) == (65536, 65536, 1024)
    assert passes.block_rows(10**9) == 1024
    # between its limits, a block has at most 2^19 elements of X, and more than half of that
    inner = [(w, size) for w, size in enumerate(sizes) if 1024 < size < 65536]
    assert inner
    assert all(2**18 < w * size <= 2**19 for w, size in inner)


# -- errors ------------------------------------------------------------------------------------------


class Broken(Exception):
    pass


@pytest.mark.parametrize("n_threads", THREADS)
@pytest.mark.parametrize("where", ["evaluate", "merge", "last merge"])
def test_exceptions_reach_the_caller(n_threads, where):
    def evaluate(start, stop):
        if where == "evaluate" and start == 17:
            raise Broken(f"block {start}")
        return {start}

    def merge(a, b):
        if where == "merge" and a == {18}:
            raise Broken("merge")
        if where == "last merge" and len(a) == 32 and 0 in a:
            raise Broken("merge")
        return a | b

    with pytest.raises(Broken):
        passes.reduce(40, 1, evaluate, merge, n_threads)
    # the pool works on
    assert passes.reduce(40, 1, lambda a, b: a, max, n_threads) == 39


@pytest.mark.parametrize("kind", [Broken, SystemExit, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("in_caller", [True, False], ids=["caller", "helper"])
def test_an_exception_in_one_thread_stops_the_others(kind, in_caller):
    # two threads meet in their first blocks, then one raises; the other would need 2 s for what is left
    caller = threading.current_thread()
    meet, started = threading.Barrier(2), []

    def evaluate(start, stop):
        here = threading.current_thread()
        first = here not in started
        started.append(here)
        if first:
            meet.wait(timeout=60)
            if (here is caller) == in_caller:
                raise kind("stop")
        threading.Event().wait(0.002)
        return 0

    with pytest.raises(kind, match="stop"):
        passes.reduce(1000, 1, evaluate, max, 2)
    assert len(set(started)) == 2
    assert len(started) < 500


def test_nothing_runs_after_an_exception():
    # reduce returns once every helper has stopped, not before
    caller, running, entered = threading.current_thread(), [], threading.Event()

    def evaluate(start, stop):
        if threading.current_thread() is caller:
            entered.wait(timeout=60)
            raise Broken
        running.append(start)
        entered.set()
        for _ in range(200):
            threading.Event().wait(0.0005)
        running.pop()
        return 0

    for _ in range(3):
        entered.clear()
        with pytest.raises(Broken):
            passes.reduce(16, 1, evaluate, max, 4)
        assert running == []


def run(code, **environment):
    """Run `code` in a process of its own; it must end by itself and print "ok"."""
    source = str(Path(passes.__file__).resolve().parents[1])
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SIGMAX_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env=clean | {"PYTHONPATH": source} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["ok"]


def test_interrupt_while_the_caller_evaluates():
    run(
        """
        import os, signal, threading
        from sigmax import passes

        main, started = threading.current_thread(), []

        def evaluate(start, stop):
            started.append(start)
            if threading.current_thread() is main:
                os.kill(os.getpid(), signal.SIGINT)
                for _ in range(10000):
                    threading.Event().wait(0.001)  # interrupted here
            return 0

        try:
            passes.reduce(10**6, 1, evaluate, max, 2)
        except KeyboardInterrupt:
            before = len(started)
            threading.Event().wait(0.05)
            assert len(started) == before, "a helper works on"
            assert before < 10**6
            print("ok")
        """
    )


def test_interrupt_while_the_caller_waits_for_a_helper():
    # the caller has done its share and waits; the helper is in the first of the four blocks of its run
    run(
        """
        import os, signal, threading
        from sigmax import passes

        main, by_helper, lock = threading.current_thread(), [], threading.Lock()
        left = 64 - 4  # 64 blocks for two threads: 16 runs of 4 blocks, one of them the helper's
        caller_done, first = threading.Event(), threading.Event()

        def evaluate(start, stop):
            global left
            if threading.current_thread() is main:
                first.wait(30)
                with lock:
                    left -= 1
                    if not left:
                        caller_done.set()
                return 0
            by_helper.append(start)
            if len(by_helper) == 1:
                first.set()
                caller_done.wait(30)
                threading.Event().wait(0.1)  # the caller gets from its last block to the wait
                os.kill(os.getpid(), signal.SIGINT)
                threading.Event().wait(0.1)
            return 0

        try:
            passes.reduce(64, 1, evaluate, max, 2)
        except KeyboardInterrupt:
            running = len(by_helper)
            threading.Event().wait(0.3)
            assert by_helper == by_helper[:1], f"the helper went on with blocks {by_helper[1:]}"
            assert running == 1
            print("ok")
        """
    )


# -- processes and threads around it -----------------------------------------------------------------


if hasattr(os, "fork"):

    def test_after_fork():
        # the pool's threads are not in the child: a pool that was kept would take work and never do it
        run(
            """
            import os, threading
            from sigmax import passes, threads

            def total():
                # every thread must come: four first blocks wait for each other
                meet, came = threading.Barrier(4), set()
                def evaluate(start, stop):
                    if threading.current_thread() not in came:
                        came.add(threading.current_thread())
                        meet.wait(30)
                    return [start]
                return passes.reduce(1000, 1, evaluate, lambda a, b: a + b, 4)

            wanted = total()
            assert wanted == list(range(1000))
            for _ in range(3):
                child = os.fork()
                if not child:
                    try:
                        same = total() == wanted
                    except BaseException:
                        same = False
                    os._exit(0 if same else 1)
                assert os.waitpid(child, 0)[1] == 0
            assert total() == wanted
            print("ok")
            """
        )


def test_from_many_threads_at_once():
    start = threading.Barrier(8)
    found = {}

    def work(i):
        start.wait(timeout=60)
        found[i] = [passes.reduce(n, 1, lambda a, b: str(a), bracket, 1 + i % 4) for n in range(1, 60)]

    workers = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    wanted = [tree_by_definition([str(i) for i in range(n)]) for n in range(1, 60)]
    assert found == dict.fromkeys(range(8), wanted)


def test_a_pass_inside_a_pass():
    # every helper asks for helpers of its own: what the pool cannot give, the caller does
    def inner(start, stop):
        return passes.reduce(9, 1, lambda a, b: f"{start}.{a}", bracket, 8)

    for _ in range(3):
        found = passes.reduce(40, 1, inner, bracket, 8)
        assert found == passes.reduce(40, 1, inner, bracket, 1)


def test_more_helpers_than_the_pool_has_threads(monkeypatch):
    # one worker, and it is busy: the caller does all the work and does not wait for it
    from concurrent.futures import ThreadPoolExecutor

    release = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(threads, "_pool", pool)
        busy = pool.submit(release.wait, 60)
        try:
            assert passes.reduce(40, 1, lambda a, b: a, max, 8) == 39
            assert not busy.done()
        finally:
            release.set()


def test_pool_that_closes_while_helpers_are_asked_for(monkeypatch):
    # the first helper is given and at work, the second is refused: the pass must still wait for the first
    from concurrent.futures import ThreadPoolExecutor

    caller, at_work = threading.current_thread(), threading.Event()

    class Closing(ThreadPoolExecutor):
        asked = 0

        def submit(self, *args, **kwargs):
            self.asked += 1
            if self.asked > 1:
                raise RuntimeError("cannot schedule new futures after shutdown")
            return super().submit(*args, **kwargs)

    def evaluate(start, stop):
        if threading.current_thread() is caller:
            assert at_work.wait(timeout=60)
        else:
            at_work.set()
            threading.Event().wait(0.05)  # the caller is done before the helper
        return str(start)

    with Closing(2) as pool:
        monkeypatch.setattr(threads, "_pool", pool)
        # three blocks, so that two helpers are asked for
        assert passes.reduce(3, 1, evaluate, bracket, 3) == "((0 1) 2)"
        assert pool.asked == 2


def test_in_a_thread_that_outlives_the_main_one():
    # a script that starts a fit in a thread and runs off its end: pools take no work any more, passes must
    run(
        """
        import threading
        from sigmax import passes

        def late():
            threading.main_thread().join()
            print("ok" if passes.reduce(40, 1, lambda a, b: a, max, 4) == 39 else "wrong")

        threading.Thread(target=late).start()
        """
    )


def test_at_exit():
    run(
        """
        import atexit
        from sigmax import passes

        def largest():
            return passes.reduce(40, 1, lambda a, b: a, max, 4)

        largest()
        atexit.register(lambda: print("ok" if largest() == 39 else "wrong"))
        """
    )


# -- how many threads --------------------------------------------------------------------------------


@pytest.fixture
def clean(monkeypatch):
    monkeypatch.delenv("SIGMAX_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return monkeypatch


class Index:
    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


@pytest.mark.parametrize("value", [1, 2, 7])
def test_argument(clean, value):
    for same in (value, np.int64(value), np.uint8(value), Index(value)):
        found = threads.resolve(same)
        assert (found, type(found)) == (value, int)


def test_argument_comes_first(clean):
    clean.setenv("SIGMAX_NUM_THREADS", "not a number")
    assert threads.resolve(3) == 3


@pytest.mark.parametrize(
    "bad", [0, -1, 2.0, 2.5, "2", True, False, [2], np.array([2, 3]), float("nan"), float("inf")]
)
def test_bad_argument(clean, bad):
    with pytest.raises(ValueError, match=r"^n_threads must be a whole number of at least 1; got "):
        threads.resolve(bad)


def test_an_upper_limit(clean):
    assert threads.resolve(10**9) == threads.resolve(256) == 256
    clean.setenv("SIGMAX_NUM_THREADS", "1000000")
    assert threads.resolve() == 256


@pytest.mark.parametrize("text", ["1", " 3 ", "5"])
def test_environment(clean, text):
    clean.setenv("SIGMAX_NUM_THREADS", text)
    clean.setenv("OMP_NUM_THREADS", "9")
    assert threads.resolve() == int(text)


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "1e1", "\u00b2"])
def test_bad_environment(clean, text):
    clean.setenv("SIGMAX_NUM_THREADS", text)
    with pytest.raises(ValueError, match=r"^SIGMAX_NUM_THREADS must be a whole number of at least 1; got "):
        threads.resolve()


@pytest.mark.parametrize(("text", "wanted"), [("3", 3), ("4,2", 4), (" 2 , 1", 2)])
def test_openmp_environment(clean, text, wanted):
    clean.setenv("OMP_NUM_THREADS", text)
    assert threads.resolve() == wanted


@pytest.mark.parametrize("text", ["", "0", "many", "-3", ","])
def test_what_openmp_means_by_nonsense_is_its_own_affair(clean, text):
    clean.setenv("OMP_NUM_THREADS", text)
    assert threads.resolve() == threads._machine()


def test_empty_environment_is_none(clean):
    clean.setenv("SIGMAX_NUM_THREADS", "")
    clean.setenv("OMP_NUM_THREADS", "6")
    assert threads.resolve() == 6


def test_the_machine(clean):
    found = threads.resolve()
    assert 1 <= found <= max(1, os.cpu_count())


@pytest.fixture
def machine(clean):
    """Set what the machine reports: CPUs of the affinity mask and of the control group."""

    def set_to(cpus, granted):
        clean.setattr(os, "sched_getaffinity", lambda pid: set(range(cpus)), raising=False)
        clean.setattr(threads, "_cgroup_cpus", lambda: granted)
        threads._machine.cache_clear()
        return threads.resolve()

    yield set_to
    threads._machine.cache_clear()


def test_affinity_and_control_group(machine):
    inf = float("inf")
    assert machine(8, inf) == 8
    assert machine(8, 2.0) == 2
    assert machine(8, 2.5) in (2, 3)
    assert machine(8, 0.1) == 1
    assert machine(1, 16.0) == 1


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"/sys/fs/cgroup/cpu.max": "max 100000\n"}, float("inf")),
        ({"/sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        (
            {
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            4.0,
        ),
        (
            {
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            float("inf"),
        ),
        ({"/sys/fs/cgroup/cpu.max": "nonsense\n"}, float("inf")),
        ({}, float("inf")),
    ],
)
def test_control_groups(monkeypatch, files, wanted):
    def read_text(path):
        try:
            return files[path.as_posix()]
        except KeyError:
            raise FileNotFoundError(path) from None

    monkeypatch.setattr(Path, "read_text", read_text)
    assert threads._cgroup_cpus() == wanted


def test_small_work_is_not_shared():
    assert threads.useful(8, threads.SERIAL_FLOPS - 1) == 1
    assert threads.useful(8, threads.SERIAL_FLOPS) == 8
    assert threads.useful(1, 1e12) == 1


def test_submit_starts_the_copies():
    done = []
    for future in threads.submit(lambda: done.append(threading.current_thread().name), 3):
        future.result(timeout=60)
    assert len(done) == 3
    assert all(name.startswith("sigmax") for name in done)
    assert threads.submit(done.clear, 0) == []
    assert threads.submit(done.clear, -1) == []
    assert len(done) == 3
