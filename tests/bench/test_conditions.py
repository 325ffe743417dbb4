"""sigmax.bench.conditions: what the system tells, from files that are made up, and how it reads."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import pytest
from exact_optimum_runs import quiet

from sigmax.bench import conditions
from sigmax.bench.conditions import LIMIT, Watch

#: user nice system idle iowait irq softirq steal, in hundredths of a second
STAT = "cpu  {user} 10 50 9999 77 5 5 {stolen} 0 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n"
UNKNOWN = dict.fromkeys(
    ("load_before", "load_after", "others", "stolen", "throttled", "megahertz", "governors")
)


class Machine:
    """Folders /proc and /sys, a clock, and the CPU time of this process, all as they are set."""

    def __init__(self, folder, monkeypatch):
        self.proc, self.system = folder / "proc", folder / "sys"
        self.proc.mkdir()
        self.system.mkdir()
        self.now, self.own, self.loads = 100.0, [0.0] * 4, [0.5, 1.25]
        monkeypatch.setattr(conditions.time, "perf_counter", lambda: self.now)
        # user, system, and those of children that ended; the fifth is no CPU time
        fake = {"times": lambda: (*self.own, 9e9), "sysconf": {"SC_CLK_TCK": 100}.__getitem__}
        fake["getloadavg"] = lambda: (self.loads.pop(0), 7.0, 7.0)
        monkeypatch.setattr(conditions, "os", SimpleNamespace(**fake))

    def stat(self, user, stolen=0):
        (self.proc / "stat").write_text(STAT.format(user=user, stolen=stolen))

    def cpus(self, *, core=(0, 0), package=(0, 0), governor=("performance", "performance")):
        for i, (heat, chip, name) in enumerate(zip(core, package, governor, strict=True)):
            cpu = self.system / f"devices/system/cpu/cpu{i}"
            for folder in ("thermal_throttle", "cpufreq"):
                (cpu / folder).mkdir(parents=True, exist_ok=True)
            (cpu / "thermal_throttle" / "core_throttle_count").write_text(f"{heat}\n")
            (cpu / "thermal_throttle" / "package_throttle_count").write_text(f"{chip}\n")
            (cpu / "cpufreq" / "scaling_governor").write_text(f"{name}\n")
        # no CPU
        (self.system / "devices/system/cpu/cpufreq").mkdir(exist_ok=True)

    def quota(self, count):
        file = self.system / "fs/cgroup/cpu.stat"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"usage_usec 5\nnr_periods 7\nnr_throttled {count}\nthrottled_usec 9\n")

    def watch(self):
        return Watch(proc=self.proc, system=self.system)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return Machine(tmp_path, monkeypatch)


# -- what is read --------------------------------------------------------------------------------------


def test_what_others_use_is_told_from_what_this_process_uses(machine):
    file = machine.proc / "stat"
    machine.stat(user=100, stolen=30)
    machine.own = [0.5, 0.25, 0.1, 0.05]
    # 1 + 0.1 + 0.5 + 0.05 + 0.05 of all, 0.9 of this process and its children
    assert conditions.cpu_seconds(file) == (pytest.approx(1.7 - 0.9, abs=1e-12), 0.3)
    assert conditions.cpu_seconds(machine.proc / "none") is None
    file.write_text("cpu  1 2\n")
    assert conditions.cpu_seconds(file) is None


def test_a_watch_tells_what_went_on_since_it_was_made(machine):
    machine.stat(user=1000, stolen=10)
    watch = machine.watch()
    # ten seconds in which all used 14 CPU seconds and this process, with its children, 10
    machine.now += 10.0
    machine.own = [4.0, 1.0, 4.5, 0.5]
    machine.stat(user=2400, stolen=60)
    found = watch.conditions()
    assert found.seconds == 10.0
    assert (found.load_before, found.load_after) == (0.5, 1.25)
    assert found.others == pytest.approx(0.4, abs=1e-12)
    assert found.stolen == pytest.approx(0.05, abs=1e-12)
    assert found.busy
    assert json.loads(json.dumps(found.record()))["busy"] is True


def test_clocks_that_tick_at_different_times_are_no_negative_work(machine):
    machine.stat(user=1000)
    watch = machine.watch()
    machine.now += 2.0
    machine.own = [2.01, 0.0, 0.0, 0.0]
    machine.stat(user=1200)
    found = watch.conditions()
    assert found.others == found.stolen == 0.0
    assert not found.busy


def test_throttling_is_counted_between_two_moments(machine):
    machine.stat(user=0)
    machine.cpus(core=(3, 4), package=(1, 1), governor=("powersave", "performance"))
    machine.quota(2)
    assert conditions.throttlings(machine.system) == {"core": 7, "package": 2, "quota": 2}
    assert conditions.governors(machine.system) == ("performance", "powersave")
    watch = machine.watch()
    machine.now += 1.0
    assert watch.conditions().throttled == {"core": 0, "package": 0, "quota": 0}
    machine.loads = [1.0]
    assert not watch.conditions().slowed
    for what, change in (("core", {"core": (3, 5)}), ("package", {"package": (2, 2)})):
        machine.cpus(**({"core": (3, 4), "package": (1, 1)} | change))
        machine.loads = [1.0]
        found = watch.conditions()
        assert found.slowed
        assert {name for name, count in found.throttled.items() if count} == {what}
        assert f"THROTTLED: {what} " in str(found)
    machine.cpus(core=(3, 4), package=(1, 1))
    machine.quota(7)
    machine.loads = [1.0]
    found = watch.conditions()
    assert found.throttled == {"core": 0, "package": 0, "quota": 5}
    assert "THROTTLED: quota 5 times" in str(found)


def test_a_counter_that_comes_or_goes_is_no_throttling(machine):
    machine.cpus()
    watch = machine.watch()
    machine.quota(9)
    machine.now += 1.0
    assert watch.conditions().throttled == {"core": 0, "package": 0}
    (machine.system / "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count").write_text("?\n")
    assert conditions.throttlings(machine.system) == {"core": 0, "package": 0, "quota": 9}


def test_counters_that_are_all_others_tell_nothing(machine):
    machine.quota(9)
    watch = machine.watch()
    (machine.system / "fs/cgroup/cpu.stat").unlink()
    machine.cpus(core=(5, 5))
    machine.now += 1.0
    found = watch.conditions()
    assert found.throttled is None
    assert "throttling unknown" in str(found)


def test_frequencies(machine):
    file = machine.proc / "cpuinfo"
    assert conditions.megahertz(file) is None
    file.write_text("model name : x\ncpu MHz\t\t: 2600.5\n\nmodel name : x\ncpu MHz\t\t: 800.25\n")
    assert conditions.megahertz(file) == (800.25, 2600.5)
    file.write_text("model name : x\n")
    assert conditions.megahertz(file) is None
    file.write_text("cpu MHz : unknown\n")
    assert conditions.megahertz(file) is None


def test_what_the_system_does_not_tell_is_none(machine, monkeypatch):
    # no load averages, as on Windows
    monkeypatch.setattr(conditions, "os", SimpleNamespace())
    watch = machine.watch()
    machine.now += 3.0
    found = watch.conditions()
    assert found.record() == {"seconds": 3.0, **UNKNOWN, "busy": False, "slowed": False}
    said = "load unknown to unknown, what others did is unknown, throttling unknown; 3 s."
    assert str(found) == f"Meanwhile: {said}"


# -- what follows, and how it reads --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "busy"),
    [
        ({"others": LIMIT}, False),
        ({"others": LIMIT + 1e-9}, True),
        ({"others": 0.0, "stolen": LIMIT + 1e-9}, True),
        # neither is much alone
        ({"others": 0.06, "stolen": 0.06}, True),
        ({"others": None, "stolen": None}, False),
        # heat is another matter
        ({"throttled": {"core": 9}}, False),
    ],
)
def test_a_machine_is_busy_by_what_others_had_of_it(changes, busy):
    found = quiet(**changes)
    assert found.busy is busy
    assert ("The machine was BUSY: no ratio of this run counts." in str(found)) is busy


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "load 1.50 to 2.00, others used 0.02 CPUs, not throttled; 10 s."),
        ({"load_after": None}, "load 1.50 to unknown, others used 0.02 CPUs, not throttled; 10 s."),
        ({"others": None}, "load 1.50 to 2.00, what others did is unknown, not throttled; 10 s."),
        (
            {"stolen": 0.04},
            "load 1.50 to 2.00, others used 0.02 CPUs, the host took 0.04 away, not throttled; 10 s.",
        ),
        ({"throttled": None}, "load 1.50 to 2.00, others used 0.02 CPUs, throttling unknown; 10 s."),
        (
            {"throttled": {"core": 2, "package": 0, "quota": 3}},
            "load 1.50 to 2.00, others used 0.02 CPUs, THROTTLED: core 2 times, quota 3 times; 10 s.",
        ),
        (
            {"megahertz": (800.25, 2600.5), "governors": ("performance", "powersave")},
            "load 1.50 to 2.00, others used 0.02 CPUs, not throttled, 800 to 2600 MHz, "
            "governor performance, powersave; 10 s.",
        ),
    ],
)
def test_text(changes, said):
    assert str(quiet(**changes)) == f"Meanwhile: {said}"


def test_records_have_every_attribute():
    found = quiet(megahertz=(1.0, 2.0), governors=("performance",))
    record = json.loads(json.dumps(found.record()))
    assert set(record) == {field.name for field in dataclasses.fields(found)} | {"busy", "slowed"}
    assert record["megahertz"] == [1.0, 2.0]


def test_this_machine_can_be_watched():
    found = Watch().conditions()
    assert found.seconds > 0.0
    assert found.others is None or found.others >= 0.0
    assert str(found).startswith("Meanwhile: load ")
