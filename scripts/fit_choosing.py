#!/usr/bin/env python3
"""Learns how the reader weighs what may be digits of a line: src/knn_digits/choosing_weights.json.

A line is a chain of atoms of ink. A reading of it is a path through a lattice: an edge is a candidate, which spans
the atoms it is made of, or leaves one atom out. The worth of a path is the sum over its edges of a weighted sum of
their columns, and its probability is in proportion to the exponential of its worth: a linear-chain conditional
random field over segments (J. Lafferty, A. McCallum, F. Pereira, Conditional random fields, 2001; S. Sarawagi,
W. Cohen, Semi-Markov conditional random fields, 2004). Weights make the right paths of all lines as likely as can
be, with a penalty on their squares (a ridge). Several paths of a line may be right, for a digit may well lose a
speck of ink: a path is right where all its candidates are, and where nothing is left out that belongs to a digit.

Pictures are made of training digits of one fold of whole writers, and a model of the other folds says what it
takes each candidate for. Every line is learned from twice, as it is and with all its ink cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from measure_reading import DEVELOPMENT_SEED, Digits, held_out_digits, in_chunks, measure_kind, told
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

import knn_digits
from knn_digits import KNNDigitClassifier
from knn_digits.choosing import Weights, best_path, columns_of
from knn_digits.classifier import Answers
from knn_digits.cli.terminal import progress_on_stderr
from knn_digits.cut_digits import overlaps
from knn_digits.images.segmentation import Line, segment
from knn_digits.kernels import kernel
from knn_digits.made_pictures import KINDS, MadePicture
from knn_digits.progress import Advance
from knn_digits.reader import DigitReader
from knn_digits.threads import blocks_of, map_blocks

WEIGHTS_FILE = Path(knn_digits.__file__).with_name("choosing_weights.json")
N_PICTURES = {"clean": 100, "photographed": 100, "ruled": 200, "boxed": 200, "touching": 1000, "mixed": 200}
SEED = 0
LEAST_OVERLAP = 0.6  # of a candidate's box with its digit's, over both together: enough for the best path
RIGHT_OVERLAP = 0.65  # and enough to be right on any path
WRONG = -5.0  # what a wrong candidate is worth to the best path; a right one, its overlap beyond one half
DUST = 0.2  # in digit heights: atoms that may be left out of a digit
DECIMALS = 4


# ---- what is right ----


@dataclass(frozen=True, eq=False)
class Truth:
    """The digits of a picture.

    Attributes
    ----------
    boxes : float64 ndarray of shape (n, 4)
        Left, top, right, bottom.
    texts : str ndarray of shape (n,)
    """

    boxes: NDArray[np.float64]
    texts: NDArray[np.str_]

    @classmethod
    def of(cls, picture: MadePicture) -> Truth:
        """All digits, line by line."""
        boxes = [box for line in picture.boxes for box in line]
        return cls(np.array(boxes, float), np.array(list("".join(picture.lines))))

    def within(self, line: Line) -> list[int]:
        """Which digits lie where the line's candidates are, for the most part."""
        found = np.array([candidate.box for candidate in line.candidates])
        (left, top), (right, bottom) = found[:, :2].min(axis=0), found[:, 2:].max(axis=0)
        own = self.boxes
        wide = np.minimum(own[:, 2], right) - np.maximum(own[:, 0], left) > 0.5 * (own[:, 2] - own[:, 0])
        high = np.minimum(own[:, 3], bottom) - np.maximum(own[:, 1], top) > 0.6 * (own[:, 3] - own[:, 1])
        return [int(i) for i in np.flatnonzero(wide & high)]


@dataclass(frozen=True, eq=False)
class Match:
    """Which digit each candidate of a line overlaps most, by how much, and whether it is read as that one."""

    digits: NDArray[np.int64]
    overlaps: NDArray[np.float64]
    read_right: NDArray[np.bool_]

    @classmethod
    def of(cls, line: Line, labels: ArrayLike, truth: Truth) -> Match:
        """Compare candidates, and what the model takes them for, with digits."""
        shared = overlaps(np.array([candidate.box for candidate in line.candidates]), truth.boxes)
        nearest = shared.argmax(axis=1)
        return cls(nearest, shared.max(axis=1), np.asarray(labels).astype(str) == truth.texts[nearest])

    def right(self, least: float) -> NDArray[np.bool_]:
        """Which candidates are digits, read as what they are."""
        return self.read_right & (self.overlaps >= least)


def best_true_path(line: Line, match: Match) -> list[int]:
    """Positions of the right candidates that follow each other and overlap their digits most, in sum."""
    worth = np.where(match.right(LEAST_OVERLAP), match.overlaps - 0.5, WRONG)
    return best_path(line, worth, left_out=0.0)


def is_whole(path: list[int], match: Match, expected: list[int]) -> bool:
    """Whether a path gives the digits that are there, all of them and in their order."""
    return [int(match.digits[i]) for i in path] == expected


# ---- lattices ----


@dataclass(frozen=True, eq=False)
class Lattice:
    """The edges of lines, ordered by their ends: of one line, or of many, one after another.

    Attributes
    ----------
    columns : float64 ndarray of shape (n_edges, n_columns + 1)
        Those of `choosing.columns_of`, and how much ink is left out, negative.
    first, end : int64 ndarray of shape (n_edges,)
        The atoms each edge spans: from `first` to before `end`.
    right : bool ndarray of shape (n_edges,)
        Which edges right paths are made of.
    n_edges, n_atoms : int64 ndarray of shape (n_lines,)
        Of each line.
    """

    columns: NDArray[np.float64]
    first: NDArray[np.int64]
    end: NDArray[np.int64]
    right: NDArray[np.bool_]
    n_edges: NDArray[np.int64]
    n_atoms: NDArray[np.int64]

    @classmethod
    def of(cls, line: Line, columns: NDArray[np.float64], right: set[int], path: list[int]) -> Lattice:
        """The lattice of one line: its right candidates, and those of its best path."""
        n, spans = len(line.sizes), [(candidate.first, candidate.end) for candidate in line.candidates]
        covered = np.zeros(n, bool)
        for i in path:
            covered[slice(*spans[i])] = True
        first, end = np.array(spans + [(atom, atom + 1) for atom in range(n)]).T
        all_columns = np.zeros((len(first), columns.shape[1] + 1))
        all_columns[: len(spans), :-1] = columns
        all_columns[len(spans) :, -1] = -np.minimum(1, 2 * line.sizes)  # as `best_path` has it
        is_right = np.concatenate([[i in right for i in range(len(spans))], ~covered | (line.sizes < DUST)])
        order = np.lexsort((first, end))
        return cls(
            all_columns[order], first[order], end[order], is_right[order], np.array([len(order)]), np.array([n])
        )

    @classmethod
    def joined(cls, lattices: Iterable[Lattice]) -> Lattice:
        """Lattices one after another."""
        parts = zip(*(vars(lattice).values() for lattice in lattices), strict=True)
        return cls(*(np.concatenate(part) for part in parts))


def lattice_of(line: Line, answers: Answers, truth: Truth) -> Lattice | None:
    """The lattice of a line; None where no path through it is right."""
    match = Match.of(line, answers.labels, truth)
    path = best_true_path(line, match)
    if not is_whole(path, match, truth.within(line)):
        return None
    columns = columns_of(answers, np.stack([candidate.measures for candidate in line.candidates]))
    return Lattice.of(line, columns, {*path, *np.flatnonzero(match.right(RIGHT_OVERLAP)).tolist()}, path)


def collect(
    model: KNNDigitClassifier, pictures: Iterator[MadePicture], n_jobs: int, advance: Advance
) -> tuple[list[Lattice], int]:
    """Make lattices of all lines of pictures, uncut and cut; and tell how many more have no right path."""
    lattices: list[Lattice | None] = []
    for chunk in in_chunks(pictures):
        lines = lines_of(chunk, n_jobs)
        answered = iter(answer_lines(model, [line for found in lines for line in found]))
        for picture, found in zip(chunk, lines, strict=True):
            truth = Truth.of(picture)
            lattices += [lattice_of(line, next(answered), truth) for line in found]
        advance(len(chunk))
    right = [lattice for lattice in lattices if lattice is not None]
    return right, len(lattices) - len(right)


def lines_of(pictures: list[MadePicture], n_jobs: int) -> list[list[Line]]:
    """The lines of each picture, as they are and with all their ink cut."""

    def both(picture: MadePicture) -> list[Line]:
        lines = segment(picture.pixels)
        return [each for line in lines for each in (line, line.cut(set(line.component_of.tolist())))]

    blocks = blocks_of(len(pictures), 4, n_jobs)
    found = map_blocks(lambda block: [both(picture) for picture in pictures[block]], blocks, n_jobs)
    return [lines for block in found for lines in block]


def answer_lines(model: KNNDigitClassifier, lines: list[Line]) -> Iterator[Answers]:
    """What the model says of the candidates of each line, asked about all at once."""
    if not lines:
        return
    answers = model.answer(np.stack([candidate.image for line in lines for candidate in line.candidates]))
    start = 0
    for line in lines:
        rows = slice(start, start + len(line.candidates))
        yield Answers(**{name: values[rows] for name, values in vars(answers).items()})
        start = rows.stop


# ---- the random field ----


@kernel
def add_logs(a: float, b: float) -> float:
    """The logarithm of the sum of two numbers that are given by theirs; that of 0 is finite, too."""
    larger = max(a, b)
    return larger + np.log(np.exp(a - larger) + np.exp(b - larger))


@kernel
def add_shares(  # noqa: D103 - see `losses`
    worth: NDArray, first: NDArray, end: NDArray, used: NDArray, n_atoms: int, sign: float, shares: NDArray
) -> float:
    # Forward and backward: the logarithm of the sum over all paths up to each border between atoms, and from it.
    until, beyond = np.full(n_atoms + 1, -1e30), np.full(n_atoms + 1, -1e30)
    until[0] = beyond[n_atoms] = 0.0
    for e in range(len(worth)):
        if used[e]:
            until[end[e]] = add_logs(until[end[e]], until[first[e]] + worth[e])
    for e in range(len(worth) - 1, -1, -1):
        if used[e]:
            beyond[first[e]] = add_logs(beyond[first[e]], beyond[end[e]] + worth[e])
    for e in range(len(worth)):
        if used[e]:
            shares[e] += sign * np.exp(until[first[e]] + worth[e] + beyond[end[e]] - until[n_atoms])
    return until[n_atoms]


@kernel
def sum_losses(  # noqa: D103 - see `losses`
    worth: NDArray,
    first: NDArray,
    end: NDArray,
    right: NDArray,
    n_edges: NDArray,
    n_atoms: NDArray,
    shares: NDArray,
) -> float:
    loss, start, every = 0.0, 0, np.ones(len(worth), np.bool_)
    for line in range(len(n_edges)):
        here = slice(start, start + n_edges[line])
        for used, sign in ((every, 1.0), (right, -1.0)):
            loss += sign * add_shares(
                worth[here], first[here], end[here], used[here], n_atoms[line], sign, shares[here]
            )
        start += n_edges[line]
    return loss


def loss_of(lattice: Lattice, worth: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """How unlikely the right paths are: minus the logarithm of their probability, summed over lines.

    Parameters
    ----------
    lattice : Lattice
    worth : float64 ndarray of shape (n_edges,)

    Returns
    -------
    loss : float
    slopes : float64 ndarray of shape (n_edges,)
        Of the loss by the worth of each edge: its probability among all paths, less that among the right ones.
    """
    slopes = np.zeros(len(worth))
    loss = sum_losses(worth, lattice.first, lattice.end, lattice.right, lattice.n_edges, lattice.n_atoms, slopes)
    return float(loss), slopes


@dataclass(frozen=True, eq=False)
class Fitted:
    """Weights of the columns of a lattice, and the loss and penalty they leave for each line, in the mean."""

    weights: NDArray[np.float64]
    loss: float
    penalty: float

    @property
    def rounded(self) -> Weights:
        """As the file has them."""
        *columns, left_out = np.round(self.weights, DECIMALS)
        return Weights(np.array(columns), float(left_out))


def fit_weights(lattice: Lattice, ridge: float, steps: int) -> Fitted:
    """Find the weights for which right paths are likeliest; the penalty counts as if all columns spread alike."""
    spreads = lattice.columns.std(axis=0)
    spreads[spreads == 0] = 1.0
    columns, n = lattice.columns / spreads, len(lattice.n_edges)

    def penalized(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        loss, slopes = loss_of(lattice, columns @ weights)
        return loss / n + ridge * float(weights @ weights), slopes @ columns / n + 2 * ridge * weights

    start = np.zeros(columns.shape[1])
    found = minimize(penalized, start, jac=True, method="L-BFGS-B", options={"maxiter": steps})
    penalty = ridge * float(found.x @ found.x)
    return Fitted(found.x / spreads, float(found.fun) - penalty, penalty)


# ---- the command ----


def collect_kinds(model: KNNDigitClassifier, digits: Digits, n_jobs: int) -> Lattice:
    """Make lattices of pictures of every kind, and print how many lines are of use."""
    lattices = []
    with progress_on_stderr() as progress:
        for kind, n in N_PICTURES.items():
            with progress.step(f"Look: {kind}", n) as advance:
                found, n_others = collect(model, digits.pictures(kind, n, SEED), n_jobs, advance)
            click.echo(f"{kind}: {n} pictures, {len(found)} lattices, and {n_others} without a right path")
            lattices += found
    return Lattice.joined(lattices)


def tell_development(model: KNNDigitClassifier, digits: Digits, weights: Weights, n: int, n_jobs: int) -> None:
    """Print how many lines are read right with the weights: other pictures, made of the same fold of digits."""
    reader = DigitReader(model, n_jobs=n_jobs, weights=weights)
    with progress_on_stderr() as progress:
        for kind in KINDS:
            with progress.step(f"Read: {kind}", n) as advance:
                found = measure_kind(reader, digits.pictures(kind, n, DEVELOPMENT_SEED), advance)
            click.echo(f"{kind}: {told(found['lines'])} lines right")


@click.command()
@click.option(
    "--model",
    "model_path",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Saved model of the other folds and of digits cut out of lines of theirs; by default one is made.",
)
@click.option("--ridge", default=3e-3, show_default=True, help="Penalty on the squares of weights.")
@click.option("--steps", default=400, show_default=True, help="Of the optimizer, at most.")
@click.option("--n", default=80, show_default=True, help="Pictures of each kind to measure the outcome with.")
@click.option("--write", is_flag=True, help="Keep the weights in the package.")
@click.option("--n-jobs", default=-1, show_default=True)
def main(model_path: Path | None, ridge: float, steps: int, n: int, write: bool, n_jobs: int) -> None:
    """Learn weights from made pictures, and measure what comes of them."""
    with progress_on_stderr() as progress:
        digits, model = held_out_digits(model_path, n_jobs, progress)
    lattice = collect_kinds(model, digits, n_jobs)
    fitted = fit_weights(lattice, ridge, steps)
    click.echo(
        f"{len(lattice.n_edges):,} lattices of {len(lattice.first):,} edges: loss {fitted.loss:.4f} a line, and "
        f"penalty {fitted.penalty:.4f}"
    )
    weights = fitted.rounded
    tell_development(model, digits, weights, n, n_jobs)
    if write:
        told_weights = {"left_out": weights.left_out, "weights": weights.columns.tolist()}
        WEIGHTS_FILE.write_text(json.dumps(told_weights, indent=1) + "\n", encoding="utf-8")
        click.echo(f"written: {WEIGHTS_FILE}")


if __name__ == "__main__":
    main()
