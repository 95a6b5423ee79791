"""The page: complete, self-contained, and true to the results whatever they hold."""

import base64
import copy
import io
import itertools
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from knn_digits.drawing.wording import milliseconds, percent
from knn_digits.experiment import Experiment
from knn_digits.report import cards
from knn_digits.report.figures_evaluation import compared, comparison
from knn_digits.report.page import CHAPTERS, heat

from .conftest import HOSTILE, HOSTILE_NAMES

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
Draw = Callable[..., str]


class Page(HTMLParser):
    """A page as its elements, its headings and its text; a tag left open or closed twice is an error."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def page(drawn: Path) -> Page:
    return Page((drawn / "index.html").read_text(encoding="utf-8"))


def test_nothing_is_fetched(page: Page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "poster", "data", "action", "formaction", "xlink:href"):
            if value := attributes.get(name):
                assert value.startswith(("data:", "#")), (tag, name, value[:80])
    assert page.all("iframe", "object", "embed", "base", "form") == []


def test_styles_and_script_fetch_nothing(drawn: Path):
    text = (drawn / "index.html").read_text(encoding="utf-8")
    own = re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", text, re.DOTALL)
    assert len(own) == 2
    assert not re.search(r"url\(|@import|https?:|fetch|XMLHttp|import\(", " ".join(own))


def test_pictures_fetch_nothing(page: Page):
    for attributes in page.all("img"):
        header, content = attributes["src"].split(",", 1)
        if "svg" in header:
            svg = base64.b64decode(content).decode()
            assert not re.findall(r'href="(?!#|data:)', svg)
            assert "<script" not in svg


def test_the_policy_allows_just_what_is_there(page: Page):
    (policy,) = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not [a for _, a in page.elements if any(name == "style" or name.startswith("on") for name in a)]


def test_every_picture_is_there_whole_and_described(page: Page, experiment: Experiment):
    pictures, results = page.all("img"), experiment.results
    n_pairs, n_hardest = len(results["exploration"]["closest_pairs"]), len(results["show"]["hardest"])
    n_mistakes = len(results["evaluation"]["mistakes"])
    n_figures = 13 + len(results["explanations"])
    assert len(pictures) == n_figures + n_pairs + n_hardest + len(results["differences"]) + 2 * n_mistakes
    for attributes in pictures:
        assert len(attributes["alt"] or "") > 20
        header, content = attributes["src"].split(",", 1)
        if header == "data:image/png;base64":
            Image.open(io.BytesIO(base64.b64decode(content))).load()


def test_alt_texts_hold_numbers(page: Page, experiment: Experiment):
    alts = " ".join(a["alt"] for a in page.all("img"))
    assert percent(experiment.results["evaluation"]["error_rate"]) in alts
    assert percent(experiment.results["tuning"]["best"]["error_rate"]) in alts


def test_ids_are_unique_and_links_lead_somewhere(page: Page):
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    links = [a["href"][1:] for a in page.all("a")]
    assert set(links) >= {anchor for anchor, _ in CHAPTERS}
    assert set(links) <= set(ids)


def test_language_title_and_headings_in_order(page: Page):
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("title")) == 1
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_tables_have_captions_and_scopes(page: Page):
    assert len(page.all("table")) == len(page.all("caption")) > 8
    assert all(a.get("scope") in ("row", "col") for a in page.all("th"))


def test_says_which_data(page: Page, experiment: Experiment):
    dataset = experiment.results["dataset"]
    head = page.text[: page.text.index("A data set of labeled images")]
    assert f"k-nearest neighbors on {dataset['name']}" in head
    assert "This is not MNIST." in head
    for note in dataset["notes"]:
        assert note in head


def test_says_when_it_is_mnist_or_quick(render: Draw, results: dict, arrays: dict):
    results["dataset"] |= {"name": "MNIST", "notes": ["Something else."]}
    results["quick"] = True
    text = render(results, arrays)
    assert "not MNIST" not in text
    assert "quick run" in Page(text).text


def test_main_numbers_and_how_to_reproduce(page: Page, experiment: Experiment):
    results = experiment.results
    for expected in (
        percent(results["evaluation"]["error_rate"]),
        percent(results["evaluation"]["accuracy"]),
        percent(results["baseline"][0]["error_rate"]),
        results["command"],
        results["dataset"]["sha256"],
        results["versions"]["scikit-learn"],
        results["evaluation"]["classification_report"],
        *(insight["text"] for insight in results["insights"]),
        *results["preprocessing"]["steps"],
    ):
        assert expected in page.text


@pytest.mark.parametrize("kind", ["experiment", "many_votes"])
def test_every_setting_is_compared_once(render: Draw, request: pytest.FixtureRequest, kind: str):
    found: Experiment = request.getfixturevalue(kind)
    results, arrays = copy.deepcopy(found.results), found.arrays
    tuned, other = results["tuned_evaluation"]["name"], "one standard error: another one"
    evaluated = [] if results["evaluation"]["tuned"] else ["accurate preset"]
    results["one_standard_error_evaluation"]["name"] = other
    for differs in (True, False):
        choice = {"n_neighbors": results["tuning"]["chosen"]["n_neighbors"] + differs}
        results["tuning"]["one_standard_error"] = results["tuning"]["chosen"] | choice
        plain = [*(row["name"] for row in results["baseline"]), tuned, *([other] if differs else [])]
        assert [row["name"] for row in compared(results)] == [*plain, *evaluated]
        assert (other in comparison(results, arrays).alt) == differs
        text = Page(render(results, arrays)).text
        assert (other in text) == differs
        assert ("tuned settings, from chapters 6 and 7, stand below" in text) == differs
        assert ("tuned setting, from chapters 6 and 7, stands below" in text) != differs
        assert ("and last the accurate preset" in text) == bool(evaluated)


def test_tells_of_every_stage(page: Page, experiment: Experiment):
    stages = experiment.results["stages"]
    start, end = map(page.text.index, ("The accurate preset answers in stages", "Each sentence is computed"))
    chapter = page.text[start:end]
    (alt,) = [a["alt"] for a in page.all("img") if "stage by stage" in (a["alt"] or "")]
    for row in stages["rows"]:
        assert row["name"] in chapter
        assert f"{row['name']}: {row['errors']} error" in alt
        assert milliseconds(row["ms_per_image"]) in alt
    assert f"{stages['n_contested']} of 80 images" in chapter


def test_only_few_contested_images_are_called_few(render: Draw, results: dict, arrays: dict):
    for share, few in ((0.05, True), (0.6, False)):
        results["stages"]["contested_share"] = share
        text = Page(render(results, arrays)).text
        assert ("judging so closely costs so little" in text) == few
        assert (f"Only {results['stages']['n_contested']}" in text) == few


def test_a_preset_without_stages_has_no_chapter_on_them(render: Draw, many_votes: Experiment):
    page = Page(render(many_votes.results, many_votes.arrays))
    assert [a["href"] for a in page.all("a")] == [
        *(f"#{anchor}" for anchor, _ in CHAPTERS if anchor != "stages"),
        "#reproduce",
        "#reproduce",
    ]
    assert "8 How sure" in " ".join(page.text.split())
    assert "10 Insights" in " ".join(page.text.split())


def test_the_tuned_setting_is_told_of_whatever_is_evaluated(render: Draw, results: dict, arrays: dict):
    results["tuned_evaluation"] |= {"errors": 77, "error_rate": 0.123}
    page = Page(render(results, arrays))
    chapter = page.text[page.text.index("What it leads to") : page.text.index("What it costs")]
    assert "77 errors" in chapter
    assert percent(0.123) in chapter
    assert "The accurate preset goes on from there" in chapter
    assert "Error rate, accurate preset" in page.text
    assert "Error rate, tuned" not in page.text


def test_says_only_what_is_so(page: Page, render: Draw, results: dict, arrays: dict):
    assert "dark and faint ink count alike" in page.text  # cosine cancels contrast, not the width of strokes
    assert "thick" not in page.text
    assert "whole run" not in page.text.lower()  # acquiring, saving and drawing are not in the time told
    assert "If one person wrote several of the images" in page.text  # nothing is known about writers here
    results["preprocessing"]["whole_writers"] = True
    assert "All images of one writer are in one fold" in render(results, arrays)


@pytest.mark.parametrize("kind", ["many_mistakes", "many_votes"])
def test_shows_every_mistake_with_its_neighbors(render: Draw, request: pytest.FixtureRequest, kind: str):
    found: Experiment = request.getfixturevalue(kind)
    results = copy.deepcopy(found.results)
    mistakes = results["evaluation"]["mistakes"]
    mistakes[3]["disputed"] = True
    text = render(results, found.arrays)
    assert len(mistakes) > 100
    assert len(Page(text).all("article")) == len(mistakes)
    for mistake in mistakes:
        assert f"Test image {mistake['test']}, labeled {mistake['label']}, read as {mistake['answer']}" in text
    votes = [n["votes"] for m in mistakes for n in m["neighbors"]]
    assert text.count(" votes</span>") == votes.count(True)
    assert text.count(" does not vote</span>") == votes.count(False)
    assert ("No single image decides" in text) == (kind == "many_mistakes")
    assert text.count("disputed label</span>") == sum(m["disputed"] for m in mistakes) > 3
    assert "143 of these test labels are disputed" in text


def test_caps_the_bytes_of_the_gallery_and_says_so(
    many_mistakes: Experiment, render: Draw, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cards, "MOST_PICTURE_BYTES", 30_000)
    page = Page(render(many_mistakes.results, many_mistakes.arrays))
    n_shown = len(page.all("article"))
    assert 5 < n_shown < 60
    assert f"The first {n_shown} of" in page.text


def test_caps_the_gallery_and_says_so(many_mistakes: Experiment, render: Draw, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cards, "MOST_MISTAKES", 50)
    page = Page(render(many_mistakes.results, many_mistakes.arrays))
    assert len(page.all("article")) == 50
    assert f"The first 50 of {len(many_mistakes.results['evaluation']['mistakes'])} mistakes" in page.text


@pytest.mark.parametrize("n", [400, 1200])
def test_stays_below_8_mb_with_noise_for_pictures(render: Draw, results: dict, arrays: dict, n: int):
    mistake = {**many_neighbors(), "test": 0, "label": 1, "answer": 7, "answer_share": 1.0, "label_share": 0.0}
    results["evaluation"]["mistakes"] = [{**mistake, "test": i, "disputed": False} for i in range(n)]
    noise = np.random.default_rng(0).integers(0, 256, (n, 6, 28, 28), dtype=np.uint8)
    arrays |= {"mistake_images": noise[:, 0], "mistake_neighbor_images": noise}
    text = render(results, arrays)
    assert len(text.encode()) < 8_000_000
    if n == 400:
        assert len(Page(text).all("article")) == 400


def many_neighbors() -> dict[str, Any]:
    neighbor = {"train": 5, "label": 7, "distance": 1234.5, "votes": True}
    return {"neighbors": [neighbor] * 6}


def test_without_mistakes_differences_and_disputed(draw: Draw, results: dict, arrays: dict):
    evaluation = results["evaluation"]
    evaluation |= {"mistakes": [], "disputed": None, "errors": 0, "top2_accuracy": None}
    evaluation["confusion"] = np.diag([row["support"] for row in evaluation["per_class"]]).tolist()
    results["differences"] = []
    none = np.zeros((0, 8, 8), np.uint8)
    arrays |= {"mistake_images": none, "difference_images": none, "mistake_neighbor_images": none[:, None]}
    page = Page(draw(results, arrays))
    assert "There is none" in page.text
    assert page.all("article") == []
    assert "Disputed labels" not in page.text
    assert "all answers are the same" in page.text


def test_a_class_without_test_images(draw: Draw, results: dict, arrays: dict):
    evaluation = results["evaluation"]
    evaluation["per_class"][0] |= {"support": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0}
    evaluation["confusion"][0] = [0] * 10
    results["exploration"]["class_counts"]["test"][0] = 0
    page = Page(draw(results, arrays))
    (alt,) = [a["alt"] for a in page.all("img") if a["alt"].startswith("Precision")]
    assert "of each class: 1 " in alt


def test_results_of_no_command(render: Draw, results: dict, arrays: dict):
    results["command"] = None
    text = render(results, arrays)
    assert "No command made the results" in Page(text).text
    assert '<pre class="command">' not in text


def test_machines_that_do_not_tell(render: Draw, results: dict, arrays: dict):
    results["machine"]["memory_gb"] = results["timings"]["peak_memory_mb"] = None
    assert Page(render(results, arrays)).text.count("unknown") == 2


def test_hostile_names_are_text(hostile_page: str):
    page = Page(hostile_page)
    assert len(page.all("script")) == 1
    assert not [a for a in page.all("img") if not a["src"].startswith("data:")]
    assert page.text.count(HOSTILE) >= 5
    assert "{{ 7*7 }}" in page.text
    for name in HOSTILE_NAMES[:4]:
        assert name in page.text
    assert "\u202e" not in page.text.replace(HOSTILE, "").split("scikit-learn prints it")[0]


def test_the_same_results_give_the_same_bytes(drawn: Path, experiment: Experiment, draw: Draw, tmp_path: Path):
    draw(copy.deepcopy(experiment.results), dict(experiment.arrays))
    files = sorted(p.relative_to(drawn) for p in drawn.rglob("*") if p.suffix in (".html", ".png", ".svg"))
    assert len(files) > 20
    for file in files:
        assert (tmp_path / file).read_bytes() == (drawn / file).read_bytes(), file


def test_heat_grades_confusions_by_share_of_their_row():
    assert heat([[90, 10, 0], [1, 99, 0], [0, 0, 0]]) == [[0, 5, 0], [1, 0, 0], [0, 0, 0]]
    assert heat([[5, 0], [0, 5]]) == [[0, 0], [0, 0]]
