"""The whole experiment, in order: explore, show, preprocess, baseline, tune, evaluate, put into words.

`run_experiment` is the story; each step below it is one function that returns what it adds to the results
(numbers and words, fields of ``results.json``) and to the arrays (what pictures need, ``results.npz``). The test
images are counted in `_explore`, answered in `_baseline` and `_evaluate`, and choose nothing.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knn_digits import exploration
from knn_digits.baseline import Baseline, differences, run_scikit_learn
from knn_digits.classifier import KNNDigitClassifier
from knn_digits.datasets import DigitDataset
from knn_digits.datasets.disputed import disputed_test_positions
from knn_digits.errors import DataError
from knn_digits.evaluation import Evaluation, errors_without, evaluate, mcnemar
from knn_digits.insights import insights
from knn_digits.machine import describe_machine, describe_versions, peak_memory_mb, utc_now
from knn_digits.neighbors import vote
from knn_digits.progress import Progress, SilentProgress
from knn_digits.results_files import FORMAT, FORMAT_VERSION
from knn_digits.tuning import EMBEDDING_OF_METRIC, Choice, Tuning, compare_metrics, make_folds, tune

__all__ = ["Experiment", "run_experiment"]

N_FOLDS = 5
MAX_NEIGHBORS = 25
MIN_TRAIN = 10  # the baseline asks for 6 neighbors
# `quick` keeps one image in five of both parts: searches then take a twenty-fifth of the time.
QUICK_SHARE = 0.2
N_SAMPLES, N_HARDEST, N_PAIRS, N_MAP, N_SHOWN_NEIGHBORS = 12, 36, 10, 2000, 6
SUBSET_QUERIES, SUBSET_REFERENCES = 1500, 6000
# What is for looking at alone takes as long for few images as for many, so a quick run shows less of it.
QUICK_N_MAP, QUICK_SUBSET_QUERIES = 700, 400


@dataclass
class Experiment:
    """What an experiment found.

    Attributes
    ----------
    results : dict
        Fields of ``results.json``, documented in ``docs/results.md``.
    arrays : dict of str to ndarray
        What pictures need.
    model : KNNDigitClassifier
        The tuned model, fitted on the training images.
    """

    results: dict[str, Any]
    arrays: dict[str, NDArray]
    model: KNNDigitClassifier


@dataclass(frozen=True)
class _Data:
    """The images of one experiment, as rows, with labels as class numbers beside the labels themselves."""

    dataset: DigitDataset
    train_ids: NDArray[np.int64]  # positions in the dataset; fewer than all when quick
    test_ids: NDArray[np.int64]
    groups: NDArray | None
    n_jobs: int | None
    seed: int
    quick: bool

    train: NDArray[np.uint8] = field(init=False)
    test: NDArray[np.uint8] = field(init=False)
    train_labels: NDArray = field(init=False)
    test_labels: NDArray = field(init=False)
    train_codes: NDArray[np.int64] = field(init=False)
    test_codes: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        for part, ids in (("train", self.train_ids), ("test", self.test_ids)):
            images, labels = getattr(self.dataset, f"{part}_images"), getattr(self.dataset, f"{part}_labels")
            everything = len(ids) == len(images)
            chosen = images if everything else images[ids]
            chosen_labels = labels if everything else labels[ids]
            codes = np.searchsorted(self.dataset.classes, chosen_labels)
            object.__setattr__(self, part, chosen.reshape(len(chosen), -1))
            object.__setattr__(self, f"{part}_labels", chosen_labels)
            object.__setattr__(self, f"{part}_codes", codes)

    @property
    def n_classes(self) -> int:
        return len(self.dataset.classes)

    def as_images(self, rows: NDArray) -> NDArray:
        return rows.reshape(*rows.shape[:-1], self.dataset.side, self.dataset.side)


Added = tuple[dict[str, Any], dict[str, NDArray]]


def run_experiment(
    dataset: DigitDataset,
    *,
    preset: str = "pixels",
    groups: ArrayLike | None = None,
    quick: bool = False,
    seed: int = 0,
    n_jobs: int | None = -1,
    progress: Progress | None = None,
) -> Experiment:
    """Run the whole experiment.

    Parameters
    ----------
    dataset : DigitDataset
    preset : {"pixels"}
        The recognizer that is tuned and evaluated.
    groups : array of shape (n_train,), optional
        Writer of each training image; folds are then of whole writers.
    quick : bool
        Use a stated fifth of the images.
    seed : int
        Of everything that is drawn: folds, samples, subsets.
    n_jobs : int, optional
        Threads of our own searches, as joblib counts them.
    progress : Progress, optional
        Who is told what goes on.

    Returns
    -------
    experiment : Experiment

    Raises
    ------
    DataError
        If there are too few images, classes or writers to cross-validate.
    """
    told = progress or SilentProgress()
    started = time.perf_counter()
    data = _choose_images(dataset, groups, quick, seed, n_jobs)
    _check_enough(data)
    results = _about(data)
    arrays: dict[str, NDArray] = {}
    seconds: dict[str, float] = {}

    def add(step: str, added: Added) -> None:
        seconds[step] = time.perf_counter() - started - sum(seconds.values())
        results.update(added[0])
        arrays.update(added[1])

    add("explore", _explore(data, told))
    add("show", _show(data, arrays["mean_images"], told))
    folds = make_folds(data.train_labels, n_folds=N_FOLDS, groups=data.groups, seed=seed)
    add("preprocess", _preprocess(data, folds))
    baselines, added = _baseline(data, told)
    add("baseline", added)
    tuning, added = _tune(data, folds, told)
    add("tune", added)
    model, added = _evaluate(data, preset, tuning, baselines[0], told)
    add("evaluate", added)
    results["timings"] = {
        "step_s": seconds,
        "total_s": time.perf_counter() - started,
        "sklearn_predict_s": baselines[0].predict_seconds,
        "peak_memory_mb": peak_memory_mb(),
    }
    results["insights"] = insights(results)
    return Experiment(results, arrays, model)


# ---- 1. the data ----


def _choose_images(
    dataset: DigitDataset, groups: ArrayLike | None, quick: bool, seed: int, n_jobs: int | None
) -> _Data:
    train_ids, test_ids = np.arange(len(dataset.train_images)), np.arange(len(dataset.test_images))
    if quick:
        train_ids = _stratified_share(dataset.train_labels, QUICK_SHARE, seed)
        test_ids = _stratified_share(dataset.test_labels, QUICK_SHARE, seed)
    chosen_groups = None if groups is None else np.asarray(groups)[train_ids]
    return _Data(dataset, train_ids, test_ids, chosen_groups, n_jobs, seed, quick)


def _stratified_share(labels: NDArray, share: float, seed: int) -> NDArray[np.int64]:
    """Draw the same share of every class, at least ten images (or all) of each, in ascending order."""
    rng = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        n = min(len(members), max(10, round(share * len(members))))
        chosen.append(rng.choice(members, n, replace=False))
    return np.sort(np.concatenate(chosen))


def _check_enough(data: _Data) -> None:
    smallest = int(np.bincount(data.train_codes).min())
    if smallest < 2 or len(data.train) < MIN_TRAIN:
        raise DataError(
            f"{data.dataset.name}: expected at least {MIN_TRAIN} training images and 2 of every class, got "
            f"{len(data.train)} and {smallest}: cross-validation needs more"
        )
    if data.groups is not None and len(np.unique(data.groups)) < 2:
        raise DataError("expected at least 2 writers in the file of groups, got 1: folds are of whole writers")


def _about(data: _Data) -> dict[str, Any]:
    dataset = data.dataset
    notes = list(dataset.notes)
    if data.quick:
        notes.append(
            f"A quick run on a subset: {len(data.train):,} of {len(dataset.train_images):,} training and "
            f"{len(data.test):,} of {len(dataset.test_images):,} test images, drawn at random (seed "
            f"{data.seed}), the same share of every class. Errors are higher than on the whole set."
        )
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "created": utc_now(),
        "command": " ".join(["knn-digits", *sys.argv[1:]]),
        "quick": data.quick,
        "seeds": {"seed": data.seed},
        "versions": describe_versions(),
        "machine": describe_machine(),
        "dataset": {
            "name": dataset.name,
            "source": dataset.source,
            "licence": dataset.licence,
            "sha256": dataset.sha256,
            "side": dataset.side,
            "classes": dataset.classes.tolist(),
            "n_train": len(data.train),
            "n_test": len(data.test),
            "n_train_available": len(dataset.train_images),
            "n_test_available": len(dataset.test_images),
            "notes": notes,
        },
    }


# ---- 2. explore ----


def _explore(data: _Data, told: Progress) -> Added:
    with told.step("Explore: counts, ink, duplicates, means"):
        ink = exploration.ink_per_class(data.train, data.train_codes, data.n_classes)
        duplicates = exploration.count_duplicates(data.train, data.test)
        means, spreads = exploration.class_means_and_spreads(
            data.as_images(data.train), data.train_codes, data.n_classes
        )
    n_queries = int((data.train_codes < data.n_classes - 1).sum())
    with told.step("Explore: closest pairs of different classes", n_queries) as advance:
        pairs = exploration.closest_pairs_of_different_classes(
            data.train, data.train_codes, N_PAIRS, n_jobs=data.n_jobs, progress=advance
        )
    labels = data.dataset.classes.tolist()
    found = {
        "pixel_type": str(data.train.dtype),
        "pixel_range": [int(data.train.min()), int(data.train.max())],
        "class_counts": {
            "train": np.bincount(data.train_codes, minlength=data.n_classes).tolist(),
            "test": np.bincount(data.test_codes, minlength=data.n_classes).tolist(),
        },
        "ink_per_class": [
            {"label": label, "mean": float(values.mean()), "std": float(values.std())}
            for label, values in zip(labels, ink, strict=True)
        ],
        "duplicates": duplicates,
        "closest_pairs": [
            {
                "train": [int(data.train_ids[p.first]), int(data.train_ids[p.second])],
                "labels": [labels[data.train_codes[p.first]], labels[data.train_codes[p.second]]],
                "distance": p.distance,
            }
            for p in pairs
        ],
    }
    members = np.array([[p.first, p.second] for p in pairs], np.int64).reshape(-1, 2)
    return {"exploration": found}, {
        "ink": np.concatenate(ink),
        "ink_codes": np.repeat(np.arange(data.n_classes), [len(values) for values in ink]),
        "mean_images": means.astype(np.float32),
        "spread_images": spreads.astype(np.float32),
        "closest_pair_images": data.as_images(data.train[members]),
    }


# ---- 3. show ----


def _show(data: _Data, means: NDArray, told: Progress) -> Added:
    images = data.as_images(data.train)
    with told.step("Show: samples, hard ones, a map"):
        samples = exploration.samples_per_class(data.train_codes, data.n_classes, N_SAMPLES, data.seed)
        hardest, resembled = exploration.hardest_looking(images, data.train_codes, means, N_HARDEST)
        layout = exploration.map_of_digits(
            images, data.train_codes, QUICK_N_MAP if data.quick else N_MAP, data.seed
        )
    sample_images = images[samples]
    sample_images[samples < 0] = 0
    labels = data.dataset.classes
    shown = {
        "samples": [[int(data.train_ids[i]) for i in row if i >= 0] for row in samples],
        "hardest": [
            {
                "train": int(data.train_ids[i]),
                "label": labels[data.train_codes[i]].item(),
                "resembles": labels[other].item(),
            }
            for i, other in zip(hardest, resembled, strict=True)
        ],
        "map": {"method": layout.method, "n": len(layout.chosen)},
    }
    return {"show": shown}, {
        "sample_images": sample_images,
        "hardest_images": images[hardest],
        "map_positions": layout.positions.astype(np.float32),
        "map_codes": data.train_codes[layout.chosen],
        "map_images": images[layout.chosen],
    }


# ---- 4. preprocess ----


def _preprocess(data: _Data, folds: NDArray[np.int64]) -> Added:
    sizes = np.bincount(folds).tolist()
    whole_writers = "" if data.groups is None else f" of whole writers ({len(np.unique(data.groups))})"
    steps = [
        "Nearest neighbors do not need pixels scaled: multiplying every pixel by one number changes no order of "
        "distances. So the search compares the stored whole numbers 0..255, exactly.",
        "scikit-learn gets the same numbers as float32, which holds them exactly.",
        "For cosine distance every image is scaled to one length and rounded to whole numbers (a length of "
        "4,000), so that cosine neighbors are Euclidean neighbors.",
        "Amounts of ink in this report are scaled to [0, 1].",
        f"The split into training and test images is that of the data set: {len(data.train):,} and "
        f"{len(data.test):,}.",
        f"For tuning, the training images alone were cut into {len(sizes)} folds{whole_writers}, at random "
        f"(seed {data.seed}), with the same share of every class.",
    ]
    found = {
        "steps": steps,
        "n_folds": len(sizes),
        "fold_sizes": sizes,
        "whole_writers": data.groups is not None,
    }
    return {"preprocessing": found}, {"folds": folds.astype(np.int8)}


# ---- 5. baseline ----


def _baseline(data: _Data, told: Progress) -> tuple[list[Baseline], Added]:
    """Answer the test images with scikit-learn's defaults and k = 3, and with our exact search for both k."""
    labels = data.train_labels
    baselines = []
    for k in (None, 3):
        title = f"Baseline: scikit-learn, k = {k or 5}"
        with told.step(title, len(data.test)) as advance:
            baselines.append(run_scikit_learn(k, data.train, labels, data.test, advance))
    with told.step("Baseline: pixels preset", len(data.test)) as advance:
        ours, neighbor_labels, distances = _pixels_answers(data, baselines, advance)
    differing = [
        {"n_neighbors": theirs.n_neighbors, **vars(difference)}
        for theirs, mine in zip(baselines, ours, strict=True)
        for difference in differences(theirs.answers, mine.answers, neighbor_labels, distances, theirs.n_neighbors)
    ]
    positions = [d["test"] for d in differing]
    for d in differing:
        d["neighbor_labels"] = neighbor_labels[d["test"], : d["n_neighbors"]].tolist()
        d["label"] = data.test_labels[d["test"]].item()
        d["test"] = int(data.test_ids[d["test"]])
    rows = [_baseline_row(data, b, baselines[0].predict_seconds) for b in [*baselines, *ours]]
    added = {"baseline": rows, "differences": differing}
    return baselines, (added, {"difference_images": data.as_images(data.test[positions])})


def _pixels_answers(
    data: _Data, baselines: list[Baseline], advance: Any
) -> tuple[list[Baseline], NDArray, NDArray]:
    """Answer with the pixels preset for every k of the baselines, from one table of exact neighbors."""
    start = time.perf_counter()
    model = KNNDigitClassifier("pixels", n_jobs=data.n_jobs).fit(data.train, data.train_labels)
    fitted = time.perf_counter()
    # One more than votes, so that a tie at the last can be seen.
    n_neighbors = min(max(b.n_neighbors for b in baselines) + 1, len(data.train))
    distances, ids = _in_batches(model, data.test, n_neighbors, advance)
    codes = model.label_codes_[ids]
    searched = time.perf_counter()
    ours = []
    for k in (b.n_neighbors for b in baselines):
        begin = time.perf_counter()
        answers = model.classes_[vote(codes[:, :k], distances[:, :k], data.n_classes).argmax(axis=1)]
        voted = time.perf_counter() - begin
        name = f"pixels preset, k = {k}"
        ours.append(Baseline(name, k, answers, fitted - start, searched - fitted + voted))
    return ours, data.dataset.classes[codes], distances


def _in_batches(
    model: KNNDigitClassifier, images: NDArray, n_neighbors: int, advance: Any
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """`model.kneighbors` in batches, so that progress can be told; it changes no answer."""
    found = []
    for first in range(0, len(images), 2048):
        found.append(model.kneighbors(images[first : first + 2048], n_neighbors))
        advance(len(found[-1][0]))
    return np.concatenate([d for d, _ in found]), np.concatenate([ids for _, ids in found])


def _baseline_row(data: _Data, baseline: Baseline, reference_seconds: float) -> dict[str, Any]:
    evaluation = evaluate(baseline.name, data.test_labels, baseline.answers, classes=data.dataset.classes)
    return {
        **evaluation.summary(),
        "n_neighbors": baseline.n_neighbors,
        "fit_s": baseline.fit_seconds,
        "predict_s": baseline.predict_seconds,
        "ratio_to_sklearn": baseline.predict_seconds / reference_seconds,
    }


# ---- 6. tune ----


def _tune(data: _Data, folds: NDArray[np.int64], told: Progress) -> tuple[Tuning, Added]:
    total = len(EMBEDDING_OF_METRIC) * len(data.train)
    with told.step("Tune: neighbors among the other folds", total) as advance:
        tuning = tune(
            data.train,
            data.train_labels,
            folds,
            max_neighbors=MAX_NEIGHBORS,
            n_jobs=data.n_jobs,
            progress=advance,
        )
    with told.step("Tune: Manhattan distance on a subset"):
        subset = compare_metrics(
            data.train,
            data.train_labels,
            folds,
            n_queries=QUICK_SUBSET_QUERIES if data.quick else SUBSET_QUERIES,
            n_references=SUBSET_REFERENCES,
            max_neighbors=MAX_NEIGHBORS,
            seed=data.seed,
            n_jobs=data.n_jobs,
        )
    best, simplest = _choice_as_json(tuning.best), _choice_as_json(tuning.one_standard_error)
    found = {
        "max_neighbors": MAX_NEIGHBORS,
        "curve": [_choice_as_json(choice) for choice in tuning.curve],
        "best": best,
        "one_standard_error": simplest,
        "chosen": best,
        "search_s": tuning.search_seconds,
        "subset": subset,
    }
    return tuning, ({"tuning": found}, {})


def _choice_as_json(choice: Choice) -> dict[str, Any]:
    return {
        "metric": choice.metric,
        "weights": choice.weights,
        "n_neighbors": choice.n_neighbors,
        "error_rate": choice.error_rate,
        "standard_error": choice.standard_error,
        "fold_error_rates": list(choice.fold_error_rates),
        "vote_s": choice.vote_seconds,
    }


# ---- 7. evaluate ----


def _evaluate(
    data: _Data, preset: str, tuning: Tuning, default: Baseline, told: Progress
) -> tuple[KNNDigitClassifier, Added]:
    """Fit the chosen setting on all training images and answer the test images, once."""
    choice, simplest = tuning.best, tuning.one_standard_error
    start = time.perf_counter()
    model = KNNDigitClassifier(
        preset,
        embedding=EMBEDDING_OF_METRIC[choice.metric],
        n_neighbors=choice.n_neighbors,
        weights=choice.weights,
        n_jobs=data.n_jobs,
    ).fit(data.train, data.train_labels)
    fitted = time.perf_counter()
    n_neighbors = min(max(N_SHOWN_NEIGHBORS, simplest.n_neighbors), len(data.train))
    with told.step("Evaluate: the tuned model on the test images", len(data.test)) as advance:
        distances, ids = _in_batches(model, data.test, n_neighbors, advance)
        codes = model.label_codes_[ids]
        probabilities = _vote_as(choice, codes, distances, data.n_classes)
        answers = model.classes_[probabilities.argmax(axis=1)]
        predict_seconds = time.perf_counter() - fitted
    evaluation = evaluate(
        f"tuned: {describe_choice(choice)}",
        data.test_labels,
        answers,
        probabilities=probabilities,
        classes=data.dataset.classes,
    )
    other = evaluate(
        f"one standard error: {describe_choice(simplest)}",
        data.test_labels,
        model.classes_[_vote_as(simplest, codes, distances, data.n_classes).argmax(axis=1)],
        classes=data.dataset.classes,
    )
    test = mcnemar(data.test_labels, default.answers, answers)
    found = {
        **_evaluation_as_json(evaluation),
        "fit_s": fitted - start,
        "predict_s": predict_seconds,
        "ms_per_image": 1000 * predict_seconds / len(data.test),
        "ratio_to_sklearn": predict_seconds / default.predict_seconds,
        "mcnemar": {"against": default.name, **vars(test)},
        "disputed": _disputed(data, answers),
        "mistakes": _mistakes(data, evaluation, probabilities, distances, ids, choice.n_neighbors),
    }
    shown = ids[evaluation.mistakes, :N_SHOWN_NEIGHBORS]
    pictures = {
        "mistake_images": data.as_images(data.test[evaluation.mistakes]),
        "mistake_neighbor_images": data.as_images(data.train[shown]),
    }
    return model, ({"evaluation": found, "one_standard_error_evaluation": other.summary()}, pictures)


def describe_choice(choice: Choice) -> str:
    """Name a setting in a few words."""
    return f"{choice.metric}, k = {choice.n_neighbors}, {choice.weights} weights"


def _vote_as(choice: Choice, codes: NDArray, distances: NDArray, n_classes: int) -> NDArray[np.float64]:
    k = choice.n_neighbors
    return vote(codes[:, :k], distances[:, :k], n_classes, choice.weights)


def _evaluation_as_json(evaluation: Evaluation) -> dict[str, Any]:
    return {
        **evaluation.summary(),
        "accuracy": evaluation.accuracy,
        "top2_accuracy": evaluation.top2_accuracy,
        "per_class": list(evaluation.per_class),
        "macro": evaluation.macro,
        "weighted": evaluation.weighted,
        "classification_report": evaluation.report_text,
        "confusion": evaluation.confusion.tolist(),
    }


def _disputed(data: _Data, answers: NDArray) -> dict[str, Any] | None:
    """Count errors without the test labels in dispute, where such are known."""
    disputed = disputed_test_positions(data.dataset)
    here = np.flatnonzero(np.isin(data.test_ids, disputed))
    if not len(here):
        return None
    wrong = here[answers[here] != data.test_labels[here]]
    return {
        "test": data.test_ids[here].tolist(),
        "n_wrong": len(wrong),
        "without": errors_without(data.test_labels, answers, here.tolist()),
    }


def _mistakes(
    data: _Data,
    evaluation: Evaluation,
    probabilities: NDArray[np.float64],
    distances: NDArray[np.float64],
    ids: NDArray[np.int64],
    k: int,
) -> list[dict[str, Any]]:
    disputed = set(disputed_test_positions(data.dataset))
    labels = data.dataset.classes
    return [
        {
            "test": int(data.test_ids[i]),
            "label": data.test_labels[i].item(),
            "answer": labels[probabilities[i].argmax()].item(),
            "answer_share": float(probabilities[i].max()),
            "label_share": float(probabilities[i, data.test_codes[i]]),
            "disputed": int(data.test_ids[i]) in disputed,
            "neighbors": [
                {
                    "train": int(data.train_ids[j]),
                    "label": data.train_labels[j].item(),
                    "distance": float(distance),
                    "votes": rank < k,
                }
                for rank, (j, distance) in enumerate(
                    zip(ids[i, :N_SHOWN_NEIGHBORS], distances[i, :N_SHOWN_NEIGHBORS], strict=True)
                )
            ],
        }
        for i in evaluation.mistakes
    ]
