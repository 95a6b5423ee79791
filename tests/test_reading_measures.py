"""Errors counted in texts that were read, against a plain recursive Levenshtein distance."""

from functools import cache
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knn_digits.reading_measures import LineScore, align, aligned_lines, right_digits, score_lines, share

TEXT = st.text("012", max_size=7)
PAGE = st.lists(TEXT.filter(bool), max_size=4).map("\n".join)


@cache
def oracle(read, true):
    """Errors and how many of them are indels, of the best alignment: by definition, without a table."""
    if not read or not true:
        return (len(read) + len(true),) * 2
    ways = [
        plus(oracle(read[1:], true[1:]), (read[0] != true[0], 0)),
        plus(oracle(read[1:], true), (1, 1)),
        plus(oracle(read, true[1:]), (1, 1)),
    ]
    return min(ways)


@cache
def oracle_of_pages(read, true):
    """The same of tuples of lines."""
    if not read and not true:
        return 0, 0
    ways = []
    if read and true:
        ways.append(plus(oracle_of_pages(read[1:], true[1:]), oracle(read[0], true[0])))
    if read:
        ways.append(plus(oracle_of_pages(read[1:], true), (len(read[0]),) * 2))
    if true:
        ways.append(plus(oracle_of_pages(read, true[1:]), (len(true[0]),) * 2))
    return min(ways)


def plus(a, b):
    return a[0] + b[0], a[1] + b[1]


def of(text):
    return tuple(line for line in text.split("\n") if line)


@given(TEXT, TEXT)
def test_lines_have_as_few_errors_as_possible(read, true):
    score = score_lines(read, true)
    assert (score.errors, score.insertions + score.deletions) == oracle(read, true)
    assert score.insertions - score.deletions == len(read) - len(true)
    assert (score.lines, score.lines_right) == (int(bool(true)), int(bool(true) and read == true))


def test_all_short_lines():
    texts = ["".join(letters) for n in range(5) for letters in product("01", repeat=n)]
    for read, true in product(texts, texts):
        assert score_lines(read, true).errors == oracle(read, true)[0]


@given(PAGE, PAGE)
def test_pages_have_as_few_errors_as_possible(read, true):
    score = score_lines(read, true)
    assert (score.errors, score.insertions + score.deletions) == oracle_of_pages(of(read), of(true))
    assert score.lines == len(of(true))
    assert score.digits == sum(map(len, of(true)))
    assert score.pictures_right == (read == true)


@given(PAGE, PAGE)
def test_alignments_hold_all_that_was_read_and_written_in_order(read, true):
    lines = aligned_lines(read, true)
    assert tuple(found for found, _ in lines if found is not None) == of(read)
    assert tuple(meant for _, meant in lines if meant is not None) == of(true)
    for found, meant in lines:
        pairs = align(found or "", meant or "")
        assert [i for i, _ in pairs if i is not None] == list(range(len(found or "")))
        assert [j for _, j in pairs if j is not None] == list(range(len(meant or "")))


@given(PAGE, PAGE)
def test_every_digit_read_is_right_or_wrong(read, true):
    right, score = right_digits(read, true), score_lines(read, true)
    assert len(right) == sum(map(len, of(read)))
    assert right.count(False) == score.substitutions + score.insertions


@pytest.mark.parametrize(
    ("read", "true", "expected"),
    [
        ("123", "123", LineScore(1, 1, 1, 1, 3)),
        ("723", "123", LineScore(1, 0, 1, 0, 3, substitutions=1)),
        ("1123", "123", LineScore(1, 0, 1, 0, 3, insertions=1)),
        ("23", "123", LineScore(1, 0, 1, 0, 3, deletions=1)),
        ("", "123", LineScore(1, 0, 1, 0, 3, deletions=3)),
        ("123", "", LineScore(1, 0, 0, 0, 0, insertions=3)),
        ("", "", LineScore(1, 1)),
        ("456", "123\n456", LineScore(1, 0, 2, 1, 6, deletions=3)),
        ("123\n9\n456", "123\n456", LineScore(1, 0, 2, 2, 6, insertions=1)),
    ],
)
def test_cases_that_can_be_counted_by_hand(read, true, expected):
    assert score_lines(read, true) == expected


def test_scores_add_up_and_tell_shares_with_intervals():
    told = (score_lines("12", "12") + score_lines("13", "12")).as_json()
    assert told["pictures"] == share(1, 2, "right")
    assert told["digits"]["errors"] == 1
    assert told["digits"]["rate"] == 0.25
    # E. B. Wilson's interval of 1 in 4, by its formula.
    assert told["digits"]["ci95"] == pytest.approx([0.045587, 0.699358], abs=1e-6)
    assert told["digits"]["substitutions"] == 1


def test_more_inventions_than_digits_and_nothing_at_all_have_shares_too():
    assert score_lines("1234", "9").as_json()["digits"]["rate"] == 4
    assert score_lines("1234", "9").as_json()["digits"]["ci95"][1] == 1
    assert share(0, 0, "right") == {"n": 0, "right": 0, "rate": None, "ci95": None}
