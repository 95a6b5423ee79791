"""The picture of an explanation: self-contained, described in words, and independent of the user's settings."""

import base64
import io
import re
from dataclasses import replace
from itertools import combinations

import matplotlib
import numpy as np
import pytest
from PIL import Image

from knn_digits import KNNDigitClassifier
from knn_digits.drawing import telling
from knn_digits.drawing.explanations import draw_explanation, explanation_as_html
from knn_digits.drawing.style import as_png


@pytest.fixture(scope="module")
def found(digits, X, y):
    return KNNDigitClassifier("fast", calibration_folds=2).fit(X[:400], y[:400]).explain(digits.test_images[5])


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def test_the_figure_names_both_classes_and_what_speaks_for_each(found):
    written = texts(draw_explanation(found))
    assert f"Read as {found.label}, not {found.runner_up.label}" in written
    assert f"Answer: {found.label}" in written
    assert f"Runner-up: {found.runner_up.label}" in written
    for resemblance in (found.answer, found.runner_up):
        assert f"reference {resemblance.id}" in written
        assert f"{resemblance.unexplained:,.0f}" in written
    for label, distance in zip(found.neighbor_labels, found.neighbor_distances, strict=True):
        assert f"{label} · {telling.distance(distance)}" in written


@pytest.mark.parametrize("names", [None, ("a rather long name of a class", "Mounds of it, too"), ("12", "$345$")])
def test_texts_lie_within_the_figure_and_apart_from_each_other(found, names):
    if names:
        found = replace(
            found,
            answer=replace(found.answer, label=names[0]),
            runner_up=replace(found.runner_up, label=names[1]),
            classes=np.array(names),
            votes=np.array([0.7, 0.3]),
            neighbor_labels=np.array([names[0]] * 8),
            neighbor_distances=np.full(8, 1234.0),
        )
    figure = draw_explanation(found)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.texts]
    for text, box in zip(figure.texts, boxes, strict=True):
        assert (box.x0 >= 0) & (box.x1 <= figure.bbox.x1) & (box.y0 >= 0), text
        assert text.get_fontsize() >= 9
    for (one, here), (other, there) in combinations(zip(figure.texts, boxes, strict=True), 2):
        across = min(here.x1, there.x1) - max(here.x0, there.x0)
        down = min(here.y1, there.y1) - max(here.y0, there.y0)
        assert min(across, down) <= 2, (one, other)


def test_html_needs_nothing_else_and_says_what_it_shows(found):
    html = explanation_as_html(found)
    assert re.findall(r"<(\w+)", html) == ["figure", "img", "figcaption"]
    source, alt = re.search(r'src="data:image/png;base64,([^"]+)" alt="([^"]+)"', html).groups()
    assert Image.open(io.BytesIO(base64.b64decode(source))).width == 1600
    assert alt == telling.story(found)
    assert not re.search(r"https?:|url\(", html.replace(source, ""))
    assert len(html) < 400_000


def test_the_users_settings_neither_matter_nor_change(found):
    plain = as_png(draw_explanation(found))
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "image.origin": "lower"}):
        assert as_png(draw_explanation(found)) == plain
        assert matplotlib.rcParams["font.size"] == 30


@pytest.mark.parametrize(
    ("probability", "words"),
    [(1.0, "certain"), (0.9995, "certain"), (0.995, "almost certain"), (0.7, "in doubt"), (0.2, "a guess")],
)
def test_how_sure(probability, words):
    assert telling.how_sure(probability) == words


def test_what_is_almost_all_or_nothing_is_not_said_to_be():
    assert telling.share(0.99999).startswith("above")
    assert telling.share(0.00001).startswith("below")
    assert telling.share(1.0).startswith("100\N{NO-BREAK SPACE}%")
    assert telling.share(0.5) == "50.00\N{NO-BREAK SPACE}%"


def test_how_typical():
    words = [telling.how_typical(p) for p in (np.nan, 0.9, 0.1, 0.01, 0.0)]
    assert len(set(words)) == 5
    assert words[0] == "credibility unknown"


@pytest.mark.parametrize(
    ("distances", "remains", "words"),
    [
        (
            (2.0, 3.0),
            (100.0, 240.0),
            "is 1.5 times as far as the nearest 1; with strokes moved, it leaves 2.4 times as",
        ),
        ((2.0, 2.1), (100.0, 90.0), "0.9 times as much unexplained. All that is near, taken together, decides."),
        ((2.0, 3.0), (0.0, 90.0), "it leaves 90 unexplained, the other nothing."),
        ((0.0, 3.0), (0.0, 90.0), "A 1 lies at distance 0, the nearest 2 at 3."),
        ((0.0, 0.0), (0.0, 0.0), "as far as the nearest 1; with strokes moved, it leaves as much unexplained."),
    ],
)
def test_the_reason(found, distances, remains, words):
    answer, runner_up = (
        replace(found.answer, label=label, distance=d, residual=np.full((2, 2), left / 4))
        for label, d, left in zip((1, 2), distances, remains, strict=True)
    )
    assert words in telling.reason(replace(found, answer=answer, runner_up=runner_up))


def test_where_most():
    evidence = np.zeros((9, 9))
    assert telling.where_most(evidence) == ""
    assert telling.where_most(None) == ""
    evidence[0, 8], evidence[8, 0] = 1, -5
    assert telling.where_most(evidence) == "at the upper right"
    evidence[4, 4] = 2
    assert telling.where_most(evidence) == "in the center"
