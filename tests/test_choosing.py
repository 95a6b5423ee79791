"""The path of the largest log odds is what trying all paths finds."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knn_digits.choosing import best_path, columns_of, digit_log_odds, learned_weights
from knn_digits.classifier import Answers
from knn_digits.images.segmentation import MEASURES, Candidate, Line

LEFT_OUT = 1.8
GOOD = {"height": 1.0, "width": 0.6, "inner cut": 3.0, "ink": 0.15}  # of a digit that stands alone


def line_of(sizes: list[float], spans: list[tuple[int, int]], sharing: tuple[int, ...] = ()) -> Line:
    """Candidates that span atoms; those at some positions share the atom before, too."""
    image, measures = np.zeros((28, 28), np.uint8), np.zeros((2, len(MEASURES)))
    measures[1, MEASURES.index("shared")] = 0.1
    candidates = tuple(
        Candidate(first, end, np.zeros(4), image, measures[int(i in sharing)])
        for i, (first, end) in enumerate(spans)
    )
    return Line(np.array(sizes), np.array(sizes), candidates, np.arange(len(sizes)), None, 1)


@st.composite
def lattices(draw) -> tuple[Line, np.ndarray]:
    """Lines of up to 6 atoms, and log odds of their candidates, in any order."""
    sizes = draw(st.lists(st.floats(0.05, 1.5), min_size=1, max_size=6))
    n = len(sizes)
    all_spans = [(first, end) for first in range(n) for end in range(first + 1, min(n, first + 4) + 1)]
    spans = draw(st.lists(st.sampled_from(all_spans), min_size=1, max_size=12))
    log_odds = draw(st.lists(st.floats(-15, 15), min_size=len(spans), max_size=len(spans)))
    may_share = [i for i, (first, _) in enumerate(spans) if first > 0]
    sharing = draw(st.lists(st.sampled_from(may_share), unique=True)) if may_share else []
    return line_of(sizes, spans, tuple(sharing)), np.array(log_odds)


def all_paths(line: Line, atom: int = 0, before: Candidate | None = None) -> Iterator[list[int]]:
    """All choices of candidates that follow each other; the atoms between them are left out.

    One that shares an atom follows a digit that ends with it and has others.
    """
    if atom == len(line.sizes):
        yield []
        return
    yield from all_paths(line, atom + 1)
    for i, candidate in enumerate(line.candidates):
        may_follow = before is not None and before.end - before.first > 1
        if candidate.first == atom and (may_follow or not candidate.shares):
            yield from ([i, *rest] for rest in all_paths(line, candidate.end, candidate))


def worth(line: Line, log_odds: np.ndarray, path: list[int]) -> float:
    covered = np.zeros(len(line.sizes), bool)
    for i in path:
        covered[line.candidates[i].first : line.candidates[i].end] = True
    lost = np.minimum(1, 2 * line.sizes[~covered]).sum()
    return float(log_odds[path].sum() - LEFT_OUT * lost)


@settings(max_examples=150, deadline=None)
@given(lattices())
def test_no_other_path_is_worth_more(lattice):
    line, log_odds = lattice
    paths = list(all_paths(line))
    chosen = best_path(line, log_odds, LEFT_OUT)
    assert chosen in paths
    assert worth(line, log_odds, chosen) == pytest.approx(max(worth(line, log_odds, path) for path in paths))


@settings(max_examples=150, deadline=None)
@given(lattices(), st.integers(1, 8))
def test_no_other_path_of_so_many_is_worth_more(lattice, n_digits):
    line, log_odds = lattice
    paths = list(all_paths(line))
    nearest = max(len(path) for path in paths if len(path) <= n_digits)
    chosen = best_path(line, log_odds, LEFT_OUT, n_digits)
    assert len(chosen) == nearest
    assert chosen in paths
    best = max(worth(line, log_odds, path) for path in paths if len(path) == nearest)
    assert worth(line, log_odds, chosen) == pytest.approx(best)


def test_one_good_digit_beats_two_doubtful_halves_and_two_good_ones_a_doubtful_whole():
    line = line_of([0.6, 0.6], [(0, 2), (0, 1), (1, 2)])
    assert best_path(line, np.array([5.0, 1.0, 2.0]), LEFT_OUT) == [0]
    assert best_path(line, np.array([5.0, 4.0, 3.0]), LEFT_OUT) == [1, 2]


def test_what_is_no_digit_is_left_out_specks_sooner_than_large_ink():
    for size, log_odds, chosen in ((1.0, -2 * LEFT_OUT, []), (1.0, -LEFT_OUT / 2, [0]), (0.1, -LEFT_OUT / 2, [])):
        assert best_path(line_of([size], [(0, 1)]), np.array([log_odds]), LEFT_OUT) == chosen


def answered(probability: float, credibility: float, n: int = 1, label: int = 3) -> Answers:
    probabilities = np.full((n, 10), (1 - probability) / 9)
    probabilities[:, label] = probability
    return Answers(np.full(n, label), probabilities, np.full(n, credibility), np.zeros((n, 1), np.int64))


def measured(n: int = 1, **others: float) -> np.ndarray:
    values = {**GOOD, **{name.replace("_", " "): value for name, value in others.items()}}
    return np.tile([values.get(name, 0.0) for name in MEASURES], (n, 1))


def log_odds_of(answers: Answers, measures: np.ndarray) -> np.ndarray:
    return digit_log_odds(answers, measures, learned_weights())


def test_weights_are_of_the_columns():
    assert columns_of(answered(0.9, 0.5, 7), measured(7)).shape == (7, len(learned_weights().columns))
    assert log_odds_of(answered(0.9, 0.5, 0), measured(0)).shape == (0,)


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "cut borders"])
def test_every_measure_counts(name):
    own, other = ({"cut borders": 1, name: value} for value in (0.25, 0.75 if name != "inner gaps" else 1.0))
    assert (
        columns_of(answered(0.9, 0.5), measured(**own)) != columns_of(answered(0.9, 0.5), measured(**other))
    ).any()


def test_log_odds_are_finite_whatever_is_measured():
    for probability in (0.1, 1.0):
        for credibility in (0.0, np.nan, 1.0):
            for measures in (measured(), measured(ink=0.0), measured(height=50.0, width=50.0, gap=9.0)):
                assert np.isfinite(log_odds_of(answered(probability, credibility), measures)).all()


@pytest.mark.parametrize("label", range(10))
def test_a_digit_like_the_others_of_its_line_is_worth_the_more_the_surer_it_is(label):
    measures = measured(width=0.15 if label == 1 else 0.6)
    good = log_odds_of(answered(0.999, 0.5, label=label), measures)[0]
    assert good > 1
    assert log_odds_of(answered(0.4, 0.5, label=label), measures)[0] < good
    assert log_odds_of(answered(0.999, 1e-4, label=label), measures)[0] < good


def test_a_model_that_cannot_tell_what_is_a_digit_is_believed_by_half():
    unknown, half = (log_odds_of(answered(0.9, value), measured()) for value in (np.nan, 0.5))
    np.testing.assert_array_equal(unknown, half)
