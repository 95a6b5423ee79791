import pytest

from knn_digits.benchmark.cold import COLD_REFERENCE, time_commands


def test_the_first_round_does_not_count_and_ratios_are_of_the_same_round():
    now = 0.0
    taken = {"a": iter([99.0, 1.0, 2.0, 1.0]), "b": iter([99.0, 3.0, 4.0, 3.0])}

    def run(command):
        nonlocal now
        now += next(taken[command[0]])

    rows = time_commands({"first": ["a"], "second": ["b"]}, 3, run=run, clock=lambda: now)
    assert [row["seconds"] for row in rows] == [1.0, 3.0]
    assert rows[0]["ratio"] == 1.0
    assert rows[1]["ratio"] == 3.0
    assert rows[1]["ratio_spread"] == pytest.approx([2.0, 3.0])


def test_the_reference_is_a_whole_process():
    assert COLD_REFERENCE.startswith("import ")
