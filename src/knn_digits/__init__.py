"""knn-digits reads handwritten digits with k-nearest neighbors, and shows the examples each answer rests on.

The package, in the order data flows through it::

    datasets/           files -> DigitDataset: MNIST, scikit-learn's digits, folders; and who wrote what
    features/           images -> the vectors to search among (scikit-learn transformers)
    neighbors/          the exact nearest references, and how they vote or score classes
    distances/          the image distortion model
    reranking.py        looking again at the nearest candidates, with it
    images/             any picture -> pixels; what may be digits in it; a digit -> the frame of MNIST
    foreign.py          pictures that are no digits, to measure with
    made_pictures/      pictures of digits made by code, with what they say, to measure readers with
    folds.py            training images in folds of whole writers
    confidence/         calibrated probabilities, rejection, credibility, prediction sets
    judging.py          a vector -> its neighbors, the classes' shares, the evidence for the answer
    calibrating.py      training images answered out of fold
    drawing/            the house style, small pictures, and an explanation as one figure
    explanation.py      why an answer, and not the runner-up: everything it rests on
    preset_names.py     the presets by name, for help texts
    classifier.py       KNNDigitClassifier and its presets: the recognizer
    model_manifest.py   what a saved model must look like, checked
    model_files.py      save and load it without pickle
    default_model.py    the one used where none is named: made of MNIST once, kept in the user's cache
    cut_digits.py       digits cut out of lines in which they touch, which it learns, too
    choosing.py         which of what may be digits of a line are its digits
    reader.py           DigitReader: a picture -> its digits, by the recognizer's confidence
    picture_sources.py  what a user names -> pictures: files, folders, patterns, stdin
    predicting.py       sources -> readings: a stream, in order, none lost by another
    named_files.py      a file for each picture, under names that never clash
    reading_measures.py texts as read beside true ones: lines and digits right and wrong
    reading_labels.py   what is written in pictures, from a user's file
    reading_evaluation.py  how well a user's own pictures are read
    tuning.py           choosing k and the metric, on training images only
    baseline.py         scikit-learn's own k-NN beside it
    evaluation.py       errors, intervals, tests
    exploration.py      looking at data before learning
    experiment_data.py  the images of one experiment: all, or a stated fifth
    answering.py        the test images answered and timed: by the tuned k-NN, a preset, some of its stages
    stages.py           what each stage of a preset buys
    mistakes.py         single images worth looking at
    audit/              labels that neighbors contradict, and duplicates -> audit.json
    insights.py         what results say, in words
    experiment.py       the whole story, in order -> results.json
    benchmark/          our presets beside other libraries, measured in one run -> bench.json
    results_files.py    results on disk
    report/             results -> figures and one HTML page; never fits, never predicts
    picture_results.py  pictures with boxes, and pages that explain what was read
    cli/                one file a command

    errors.py, progress.py, machine.py, printable.py, json_files.py, output_folder.py, arrays.py, kernels.py,
    threads.py: what all may use

Imports point one way: a module never imports one that comes after it in the flow (``tests/test_layers.py``
holds this true). Importing the package does nothing and is cheap; names below are
loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME_OF = {
    "DigitDataset": "knn_digits.datasets",
    "DigitReader": "knn_digits.reader",
    "KNNDigitClassifier": "knn_digits.classifier",
    "KnnDigitsError": "knn_digits.errors",
    "load_dataset": "knn_digits.datasets",
    "Picture": "knn_digits.images.reading",
    "PredictionSets": "knn_digits.confidence.prediction_sets",
    "RejectingClassifier": "knn_digits.confidence.rejection",
    "load_model": "knn_digits.model_files",
    "read_picture": "knn_digits.images.reading",
    "save_model": "knn_digits.model_files",
}

__all__ = [
    "DigitDataset",
    "DigitReader",
    "KNNDigitClassifier",
    "KnnDigitsError",
    "Picture",
    "PredictionSets",
    "RejectingClassifier",
    "load_dataset",
    "load_model",
    "read_picture",
    "save_model",
]

if TYPE_CHECKING:
    from knn_digits.classifier import KNNDigitClassifier
    from knn_digits.confidence.prediction_sets import PredictionSets
    from knn_digits.confidence.rejection import RejectingClassifier
    from knn_digits.datasets import DigitDataset, load_dataset
    from knn_digits.errors import KnnDigitsError
    from knn_digits.images.reading import Picture, read_picture
    from knn_digits.model_files import load_model, save_model
    from knn_digits.reader import DigitReader


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME_OF])
