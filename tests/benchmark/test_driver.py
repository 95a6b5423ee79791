"""The arithmetic of the driver, with toy processes and a clock that goes only when told to."""

import pytest

from knn_digits.benchmark.driver import Plan, measure
from knn_digits.benchmark.methods import REFERENCE, Method
from knn_digits.benchmark.process import MethodFailedError


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Toy:
    """A process that takes the seconds it is told to, on the toy clock."""

    def __init__(self, clock, seconds, fit=1.0, errors=3, log=None, name="", fails=None):
        self.clock, self.seconds, self.fit, self.errors = clock, list(seconds), fit, errors
        self.log, self.name, self.fails, self.stopped = log, name, fails, False

    def ask(self, command, timeout):
        do = command["do"]
        if self.log is not None:
            self.log.append((self.name, do))
        if self.fails and do == self.fails[0]:
            raise self.fails[1]
        took = {"fit": self.fit, "predict": self.seconds[0]}.get(do, 0.5)
        if do == "predict" and len(self.seconds) > 1:
            self.seconds.pop(0)
        if took > timeout:
            self.clock.now += timeout
            raise MethodFailedError(f"stopped: no answer within its budget while asked to {do}")
        self.clock.now += took
        return {
            "warm": {"seconds": 9.0, "n_train": 60},
            "fit": {"seconds": took},
            "predict": {"seconds": took, "errors": self.errors, "n": 100},
            "single": {"milliseconds": [float(i + 1) for i in range(command.get("n", 0))]},
            "finish": {"model_mb": 2.0, "recall_at_10": 0.98},
        }[do] | {"peak_rss_mb": {"warm": 50.0, "finish": 500.0}.get(do, 80.0)}

    def stop(self):
        self.stopped = True


def method(name, requires="numpy"):
    return Method(name, lambda threads: None, requires, "BSD", preset=None)


def run(toys, plan=None, clock=None):
    rows, interrupted = measure(
        [method(name) for name in toys], lambda m: toys[m.name], plan or Plan(), clock=clock or Clock()
    )
    return {row["method"]: row for row in rows}, interrupted


def test_medians_spreads_and_ratios():
    clock = Clock()
    toys = {
        REFERENCE: Toy(clock, [10.0, 20.0, 12.0]),
        "fast": Toy(clock, [1.0, 4.0, 1.2], errors=1),
    }
    rows, interrupted = run(toys, clock=clock)
    fast = rows["fast"]
    assert not interrupted
    assert fast["predict_s"] == 1.2
    assert fast["predict_spread"] == [1.0, 4.0]
    # 1/10, 4/20, 1.2/12: of the same round, not 1.2/12 of the medians alone.
    assert fast["ratio_to_sklearn"] == pytest.approx(0.1)
    assert fast["ratio_spread"] == pytest.approx([0.1, 0.2])
    assert rows[REFERENCE]["ratio_spread"] == [1.0, 1.0]
    assert (fast["errors"], fast["error_rate"]) == (1, 0.01)
    assert fast["ci95"][0] < 0.01 < fast["ci95"][1]
    # 334 queries in each of three rounds, of 1 to 334 ms.
    assert (fast["single_ms_p50"], fast["single_ms_p99"]) == (167.0, 331.0)
    assert fast["single_ratio"] == 1.0
    assert fast["warm_up_s"] == 9.0
    assert (fast["peak_rss_mb"], fast["model_mb"], fast["recall_at_10"]) == (80.0, 2.0, 0.98)
    assert fast["left_out"] is None
    assert all(toy.stopped for toy in toys.values())


def test_rounds_go_over_all_methods_in_turn():
    clock, log = Clock(), []
    run({name: Toy(clock, [1.0], log=log, name=name) for name in ("a", "b")}, Plan(rounds=2), clock)
    assert [name for name, do in log if do == "predict"] == ["a", "b", "a", "b"]


def test_a_long_fit_is_measured_once_a_short_one_every_round():
    clock, log = Clock(), []
    toys = {"short": Toy(clock, [1.0], fit=1.0, log=log, name="short")}
    toys["long"] = Toy(clock, [1.0], fit=50.0, log=log, name="long")
    rows, _ = run(toys, Plan(rounds=3), clock)
    assert log.count(("short", "fit")) == 3
    assert log.count(("long", "fit")) == 1
    assert rows["long"]["fit_s"] == 50.0


def test_a_method_that_crashes_is_one_row_and_the_others_go_on():
    clock = Clock()
    crash = ("fit", MethodFailedError("killed by the system (out of memory?)"))
    rows, _ = run({REFERENCE: Toy(clock, [1.0]), "greedy": Toy(clock, [1.0], fails=crash)}, clock=clock)
    assert rows["greedy"]["left_out"] == "killed by the system (out of memory?)"
    assert rows["greedy"]["predict_s"] is None
    assert rows[REFERENCE]["rounds"] == 3


def test_a_method_over_its_budget_keeps_what_it_measured_and_says_so():
    clock = Clock()
    slow = Toy(clock, [40.0])
    rows, _ = run({"slow": slow, "other": Toy(clock, [1.0])}, Plan(rounds=3, budget=60.0), clock)
    assert rows["slow"]["rounds"] == 1
    assert rows["slow"]["predict_s"] == 40.0
    assert "budget" in rows["slow"]["left_out"]
    assert rows["other"]["left_out"] is None


def test_a_method_that_is_not_installed_says_how_to_get_it():
    rows, _ = measure(
        [method("absent", requires="no-such-distribution")], lambda m: pytest.fail("started"), Plan()
    )
    assert rows[0]["left_out"] == "not installed: pip install 'no-such-distribution'"
    assert rows[0]["version"] is None


def test_ctrl_c_keeps_the_rows_that_were_measured():
    clock = Clock()
    toys = {
        REFERENCE: Toy(clock, [1.0]),
        "half": Toy(clock, [1.0], fails=("predict", KeyboardInterrupt())),
        "never": Toy(clock, [1.0]),
    }
    rows, interrupted = run(toys, clock=clock)
    assert interrupted
    assert list(rows) == [REFERENCE]
    assert rows[REFERENCE]["error_rate"] == 0.03
    assert rows[REFERENCE]["left_out"] == "interrupted after 1 of 3 rounds"
    assert all(toy.stopped for toy in toys.values())
