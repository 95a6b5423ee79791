"""Figures of chapter 2, Explore: how many, how much ink, the typical digit, the nearest strangers."""

from __future__ import annotations

import numpy as np

from knn_digits.drawing.pictures import ink_on_paper, mosaic, thumbnails
from knn_digits.drawing.style import (
    BLUE,
    GRAY,
    INK,
    ORANGE,
    WIDTH,
    Arrays,
    Drawn,
    Results,
    new_figure,
    percent_axis,
    picture_grid,
    plain,
    rows_of_classes,
)
from knn_digits.drawing.wording import count, distance, label_text, listed, percent

__all__ = ["class_balance", "closest_pairs", "ink_per_class", "mean_and_spread"]


def class_balance(results: Results, arrays: Arrays) -> Drawn:
    """Images of each class, training and test side by side, each on its own scale."""
    labels = results["dataset"]["classes"]
    counts = results["exploration"]["class_counts"]
    figure = new_figure(1.0 + 0.26 * len(labels))
    left, right = figure.subplots(1, 2, sharey=True)
    for ax, part, title, color in ((left, "train", "Training", BLUE), (right, "test", "Test", ORANGE)):
        values = counts[part]
        rows = rows_of_classes(ax, labels)
        ax.barh(rows, values, height=0.7, color=color)
        for row, value in zip(rows, values, strict=True):
            ax.text(1.0, row, count(value), transform=ax.get_yaxis_transform(), ha="right", va="center")
        ax.set_title(f"{title}\n{count(sum(values))} images")
        ax.set_xlim(0, 1.3 * max(values))
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)
        ax.axvline(sum(values) / len(labels), color=INK, linewidth=1, linestyle=":")
    return Drawn(figure, f"Bars of the number of images of each class. {_balance_in_words(labels, counts)}")


def _balance_in_words(labels: list[object], counts: dict[str, list[int]]) -> str:
    sentences = []
    for part, title in (("train", "Training"), ("test", "Test")):
        most, least = int(np.argmax(counts[part])), int(np.argmin(counts[part]))
        sentences.append(
            f"{title}: from {count(counts[part][least])} (class {label_text(labels[least])}) "
            f"to {count(counts[part][most])} (class {label_text(labels[most])})."
        )
    return " ".join(sentences)


def ink_per_class(results: Results, arrays: Arrays) -> Drawn:
    """Spread of the ink of each class's images: middle half as a bar, 5th to 95th hundredth as a line."""
    labels = results["dataset"]["classes"]
    ink, codes = arrays["ink"], arrays["ink_codes"]
    figure = new_figure(0.8 + 0.27 * len(labels))
    ax = figure.subplots()
    rows = rows_of_classes(ax, labels)
    low, quarter, median, three_quarters, high = np.array(
        [np.percentile(ink[codes == code], (5, 25, 50, 75, 95)) for code in range(len(labels))]
    ).T
    ax.hlines(rows, low, high, color=INK, linewidth=1.2, label="5 % to 95 % of the images")
    ax.barh(rows, three_quarters - quarter, left=quarter, height=0.6, color="#8fc1e3", label="middle half")
    ax.vlines(median, rows - 0.3, rows + 0.3, color=INK, linewidth=2.2, label="median")
    ax.set_xlabel("Ink (mean of all pixels)")
    ax.set_xlim(left=0)
    percent_axis(ax, "x")
    figure.legend(loc="outside upper center", ncols=3, fontsize=8.5)
    words = [f"{label_text(label)} {percent(m, 1)}" for label, m in zip(labels, median, strict=True)]
    return Drawn(figure, f"Spread of ink in the training images of each class. Medians: {listed(words)}.")


def mean_and_spread(results: Results, arrays: Arrays) -> Drawn:
    """Mean image of each class above its spread (standard deviation of each pixel), dark is much."""
    labels = results["dataset"]["classes"]
    means, spreads = arrays["mean_images"], arrays["spread_images"]
    brightest = max(float(spreads.max()), 1e-9)
    both = thumbnails(np.stack([means, spreads * (255 / brightest)], axis=1).round().astype(np.uint8), 64)
    columns = 5 if len(labels) <= 10 or max(len(label_text(label)) for label in labels) > 4 else 10
    n_rows = -(-len(labels) // columns)
    names = [_two_lines(label, 45 // columns) for label in labels]
    lines = max(name.count("\n") for name in names) + 1
    figure = new_figure((2 * (WIDTH - 0.7) / columns + 0.3 + 0.17 * lines) * n_rows)
    axes = figure.subplots(n_rows, 1, squeeze=False)[:, 0]
    side = both.shape[-1]
    for number, ax in enumerate(axes):
        here = both[number * columns : (number + 1) * columns]
        padded = np.zeros((columns, 2, side, side), np.uint8)
        padded[: len(here)] = here
        ax.imshow(mosaic(ink_on_paper(padded.transpose(1, 0, 2, 3))), **GRAY)
        ax.set_xticks([i * (side + 2) + side / 2 for i in range(len(here))], names[:columns])
        del names[:columns]
        ax.set_yticks([side / 2, side * 1.5 + 2], ["mean", "spread"])
        ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        ax.spines[:].set_visible(False)
    alt = (
        f"Mean image of each of {len(labels)} classes and, below it, the spread of each pixel. Means look like "
        "blurred digits; the spread is largest along their edges, up to "
        f"{brightest:.0f} of 255 gray levels."
    )
    return Drawn(figure, alt)


def _two_lines(label: object, room: int) -> str:
    """Break a name that would run into the next one; cut it after two lines."""
    text = label_text(label)
    text = text if len(text) <= 2 * room else text[: 2 * room - 1] + "…"
    return "\n".join(plain(text[i : i + room]) for i in range(0, len(text), room))


def closest_pairs(results: Results, arrays: Arrays) -> Drawn:
    """Training images of different classes that are nearest to each other, two by two."""
    pairs, images = results["exploration"]["closest_pairs"], thumbnails(arrays["closest_pair_images"], 64)
    side = images.shape[-1]
    two = images.transpose(0, 2, 1, 3).reshape(len(pairs), side, 2 * side)
    captions = [
        f"{plain(p['labels'][0])} | {plain(p['labels'][1])}\ndistance {distance(p['distance'])}" for p in pairs
    ]
    figure = picture_grid(two, captions, 3, 2)
    words = [
        f"{label_text(p['labels'][0])} and {label_text(p['labels'][1])} at {distance(p['distance'])}"
        for p in pairs
    ]
    return Drawn(figure, f"The closest pairs of training images of different classes: {listed(words)}.")
