"""Labels flipped on purpose come first; images planted twice are found."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from knn_digits import DigitDataset
from knn_digits.audit import Audit, run_audit
from knn_digits.audit.duplicates import NEAR, find_duplicates
from knn_digits.audit.rankings import CUTOFFS, rank_disputed
from knn_digits.audit.suspects import References, by_contradiction
from knn_digits.errors import DataError

N_FLIPPED = 10
DOCS = Path(__file__).parents[1] / "docs" / "audit.md"


def flipped(labels: np.ndarray, seed: int) -> tuple[np.ndarray, set[int]]:
    """Give ten labels the next class."""
    chosen = np.random.default_rng(seed).choice(len(labels), N_FLIPPED, replace=False)
    wrong = labels.copy()
    wrong[chosen] = (wrong[chosen] + 1) % 10
    return wrong, set(chosen.tolist())


@pytest.fixture(scope="session")
def flips(digits: DigitDataset) -> tuple[DigitDataset, dict[str, set[int]]]:
    train_labels, in_train = flipped(digits.train_labels, 1)
    test_labels, in_test = flipped(digits.test_labels, 2)
    planted = {"train": in_train, "test": in_test}
    return replace(digits, train_labels=train_labels, test_labels=test_labels), planted


@pytest.fixture(scope="session")
def audit(flips: tuple[DigitDataset, dict[str, set[int]]]) -> Audit:
    """An audit of both splits, whose flipped test labels are known to be disputed."""
    dataset, planted = flips
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("knn_digits.audit.run.disputed_test_positions", lambda _: tuple(sorted(planted["test"])))
        return run_audit(dataset, first=15)


def with_twins(digits: DigitDataset) -> DigitDataset:
    """An exact copy with another label, one with the same, and a noisy copy in the test images with another."""
    images, labels = digits.train_images[:400].copy(), digits.train_labels[:400].copy()
    test, test_labels = digits.test_images[:100].copy(), digits.test_labels[:100].copy()
    images[300], labels[300] = images[20], (labels[20] + 1) % 10
    images[301], labels[301] = images[21], labels[21]
    noise = np.random.default_rng(3).integers(-6, 7, images[22].shape)
    test[50] = np.clip(images[22].astype(int) + noise, 0, 255)
    test_labels[50] = (labels[22] + 1) % 10
    return replace(digits, train_images=images, train_labels=labels, test_images=test, test_labels=test_labels)


def fields_of(value, path=""):
    """Name the leaves: keys of objects, and lists by all of their items."""
    if isinstance(value, dict) and path != "versions":
        for key, inner in value.items():
            yield from fields_of(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        assert value, f"{path} is empty, so that nothing can be said of its items"
        for item in value:
            yield from fields_of(item, f"{path}[]")
    else:
        yield path if path != "versions" else "versions.<name>"


@pytest.mark.parametrize("split", ["train", "test"])
def test_flipped_labels_are_among_the_first(audit, flips, split):
    found = {s.split: s for s in audit.splits}[split]
    assert flips[1][split] <= {suspect.position for suspect in found.suspects}
    assert found.n_contradicted >= N_FLIPPED


@pytest.mark.parametrize("split", ["train", "test"])
def test_what_is_suggested_for_a_flipped_label_is_mostly_the_true_one(audit, flips, digits, split):
    truth = {"train": digits.train_labels, "test": digits.test_labels}[split]
    suspects = {s.split: s for s in audit.splits}[split].suspects
    right = [s.suggested == truth[s.position] for s in suspects if s.position in flips[1][split]]
    assert sum(right) >= N_FLIPPED - 1


def test_suspects_are_in_order_and_each_is_shown_two_references_of_its_classes(audit, flips):
    labels = flips[0].train_labels
    for split in audit.splits:
        probabilities = [s.label_probability for s in split.suspects]
        assert probabilities == sorted(probabilities)
        assert [s.rank for s in split.suspects] == list(range(1, 16))
        for s in split.suspects:
            assert s.label != s.suggested
            assert labels[s.like_suggested.train] == s.suggested
            assert labels[s.like_label.train] == s.label
            assert (s.split, s.position) != ("train", s.like_label.train)
            assert 0 < s.credibility <= 1


def test_pictures_are_those_of_the_suspects(audit, flips):
    pictures = audit.pictures()
    for split in audit.splits:
        images = {"train": flips[0].train_images, "test": flips[0].test_images}[split.split]
        for suspect, shown in zip(split.suspects, pictures[split.split], strict=True):
            assert (shown[0] == images[suspect.position]).all()
            assert (shown[1] == flips[0].train_images[suspect.like_suggested.train]).all()
            assert (shown[2] == flips[0].train_images[suspect.like_label.train]).all()


def test_ties_go_to_the_smaller_margin_then_to_the_earlier():
    probabilities = np.array([[0.2, 0.4, 0.4], [0.2, 0.7, 0.1], [0.9, 0.1, 0.0], [0.2, 0.4, 0.4]])
    assert by_contradiction(probabilities, np.zeros(4, int)).tolist() == [1, 0, 3, 2]


def test_the_nearest_is_not_the_suspect_nor_of_its_writer():
    vectors = np.array([[0], [1], [2], [9]], np.int8)
    codes = np.zeros(4, int)
    assert References(vectors, codes, None).nearest(vectors[0], 0, 0).train == 1
    by_two = References(vectors, codes, np.array(["a", "a", "b", "b"]))
    assert by_two.nearest(vectors[0], 0, 0).train == 2
    assert by_two.nearest(vectors[0], 0, None).train == 0
    assert References(vectors, codes, np.zeros(4)).nearest(vectors[0], 0, 0) is None


def test_distances_of_int8_vectors_do_not_overflow():
    vectors = np.array([[-128], [127]], np.int8)
    assert References(vectors, np.array([0, 1]), None).nearest(vectors[0], 1, 0).distance == 255


def test_planted_twins_are_found_and_flagged(digits):
    found = run_audit(with_twins(digits), preset="pixels", first=10)
    told = found.as_json()["duplicates"]
    pairs = [
        (p["kind"], p["conflicting"], *((i["split"], i["position"]) for i in p["images"])) for p in told["pairs"]
    ]
    assert pairs[:2] == [
        ("exact", True, ("train", 20), ("train", 300)),
        ("near", True, ("train", 22), ("test", 50)),
    ]
    assert ("exact", False, ("train", 21), ("train", 301)) in pairs
    assert (told["n_exact"], told["n_conflicting"]) == (2, 2)
    assert all(p["distance"] >= NEAR and p["kind"] == "similar" for p in told["closest"])
    images = found.pictures()["pairs"]
    assert (images[0, 0] == images[0, 1]).all()


def test_many_copies_do_not_hide_a_near_one(rng):
    images = rng.integers(0, 256, (40, 28, 28), dtype=np.uint8)
    images[5:15] = images[4]
    images[30] = np.clip(images[4].astype(int) + rng.integers(-9, 10, (28, 28)), 0, 255)
    found = find_duplicates(images, np.zeros(40, int), np.ones(40, bool), 50)
    assert (found.n_exact, found.n_near, found.n_conflicting) == (10, 1, 0)
    assert (found.pairs[-1].first, found.pairs[-1].second) == (4, 30)


@pytest.mark.parametrize("side", [1, 3, 8, 30])
def test_blank_images_and_any_side(side):
    images = np.zeros((4, side, side), np.uint8)
    images[2], images[3] = 255, 254
    found = find_duplicates(images, np.array([0, 1, 1, 1]), np.ones(4, bool), 50)
    assert (found.n_exact, found.n_near, found.n_conflicting) == (1, 1, 1)


def test_only_pairs_with_an_image_asked_about(digits):
    dataset = with_twins(digits)
    train = run_audit(dataset, preset="pixels", splits=["train"]).as_json()
    test = run_audit(dataset, preset="pixels", splits=["test"]).as_json()
    assert train["duplicates"]["n_exact"] == 2
    assert test["duplicates"]["n_exact"] == 0
    assert all("test" in [i["split"] for i in p["images"]] for p in test["duplicates"]["pairs"])
    assert [[s["split"] for s in told["splits"]] for told in (train, test)] == [["train"], ["test"]]
    assert "test" not in {i["split"] for p in train["duplicates"]["pairs"] for i in p["images"]}


def test_test_labels_are_not_looked_at_unless_asked(digits, monkeypatch):
    monkeypatch.setattr("knn_digits.audit.run.disputed_test_positions", lambda _: pytest.fail("looked"))
    few = replace(digits, train_images=digits.train_images[:200], train_labels=digits.train_labels[:200])
    shifted = replace(few, test_labels=(few.test_labels + 1) % 10)
    of_two = [run_audit(d, preset="pixels", splits=["train"], first=3).as_json() for d in (few, shifted)]
    assert of_two[0]["splits"] == of_two[1]["splits"]
    assert of_two[0]["disputed"] is None


def test_any_preset_will_do(flips):
    dataset, planted = flips
    found = run_audit(dataset, preset="pixels", splits=["train"], first=25)
    assert planted["train"] <= {s.position for s in found.splits[0].suspects}


def test_writers_are_left_out_of_their_own_digits(digits):
    few = replace(digits, train_images=digits.train_images[:300], train_labels=digits.train_labels[:300])
    writers = np.arange(300) % 7
    found = run_audit(few, preset="pixels", groups=writers, splits=["train"], first=20)
    assert found.as_json()["writers_known"] is True
    for s in found.splits[0].suspects:
        assert writers[s.position] != writers[s.like_suggested.train]


def test_wrong_use(digits):
    for splits in ([], ["all"]):
        with pytest.raises(ValueError, match="splits"):
            run_audit(digits, splits=splits)
    one_each = [int(np.flatnonzero(digits.train_labels == label)[0]) for label in range(10)]
    lonely = replace(
        digits, train_images=digits.train_images[one_each], train_labels=digits.train_labels[one_each]
    )
    with pytest.raises(DataError, match="at least 2 training images"):
        run_audit(lonely, preset="pixels")
    alone = run_audit(lonely, preset="pixels", splits=["test"], first=2).splits[0].suspects
    assert [s.credibility for s in alone] == [None, None]


def test_disputed_labels_come_first_in_our_order(audit):
    ours = audit.rankings[0]
    assert ours.by == "knn-digits"
    assert ours.among_first(15) == N_FLIPPED
    assert [s.disputed for s in audit.splits[0].suspects].count(True) == N_FLIPPED
    assert {s.split for s in audit.splits[1].suspects if s.disputed} == set()


def test_cleanlab_beside_ours(audit):
    pytest.importorskip("cleanlab")
    ours, confidence, *others = audit.rankings
    assert confidence.by == "cleanlab"
    # The same by construction: the same counts, ties apart.
    assert [confidence.among_first(n) for n in CUTOFFS] == [ours.among_first(n) for n in CUTOFFS]
    assert all(ranking.among_first(100) >= N_FLIPPED - 2 for ranking in others)
    assert all(re.match(r"\d+\.", ranking.version) for ranking in (confidence, *others))


def test_without_cleanlab_its_rows_say_so(monkeypatch, rng):
    for name in ("cleanlab", "cleanlab.rank", "cleanlab.filter"):
        monkeypatch.setitem(sys.modules, name, None)
    probabilities = rng.dirichlet(np.ones(3), 20)
    ours, *cleanlab = rank_disputed(rng.integers(0, 3, 20), probabilities, (3, 4))
    assert ours.left_out is None
    assert len(cleanlab) == 4
    for ranking in cleanlab:
        assert ranking.left_out == "not installed: pip install 'knn-digits[audit]'"
        assert ranking.among_first(15) is None


def test_the_same_audit_twice_is_the_same_in_any_number_of_threads(digits):
    few = replace(digits, train_images=digits.train_images[:300], train_labels=digits.train_labels[:300])
    one, two = (run_audit(few, n_jobs=n, first=5).as_json() | {"created": ""} for n in (1, 2))
    assert one == two


def test_json_is_json_and_every_field_is_documented(audit):
    told = json.loads(json.dumps(audit.as_json(), allow_nan=False))
    told["duplicates"]["pairs"] = told["duplicates"]["pairs"] or told["duplicates"]["closest"]
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    cells = [line.split("|")[1] for line in lines if line.startswith("| `")]
    documented = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    # Where there is none of what these hold, they stand for themselves.
    empty = {
        "dataset.notes[]",
        "disputed.rankings[].among_first",
        "disputed.rankings[].ranks",
        "splits[].suspects[].like_label",
        "splits[].suspects[].like_suggested",
    }
    found = set(fields_of(told)) - empty
    assert found - documented == set(), "not in docs/audit.md"
    assert documented - found - empty == set(), "documented, but not in the audit"
