"""The page of an audit: whole, self-contained, and safe whatever classes and folders are called."""

import base64
import hashlib
import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from knn_digits import DigitDataset
from knn_digits.audit import Audit, run_audit
from knn_digits.report.audit import MOST_CARDS, draw_audit, share

from .conftest import HOSTILE, HOSTILE_NAMES, small_digits


def page_of(audit: Audit, folder) -> str:
    draw_audit(folder, json.loads(json.dumps(audit.as_json())), audit.pictures())
    return (folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def audit() -> Audit:
    dataset = small_digits()
    images = dataset.train_images.copy()
    images[[40, 41]] = images[[30, 31]]
    labels = dataset.train_labels.copy()
    labels[40], labels[41] = (labels[30] + 1) % 10, labels[31]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("knn_digits.audit.run.disputed_test_positions", lambda _: tuple(range(0, 80, 6)))
        return run_audit(replace(dataset, train_images=images, train_labels=labels), preset="pixels", first=60)


@pytest.fixture(scope="module")
def page(audit: Audit, tmp_path_factory) -> str:
    return page_of(audit, tmp_path_factory.mktemp("audit"))


def test_every_suspect_and_pair_has_a_card(audit, page):
    duplicates = audit.duplicates
    n_cards = sum(len(s.suspects) for s in audit.splits) + len(duplicates.pairs) + len(duplicates.closest)
    assert page.count('<article class="card') == n_cards
    assert page.count("⚑ labels differ") == 1
    assert page.count('<p><span class="badge">⚑ disputed') == sum(s.disputed for s in audit.splits[0].suspects)


def test_it_is_self_contained_and_every_image_is_described(page):
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "<script" not in page
    images = re.findall(r"<img[^>]*>", page)
    assert images
    assert all(re.search(r' alt="[^"]+"', image) for image in images)
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in html.unescape(page)
    assert ' style="' not in page  # which the policy would not allow


def test_the_policy_allows_its_style(page):
    style = re.search(r"<style>(.*?)</style>", page, flags=re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in html.unescape(page)


def test_it_says_that_nothing_is_deleted_and_how_it_was_made(page):
    assert "Nothing was changed or deleted" in page
    assert "run_audit, called by a program" in page
    assert "Does it find what people dispute?" in page


def test_one_split_without_disputes(tmp_path):
    page = page_of(run_audit(small_digits(), preset="pixels", splits=["test"], first=2), tmp_path)
    assert "people dispute" not in page
    assert 'id="train"' not in page
    assert page.count('class="card suspect"') == 2


def test_a_class_of_one_image_has_nothing_to_be_compared_with(tmp_path):
    few = small_digits(60, 20)
    labels = few.train_labels.copy()
    labels[0] = 10
    found = run_audit(replace(few, train_labels=labels), preset="pixels", splits=["test"], first=20)
    assert page_of(found, tmp_path).count('class="card suspect"') == 20
    lonely = found.splits[0].suspects[0]
    alone = replace(lonely, like_suggested=None, like_label=None)
    split = replace(found.splits[0], suspects=(alone,))
    page = page_of(replace(found, splits=(split,)), tmp_path)
    assert 'class="alike"' not in page


def test_a_page_has_an_end(audit, tmp_path):
    split = replace(audit.splits[0], suspects=audit.splits[0].suspects * 10)
    page = page_of(replace(audit, splits=(split,)), tmp_path)
    assert page.count('class="card suspect"') == MOST_CARDS
    assert f"lists {len(split.suspects)}" in page


def test_hostile_names_stay_text(tmp_path):
    few = small_digits(300, 120)
    train, test = few.train_labels < 5, few.test_labels < 5
    names = np.array(HOSTILE_NAMES)
    dataset = DigitDataset(
        few.train_images[train],
        names[few.train_labels[train]],
        few.test_images[test],
        names[few.test_labels[test]],
        name=HOSTILE,
        source=HOSTILE,
        licence=HOSTILE,
        notes=(HOSTILE,),
    )
    page = page_of(run_audit(dataset, preset="pixels", first=30, command=HOSTILE), tmp_path)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<img src=http" not in page
    assert "{{ 7*7 }}" in page
    assert "\u202e" not in page


@pytest.mark.parametrize(
    ("probability", "words"),
    [(0.0, "below 0.1 %"), (0.0312, "3.1 %"), (0.5, "50 %"), (0.981, "98.1 %"), (0.99999, "above 99.9 %")],
)
def test_nothing_is_said_to_be_certain(probability, words):
    assert share(probability).replace("\N{NO-BREAK SPACE}", " ") == words
