"""One small experiment a session, and folders of its results to draw from and to damage."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knn_digits import DigitDataset, load_dataset
from knn_digits.experiment import Experiment, run_experiment
from knn_digits.report import draw_report
from knn_digits.report.figures import Picture, draw_figures
from knn_digits.report.page import render_page
from knn_digits.results_files import write_results

# Classes as a folder of pictures could be named by somebody who means harm.
HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    "'\"><img src=http://x/ onerror=y>",
    "$\\frac$ & co",
    "日本",
    "a\u202eb\nc",
)
HOSTILE = "</style></title><script src='http://evil.example/x.js'></script>{{ 7*7 }}"


def small_digits(n_train: int = 220, n_test: int = 80, **changes: Any) -> DigitDataset:
    digits = load_dataset("digits")
    return DigitDataset(
        digits.train_images[:n_train],
        digits.train_labels[:n_train],
        digits.test_images[:n_test],
        digits.test_labels[:n_test],
        **{"name": digits.name, "source": digits.source, "licence": digits.licence, "notes": digits.notes}
        | changes,
    )


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    return run_experiment(small_digits(), n_jobs=1, command="knn-digits run --dataset some")


def with_many_mistakes(preset: str) -> Experiment:
    digits = load_dataset("digits")
    test = np.arange(1000) % len(digits.test_images)
    dataset = DigitDataset(
        digits.train_images[:49],
        digits.train_labels[:49],
        digits.test_images[test],
        digits.test_labels[test],
        name="MNIST",
        source="posing",
        licence="none",
        notes=("A note.",),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("knn_digits.experiment_data.disputed_test_positions", lambda _: range(0, 1000, 7))
        found = run_experiment(dataset, preset=preset, n_jobs=1)
    found.results["explanations"] = found.results["explanations"][:1]
    return found


@pytest.fixture(scope="session")
def many_mistakes() -> Experiment:
    """Few references and many questions, so that mistakes and ties occur, with labels said to be disputed.

    So few references that no t-SNE is computed.
    """
    return with_many_mistakes("accurate")


@pytest.fixture(scope="session")
def many_votes() -> Experiment:
    """The same with the plain k-NN, where neighbors vote and there are no stages."""
    return with_many_mistakes("pixels")


@pytest.fixture(scope="session")
def surely() -> Experiment:
    """Images of MNIST's size, as pictures that are no digits have; enough of them for prediction sets."""
    small = small_digits(260)
    dataset = DigitDataset(
        as_large_as_mnist(small.train_images),
        small.train_labels,
        as_large_as_mnist(small.test_images),
        small.test_labels,
        name="enlarged",
        source="x",
        licence="x",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("knn_digits.assurance.N_FOREIGN", 8)
        patch.setattr("knn_digits.experiment.N_MAP", 40)  # so few that no t-SNE is computed
        patch.setattr("knn_digits.experiment_data.disputed_test_positions", lambda _: range(0, 80, 7))
        found = run_experiment(dataset, preset="fast", max_error=0.01, n_jobs=1)
    found.results["explanations"] = found.results["explanations"][:1]
    return found


def as_large_as_mnist(images: np.ndarray) -> np.ndarray:
    return np.pad(np.kron(images, np.ones((1, 3, 3), np.uint8)), ((0, 0), (2, 2), (2, 2)))


@pytest.fixture(scope="session")
def drawn(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with the report, to be looked at only."""
    folder = tmp_path_factory.mktemp("drawn")
    write_results(folder, experiment.results, experiment.arrays)
    draw_report(folder)
    return folder


@pytest.fixture
def results(experiment: Experiment) -> dict[str, Any]:
    found = copy.deepcopy(experiment.results)
    found["explanations"] = found["explanations"][:1]  # drawing one takes a second: those of `drawn` are enough
    return found


@pytest.fixture
def arrays(experiment: Experiment) -> dict[str, np.ndarray]:
    return dict(experiment.arrays)


@pytest.fixture
def draw(tmp_path: Path) -> Callable[..., str]:
    """Write results, draw them, and give the page."""

    def written_and_drawn(results: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
        write_results(tmp_path, results, arrays)
        return draw_report(tmp_path).read_text(encoding="utf-8")

    return written_and_drawn


@pytest.fixture(scope="session")
def pictures(experiment: Experiment) -> dict[str, Picture]:
    return draw_figures(experiment.results, experiment.arrays, lambda done: None)


@pytest.fixture
def render(pictures: dict[str, Picture]) -> Callable[..., str]:
    """Give the page alone, with the figures of the small experiment: for tests that look elsewhere."""
    any_picture = next(iter(pictures.values()))
    explained = {f"explanation_{n}": any_picture for n in range(1, 5)}  # not each experiment has as many
    return lambda results, arrays: render_page(results, arrays, explained | pictures)


@pytest.fixture(scope="session")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of few images of five classes with hostile names; few, so that no t-SNE is computed."""
    few = small_digits(400, 120)
    train, test = few.train_labels < 5, few.test_labels < 5
    names = np.array(HOSTILE_NAMES)
    dataset = DigitDataset(
        few.train_images[train][:49],
        names[few.train_labels[train][:49]],
        few.test_images[test],
        names[few.test_labels[test]],
        name=HOSTILE,
        source=HOSTILE,
        licence=HOSTILE,
        notes=(HOSTILE,),
    )
    found = run_experiment(dataset, n_jobs=1)
    found.results["command"] = HOSTILE
    folder = tmp_path_factory.mktemp("hostile")
    write_results(folder, found.results, found.arrays)
    return draw_report(folder).read_text(encoding="utf-8")
