"""The whole experiment, in order: explore, show, preprocess, baseline, tune, evaluate, stages, confidence, words.

`run_experiment` is the story; each step below it is one function that returns what it adds to the results
(numbers and words, fields of ``results.json``) and to the arrays (what pictures need, ``results.npz``). The
test images are counted in `_explore`, answered in `_baseline`, `_evaluate`, `measure_stages` and
`measure_assurance`, and choose nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knn_digits import exploration
from knn_digits.answering import Answered, answer_by_preset, answer_by_tuned, neighbors_in_batches
from knn_digits.assurance import measure_assurance
from knn_digits.baseline import Baseline, differences, run_scikit_learn
from knn_digits.classifier import DEFAULT_PRESET, PRESETS, KNNDigitClassifier
from knn_digits.datasets import DigitDataset
from knn_digits.evaluation import evaluate, mcnemar
from knn_digits.experiment_data import ExperimentData
from knn_digits.explained import explain_some
from knn_digits.folds import make_folds
from knn_digits.insights import insights
from knn_digits.machine import describe_machine, describe_versions, peak_memory_mb, utc_now
from knn_digits.mistakes import describe_difference, describe_mistakes, disputed_labels
from knn_digits.neighbors import vote
from knn_digits.preset_names import SUMMARIES
from knn_digits.progress import Advance, Progress, SilentProgress
from knn_digits.results_files import FORMAT, FORMAT_VERSION
from knn_digits.stages import measure_stages
from knn_digits.tuning import EMBEDDING_OF_METRIC, Tuning, compare_metrics, tune

__all__ = ["Experiment", "run_experiment"]

N_FOLDS = 5
MAX_NEIGHBORS = 25
N_SAMPLES, N_HARDEST, N_PAIRS, N_MAP, N_SHOWN_NEIGHBORS = 12, 36, 10, 2000, 6
SUBSET_QUERIES, SUBSET_REFERENCES = 1500, 6000
# What is for looking at alone takes as long for few images as for many, so a quick run shows less of it.
QUICK_N_MAP, QUICK_SUBSET_QUERIES = 700, 400
TUNED_PRESET = "pixels"  # whose k, weights and metric the experiment chooses; the others stand as they are

Added = tuple[dict[str, Any], dict[str, NDArray]]


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
        The one evaluated, fitted on the training images.
    """

    results: dict[str, Any]
    arrays: dict[str, NDArray]
    model: KNNDigitClassifier


def run_experiment(
    dataset: DigitDataset,
    *,
    preset: str = DEFAULT_PRESET,
    groups: ArrayLike | None = None,
    quick: bool = False,
    seed: int = 0,
    max_error: float | None = None,
    n_jobs: int | None = -1,
    command: str | None = None,
    progress: Progress | None = None,
) -> Experiment:
    """Run the whole experiment.

    Parameters
    ----------
    dataset : DigitDataset
    preset : {"accurate", "fast", "best", "pixels", "idm"}
        The recognizer that is evaluated. ``"pixels"`` is evaluated as tuned here; any other as it is, and the
        tuned k-NN stands beside it.
    groups : array of shape (n_train,), optional
        Writer of each training image; folds are then of whole writers.
    quick : bool
        Use a stated fifth of the images.
    seed : int
        Of everything that is drawn: folds, samples, subsets.
    max_error : float, optional
        Share of the answers given that may be wrong: the report then says which answers to withhold for it.
    n_jobs : int, optional
        Threads of our own searches, as joblib counts them.
    command : str, optional
        The command that asked for it, to be told in the results.
    progress : Progress, optional
        Who is told what goes on.

    Returns
    -------
    experiment : Experiment

    Raises
    ------
    DataError
        If there are too few images, classes or writers to cross-validate.
    ValueError
        If there is no such preset.
    """
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(map(repr, PRESETS))}, got {preset!r}")
    told = progress or SilentProgress()
    started = time.perf_counter()
    data = ExperimentData.choose(dataset, groups, quick, seed)
    results: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "created": utc_now(),
        "command": command,
        "quick": quick,
        "seeds": {"seed": seed},
        "versions": describe_versions(),
        "machine": describe_machine(),
        "dataset": data.about(),
        "stages": None,
        "confidence": None,
        "explanations": [],
    }
    arrays: dict[str, NDArray] = {}
    seconds: dict[str, float] = {}

    def add(step: str, added: Added) -> None:
        seconds[step] = time.perf_counter() - started - sum(seconds.values())
        results.update(added[0])
        arrays.update(added[1])

    add("explore", _explore(data, n_jobs, told))
    add("show", _show(data, arrays["mean_images"], told))
    folds, added = _preprocess(data, told)
    add("preprocess", added)
    baselines, added = _baseline(data, n_jobs, told)
    add("baseline", added)
    tuning, added = _tune(data, folds, n_jobs, told)
    add("tune", added)
    evaluated, added = _evaluate(data, preset, tuning, baselines[0], n_jobs, told)
    add("evaluate", added)
    stages = measure_stages(data, preset, evaluated, baselines[-1], told)
    if stages is not None:
        add("stages", ({"stages": stages}, {}))
    confidence, pictures = measure_assurance(data, evaluated, max_error, told)
    add("confidence", ({"confidence": confidence}, pictures))
    explanations, pictures = explain_some(data, evaluated, told)
    add("explain", ({"explanations": explanations}, pictures))
    results["timings"] = {
        "step_s": seconds,
        "total_s": time.perf_counter() - started,
        "sklearn_predict_s": baselines[0].predict_seconds,
        "peak_memory_mb": peak_memory_mb(),
    }
    with told.step("Insights"):
        results["insights"] = insights(results)
    return Experiment(results, arrays, evaluated.model)


# ---- explore ----


def _explore(data: ExperimentData, n_jobs: int | None, told: Progress) -> Added:
    train, n_classes = data.train, data.n_classes
    with told.step("Explore: counts, ink, duplicates, means", 3) as advance:
        ink = exploration.ink_per_class(train.rows, train.codes, n_classes)
        advance(1)
        duplicates = exploration.count_duplicates(train.rows, data.test.rows)
        advance(1)
        means, spreads = exploration.class_means_and_spreads(data.as_images(train.rows), train.codes, n_classes)
    n_queries = int((train.codes < n_classes - 1).sum())
    with told.step("Explore: closest pairs of different classes", n_queries) as advance:
        pairs = exploration.closest_pairs_of_different_classes(
            train.rows, train.codes, N_PAIRS, n_jobs=n_jobs, progress=advance
        )
    found = {
        "pixel_type": str(train.rows.dtype),
        "pixel_range": [int(train.rows.min()), int(train.rows.max())],
        "class_counts": {
            "train": np.bincount(train.codes, minlength=n_classes).tolist(),
            "test": np.bincount(data.test.codes, minlength=n_classes).tolist(),
        },
        "ink_per_class": [
            {"label": label, "mean": float(values.mean()), "std": float(values.std())}
            for label, values in zip(data.classes.tolist(), ink, strict=True)
        ],
        "duplicates": duplicates,
        "closest_pairs": [
            {
                "train": [int(train.ids[p.first]), int(train.ids[p.second])],
                "labels": [train.labels[p.first].item(), train.labels[p.second].item()],
                "distance": p.distance,
            }
            for p in pairs
        ],
    }
    members = np.array([[p.first, p.second] for p in pairs], np.int64).reshape(-1, 2)
    return {"exploration": found}, {
        "ink": np.concatenate(ink),
        "ink_codes": np.repeat(np.arange(n_classes), [len(values) for values in ink]),
        "mean_images": means.astype(np.float32),
        "spread_images": spreads.astype(np.float32),
        "closest_pair_images": data.as_images(train.rows[members]),
    }


# ---- show ----


def _show(data: ExperimentData, means: NDArray, told: Progress) -> Added:
    train, images = data.train, data.as_images(data.train.rows)
    with told.step("Show: samples, hard ones", 2) as advance:
        samples = exploration.samples_per_class(train.codes, data.n_classes, N_SAMPLES, data.seed)
        advance(1)
        hardest, resembled = exploration.hardest_looking(images, train.codes, means, N_HARDEST)
    with told.step("Show: a map"):
        n_map = QUICK_N_MAP if data.quick else N_MAP
        layout = exploration.map_of_digits(images, train.codes, n_map, data.seed)
    sample_images = images[samples]
    sample_images[samples < 0] = 0
    shown = {
        "samples": [[int(train.ids[i]) for i in row if i >= 0] for row in samples],
        "hardest": [
            {
                "train": int(train.ids[i]),
                "label": train.labels[i].item(),
                "resembles": data.classes[other].item(),
            }
            for i, other in zip(hardest, resembled, strict=True)
        ],
        "map": {"method": layout.method, "n": len(layout.chosen)},
    }
    return {"show": shown}, {
        "sample_images": sample_images,
        "hardest_images": images[hardest],
        "map_positions": layout.positions.astype(np.float32),
        "map_codes": train.codes[layout.chosen],
        "map_images": images[layout.chosen],
    }


# ---- preprocess ----


def _preprocess(data: ExperimentData, told: Progress) -> tuple[NDArray[np.int64], Added]:
    with told.step("Preprocess: folds"):
        folds = make_folds(data.train.labels, n_folds=N_FOLDS, groups=data.groups, seed=data.seed)
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
        f"(seed {data.seed}), each with about the same share of every class.",
    ]
    if len(sizes) < N_FOLDS:
        steps.append(
            f"These are fewer than {N_FOLDS} folds, because the smallest class or the writers are too few."
        )
    found = {
        "steps": steps,
        "n_folds": len(sizes),
        "fold_sizes": sizes,
        "whole_writers": data.groups is not None,
    }
    return folds, ({"preprocessing": found}, {"folds": folds.astype(np.int8)})


# ---- baseline ----


def _baseline(data: ExperimentData, n_jobs: int | None, told: Progress) -> tuple[list[Baseline], Added]:
    """Answer the test images with scikit-learn's defaults and k = 3, and with our exact search for both k.

    In this order, so that the last is the pixels preset as it is.
    """
    train, test = data.train, data.test
    baselines = []
    for k in (None, 3):
        with told.step(f"Baseline: scikit-learn, k = {k or 5}", len(test)) as advance:
            baselines.append(run_scikit_learn(k, train.rows, train.labels, test.rows, advance))
    with told.step("Baseline: pixels preset", len(test)) as advance:
        ours, neighbor_labels, distances = _pixels_answers(data, baselines, n_jobs, advance)
    differing = [
        (difference, theirs.n_neighbors)
        for theirs, mine in zip(baselines, ours, strict=True)
        for difference in differences(theirs.answers, mine.answers, neighbor_labels, distances, theirs.n_neighbors)
    ]
    reference = baselines[0].predict_seconds
    added = {
        "baseline": [_baseline_row(data, baseline, reference) for baseline in [*baselines, *ours]],
        "differences": [describe_difference(data, d, neighbor_labels, k) for d, k in differing],
    }
    pictures = {"difference_images": data.as_images(test.rows[[d.test for d, _ in differing]])}
    return [*baselines, *ours], (added, pictures)


def _pixels_answers(
    data: ExperimentData, baselines: list[Baseline], n_jobs: int | None, advance: Advance
) -> tuple[list[Baseline], NDArray, NDArray]:
    """Answer with the pixels preset for every k of the baselines, from one table of exact neighbors."""
    start = time.perf_counter()
    model = KNNDigitClassifier("pixels", calibration_folds=None, n_jobs=n_jobs).fit(
        data.train.rows, data.train.labels
    )
    fitted = time.perf_counter()
    # One more than votes, so that a tie at the last can be seen.
    n_neighbors = max(b.n_neighbors for b in baselines) + 1
    distances, ids = neighbors_in_batches(model, data.test.rows, n_neighbors, advance)
    codes = model.label_codes_[ids]
    searched = time.perf_counter()
    ours = []
    for k in (b.n_neighbors for b in baselines):
        begin = time.perf_counter()
        answers = model.classes_[vote(codes[:, :k], distances[:, :k], data.n_classes).argmax(axis=1)]
        voted = time.perf_counter() - begin
        name = f"pixels preset, k = {k}"
        ours.append(Baseline(name, k, answers, fitted - start, searched - fitted + voted))
    return ours, data.classes[codes], distances


def _baseline_row(data: ExperimentData, baseline: Baseline, reference_seconds: float) -> dict[str, Any]:
    return {
        **evaluate(baseline.name, data.test.labels, baseline.answers, classes=data.classes).summary(),
        "n_neighbors": baseline.n_neighbors,
        "fit_s": baseline.fit_seconds,
        "predict_s": baseline.predict_seconds,
        "ratio_to_sklearn": baseline.predict_seconds / reference_seconds,
    }


# ---- tune ----


def _tune(
    data: ExperimentData, folds: NDArray[np.int64], n_jobs: int | None, told: Progress
) -> tuple[Tuning, Added]:
    train, n_metrics = data.train, len(EMBEDDING_OF_METRIC)
    with told.step("Tune: neighbors among the other folds", n_metrics * len(train)) as advance:
        tuning = tune(
            train.rows, train.labels, folds, max_neighbors=MAX_NEIGHBORS, n_jobs=n_jobs, progress=advance
        )
    with told.step("Tune: Manhattan distance on a subset", n_metrics + 1) as advance:
        subset = compare_metrics(
            train.rows,
            train.labels,
            folds,
            n_queries=QUICK_SUBSET_QUERIES if data.quick else SUBSET_QUERIES,
            n_references=SUBSET_REFERENCES,
            max_neighbors=MAX_NEIGHBORS,
            seed=data.seed,
            n_jobs=n_jobs,
            progress=advance,
        )
    found = {
        "max_neighbors": max(choice.n_neighbors for choice in tuning.curve),
        "curve": [choice.as_json() for choice in tuning.curve],
        "best": tuning.best.as_json(),
        "one_standard_error": tuning.one_standard_error.as_json(),
        "chosen": tuning.best.as_json(),
        "search_s": tuning.search_seconds,
        "subset": subset,
    }
    return tuning, ({"tuning": found}, {})


# ---- evaluate ----


def _evaluate(
    data: ExperimentData,
    preset: str,
    tuning: Tuning,
    default: Baseline,
    n_jobs: int | None,
    told: Progress,
) -> tuple[Answered, Added]:
    """Answer the test images, once, with the tuned k-NN and with the preset where that is another."""
    labels, classes = data.test.labels, data.classes
    tuned, simplest = answer_by_tuned(data, tuning, n_jobs, told, calibrate=preset == TUNED_PRESET)
    other = evaluate(f"one standard error: {tuning.one_standard_error}", labels, simplest, classes=classes)
    is_tuned = preset == TUNED_PRESET
    evaluated = tuned if is_tuned else answer_by_preset(data, preset, n_jobs, told)
    found, pictures = _evaluation(data, evaluated, default)
    about = {
        "preset": preset,
        "summary": SUMMARIES[preset],
        "tuned": is_tuned,
        "distance": f"{tuning.best.metric} distance" if is_tuned else _distance_in_words(evaluated.model),
    }
    results = {
        "evaluation": {**found, **about},
        "tuned_evaluation": {
            **evaluate(tuned.name, labels, tuned.answers, classes=classes).summary(),
            **_costs_and_test(data, tuned, default),
        },
        "one_standard_error_evaluation": other.summary(),
    }
    return evaluated, (results, pictures)


def _evaluation(data: ExperimentData, evaluated: Answered, default: Baseline) -> Added:
    labels, model = data.test.labels, evaluated.model
    evaluation = evaluate(
        evaluated.name, labels, evaluated.answers, probabilities=evaluated.probabilities, classes=data.classes
    )
    mistakes, neighbor_ids = describe_mistakes(data, evaluated, evaluation.mistakes, N_SHOWN_NEIGHBORS)
    found = {
        **evaluation.as_json(),
        **_costs_and_test(data, evaluated, default),
        "judgement": model.weights_,
        "n_neighbors": model.n_neighbors_,
        "disputed": disputed_labels(data, evaluated.answers),
        "mistakes": mistakes,
    }
    return found, {
        "mistake_images": data.as_images(data.test.rows[evaluation.mistakes]),
        "mistake_neighbor_images": data.as_images(data.train.rows[neighbor_ids]),
    }


def _costs_and_test(data: ExperimentData, answered: Answered, default: Baseline) -> dict[str, Any]:
    return {
        "fit_s": answered.fit_seconds,
        "predict_s": answered.predict_seconds,
        "ms_per_image": 1000 * answered.predict_seconds / len(data.test),
        "ratio_to_sklearn": answered.predict_seconds / default.predict_seconds,
        "mcnemar": {
            "against": default.name,
            **vars(mcnemar(data.test.labels, default.answers, answered.answers)),
        },
    }


def _distance_in_words(model: KNNDigitClassifier) -> str:
    vectors = "distance between pixels" if model.embedding_ is None else "distance between learned vectors"
    if model.rerank_ is None:
        return vectors
    return "image distortion" if model.rerank_.weight is None else f"{vectors} and image distortion together"
