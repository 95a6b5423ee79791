"""What `predict` writes beside its lines: every picture with boxes, and a page that explains its digits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from knn_digits.classifier import KNNDigitClassifier
from knn_digits.drawing.boxes import MADE_BY, draw_boxes
from knn_digits.named_files import NamedFiles
from knn_digits.predicting import Predicted

__all__ = ["boxes_writer", "explanations_writer"]


def boxes_writer(folder: Path) -> Callable[[Predicted], None]:
    """Make what writes a PNG with boxes and answers for each picture that was read.

    Raises
    ------
    OutputError
        If the folder, or later a file, cannot be written.
    """
    files = NamedFiles(folder, ".png", MADE_BY.encode())

    def write(predicted: Predicted) -> None:
        if predicted.reading is not None:
            files.write(predicted.path, draw_boxes(predicted.picture, predicted.reading))

    return write


def explanations_writer(folder: Path, model: KNNDigitClassifier) -> Callable[[Predicted], None]:
    """Make what writes a page for each picture that was read, with the explanation of each digit.

    Raises
    ------
    OutputError
        If the folder, or later a file, cannot be written.
    """
    # matplotlib and Jinja take half a second to import: boxes alone need neither.
    from knn_digits.report.reading import PAGE_MARK, reading_page

    files = NamedFiles(folder, ".html", PAGE_MARK)

    def write(predicted: Predicted) -> None:
        if predicted.reading is not None:
            boxes = draw_boxes(predicted.picture, predicted.reading)
            page = reading_page(predicted.path, predicted.reading, boxes, lambda digit: model.explain(digit.image))
            files.write(predicted.path, page.encode("utf-8", "replace"))

    return write
