"""How sure: the chapter and its figures tell what is in the results, and nothing where there is nothing."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from knn_digits.drawing.wording import percent, plain_percent
from knn_digits.experiment import Experiment
from knn_digits.report import cards
from knn_digits.report.figures import Picture, draw_figures
from knn_digits.report.figures_confidence import reliability, risk_coverage
from knn_digits.report.figures_foreign import foreign
from knn_digits.report.page import render_page

from .conftest import HOSTILE
from .test_page import Page

Draw = Callable[..., str]


@pytest.fixture(scope="module")
def pictures(surely: Experiment) -> dict[str, Picture]:
    return draw_figures(surely.results, surely.arrays, lambda done: None)


@pytest.fixture
def found(surely: Experiment) -> dict[str, Any]:
    return copy.deepcopy(surely.results)


@pytest.fixture
def chapter(surely: Experiment, pictures: dict[str, Picture]) -> Callable[[dict], str]:
    """Give the text of the chapter, of results that may have been changed."""

    def rendered(results: dict[str, Any]) -> str:
        text = " ".join(Page(render_page(results, surely.arrays, pictures)).text.split())
        return text[text.index("Whoever reads forms") : text.index("Each sentence is computed")]

    return rendered


def test_every_figure_says_its_numbers(surely: Experiment, pictures: dict[str, Picture]):
    confidence = surely.results["confidence"]
    for b in confidence["calibration"]["bins"] + confidence["calibration"]["out_of_fold"]["bins"]:
        words = f"{percent(b['confidence'], 1)} sure, {percent(b['accuracy'], 1)} right of {b['n']}"
        assert words in pictures["reliability"].alt
    for row in confidence["rejection"]["rows"]:
        assert plain_percent(row["reject"]) in pictures["risk_coverage"].alt
        assert percent(row["rejected_share"]) in pictures["risk_coverage"].alt
    for kind in confidence["credibility"]["kinds"]:
        use = "held out" if kind["held_out"] else "known"
        assert f"{kind['name']} ({use}) {percent(kind['called_foreign'], 1)}" in pictures["foreign"].alt


def test_the_page_tells_every_row(found: dict, chapter: Callable[[dict], str]):
    confidence = found["confidence"]
    row = confidence["rejection"]["rows"][1]
    row |= {"threshold": 0.8765, "rejected_share": 0.0123, "errors": 7, "error_rate": 0.00456, "answered": 1979}
    row |= {"ci95": [0.0011, 0.0222], "answered_undisputed": 66, "errors_undisputed": 5}
    confidence["rejection"]["max_error"] |= {"max_error": 0.015}
    confidence["prediction_sets"][0] |= {"sizes": {"1": 70, "2": 10}, "missed": 3, "mean_size": 1.125}
    confidence["prediction_sets"][0]["splits"] |= {"coverage": 0.98765, "standard_error": 0.00012}
    text = chapter(found)
    assert "1 %0.87651.23 %1,97970.456 %0.11 % to 2.22 %5 of 66" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "At most 1.5 % wrong" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "98.765 % ± 0.012 %" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "3 missed" in text
    assert "1.12501: 70; 2: 10" in text.replace("\N{NO-BREAK SPACE}", " ")
    for kind in confidence["credibility"]["kinds"]:
        assert kind["name"] in text
        assert kind["about"] in text
    assert text.index("Known while the rule was made") < text.index("scribbles") < text.index("Held out")
    assert text.index("Held out") < text.index("halves of digits")


def test_says_whether_folds_are_of_whole_writers(found: dict, chapter: Callable[[dict], str]):
    assert "nor any other image of its writer" not in chapter(found)
    assert "the folds were not of whole writers" in chapter(found)
    found["confidence"]["whole_writers"] = True
    assert "nor any other image of its writer" in chapter(found)
    assert "the folds were not of whole writers" not in chapter(found)


def test_what_nobody_asked_for_is_not_told(found: dict, chapter: Callable[[dict], str]):
    assert "--max-error" in chapter(found)
    assert "Without disputed labels" in chapter(found)
    found["confidence"]["rejection"]["max_error"] = None
    found["evaluation"]["disputed"] = None
    assert "--max-error" not in chapter(found)
    assert "isputed" not in chapter(found)


def test_where_no_answer_is_sure_enough(found: dict, surely: Experiment, chapter: Callable[[dict], str]):
    nothing = {"threshold": None, "rejected": 80, "rejected_share": 1.0, "answered": 0, "errors": 0}
    nothing |= {"error_rate": None, "ci95": None, "answered_undisputed": 0, "errors_undisputed": 0}
    rejection = found["confidence"]["rejection"]
    rejection["max_error"] |= nothing
    rejection["rows"][3] |= nothing
    assert "no answer is given at all" in chapter(found)
    assert "threshold for 5" not in risk_coverage(found, surely.arrays).alt


def test_a_kind_that_is_not_found_out_is_called_so(
    found: dict, surely: Experiment, chapter: Callable[[dict], str]
):
    kind = found["confidence"]["credibility"]["kinds"][0]
    for share, kept in ((0.98, "no"), (0.99, "yes")):
        kind |= {"called_foreign": share, "ci95": [0.9, 1.0], "required": 0.99, "mean_probability": 0.777}
        text = chapter(found).replace("\N{NO-BREAK SPACE}", " ")
        assert f"99 %{percent(share, 1)}90.00 % to 100.00 %{kept}77.7 %".replace("\N{NO-BREAK SPACE}", " ") in text
        assert f"{percent(share, 1)} (90.00" in foreign(found, surely.arrays).alt.replace(
            "(90.00\N{NO-BREAK SPACE}", "(90.00 "
        )


def test_shows_what_would_be_taken_for_digits_most_surely(found: dict, surely: Experiment):
    kinds = found["confidence"]["credibility"]["kinds"]
    kinds[4]["shown"][5] |= {"answer": 3, "probability": 1.0, "credibility": 0.0123}
    shown = cards.foreign_cards(found, surely.arrays)
    assert len(shown) == len(kinds)
    assert shown[0].about == {"name": kinds[4]["name"], "answer": 3, "probability": 1.0, "credibility": 0.0123}
    assert [c.about["probability"] for c in shown] == sorted((c.about["probability"] for c in shown), reverse=True)


def test_without_pictures_of_mnists_size_nothing_is_said_of_foreign_ones(
    render: Draw, results: dict, arrays: dict
):
    assert results["confidence"]["credibility"]["kinds"] == []
    assert foreign(results, arrays) is None
    assert cards.foreign_cards(results, arrays) == []
    text = Page(render(results, arrays)).text
    assert "measured on images of 28 × 28 pixels alone" in text
    assert "Held out" not in text


def test_too_few_images_for_prediction_sets(render: Draw, many_mistakes: Experiment):
    assert many_mistakes.results["confidence"]["prediction_sets"] == []
    assert "too few training images for any of the coverages" in render(
        many_mistakes.results, many_mistakes.arrays
    )


def test_without_confidence_there_is_no_chapter(draw: Draw, results: dict, arrays: dict):
    results["confidence"] = None
    page = Page(draw(results, arrays))
    assert "#confidence" not in [a["href"] for a in page.all("a")]
    assert "Whoever reads forms" not in page.text
    assert [f(results, arrays) for f in (reliability, risk_coverage, foreign)] == [None] * 3


def test_answers_that_are_all_sure_and_right(draw: Draw, results: dict, arrays: dict):
    """One bin, no errors: nothing divides by zero, and no axis has no length."""
    confidence = results["confidence"]
    only = {"low": 14 / 15, "high": 1.0, "n": 80, "confidence": 1.0, "accuracy": 1.0}
    confidence["calibration"]["bins"] = confidence["calibration"]["out_of_fold"]["bins"] = [only]
    for curve in ("curve", "curve_out_of_fold"):
        confidence["rejection"][curve] = [{"coverage": c, "error_rate": 0.0} for c in (0.5, 1.0)]
    for row in confidence["rejection"]["rows"]:
        row |= {"rejected": 0, "rejected_share": 0.0, "errors": 0, "error_rate": 0.0, "ci95": [0.0, 0.0]}
    assert "100.0\N{NO-BREAK SPACE}% right of 80" in draw(results, arrays)


def test_hostile_names_are_text(found: dict, surely: Experiment):
    for kind in found["confidence"]["credibility"]["kinds"]:
        kind |= {"name": f"$\\frac$ \u202e{HOSTILE}", "about": HOSTILE}
        for shown in kind["shown"]:
            shown["answer"] = HOSTILE
    drawn = draw_figures(found, surely.arrays, lambda done: None)
    page = Page(render_page(found, surely.arrays, drawn))
    assert len(page.all("script")) == 1
    assert not [a for a in page.all("img") if not a["src"].startswith("data:")]
    assert page.text.count(HOSTILE) > 3 * 13 - 1
    assert "\u202e" not in page.text


@pytest.mark.parametrize(("kind", "word"), [("many_mistakes", "Probability: "), ("many_votes", "Vote: ")])
def test_only_shares_of_a_vote_are_called_so(render: Draw, request: pytest.FixtureRequest, kind: str, word: str):
    experiment: Experiment = request.getfixturevalue(kind)
    text = render(experiment.results, experiment.arrays)
    assert text.count(f"<small>{word}") == len(experiment.results["evaluation"]["mistakes"])
    assert "Shares: " not in text
    assert ('<a href="#confidence">How sure</a> tells' in text) == (kind == "many_mistakes")
