"""Numba kernel of the image distortion model; `distortion.distortion` is its twin in NumPy.

Images lie flattened in padded lines of `width` numbers, so that a displacement is an offset, and one loop over a
whole band of lines becomes vector instructions on 16-bit numbers. What the loop computes in the padding is unused.
"""

import numpy as np

from knn_digits.kernels import kernel

__all__ = ["measure"]

_BANDS = 4  # after each of which a hopeless candidate is left


@kernel
def measure(queries, base, tail, ids, nearness, labels, factor, n_kept, window, distances):  # type: ignore[no-untyped-def]
    """Write ``nearness + factor * distortion`` of every query's candidates, infinity where it cannot matter.

    A candidate is given up when its distance exceeds that of `n_kept` others of its own class: then it is among
    neither the nearest `n_kept` of its class nor the nearest `n_kept` of all.

    Parameters
    ----------
    queries : uint8 (m, side, side)
    base, tail : uint8 (., side, side)
        References: number i is ``base[i]``, or ``tail[i - len(base)]``.
    ids : int64 (m, c)
        Candidates of each query.
    nearness : float64 (m, c)
        What is added to the distortion; infinity for a candidate that is not to be looked at.
    labels : int64 (m, c)
        Classes of the candidates, from 0.
    factor : float
    n_kept, window : int
    distances : float64 (m, c)
        Written.
    """
    side = queries.shape[1]
    border = window + 1
    width = side + 2 * border
    size = width * width + 2 * width + 2
    query_right, query_down = np.zeros(size, np.int16), np.zeros(size, np.int16)
    right, down = np.zeros(size, np.int16), np.zeros(size, np.int16)
    squares, lines = np.zeros(size, np.uint16), np.zeros(size, np.uint16)
    best = np.zeros(side * width, np.uint16)
    padded = np.zeros((side + 2, side + 2), np.int16)
    limits = np.empty((labels.max() + 1 if labels.size else 0, n_kept))
    for i in range(queries.shape[0]):
        limits[:] = np.inf
        _planes(queries[i], padded, query_right, query_down, 1, width)
        for c in range(ids.shape[1]):
            distances[i, c] = np.inf
            mine = limits[labels[i, c]]
            if nearness[i, c] == np.inf or nearness[i, c] > mine[-1]:
                continue
            name = ids[i, c]
            reference = base[name] if name < len(base) else tail[name - len(base)]
            _planes(reference, padded, right, down, border, width)
            total, start = 0, 0
            for band in range(1, _BANDS + 1):
                end = side * band // _BANDS
                if end > start:
                    total += _band(
                        query_right, query_down, right, down, squares, lines, best, start, end, side, width, window
                    )
                start = end
                if nearness[i, c] + factor * total > mine[-1]:
                    break
            else:
                distance = nearness[i, c] + factor * total
                distances[i, c] = distance
                at = n_kept - 1
                if distance < mine[at]:
                    while at > 0 and mine[at - 1] > distance:
                        mine[at] = mine[at - 1]
                        at -= 1
                    mine[at] = distance


@kernel
def _planes(image, padded, right, down, border, width):  # type: ignore[no-untyped-def]
    """Write the image's rounded gradients into flat lines of `width`, `border` numbers from their edges."""
    side = image.shape[0]
    padded[1 : side + 1, 1 : side + 1] = image
    for y in range(side):
        above, level, below = padded[y], padded[y + 1], padded[y + 2]
        first = (y + border) * width + border
        to_right, to_down = right[first : first + side], down[first : first + side]
        for x in range(side):
            across = above[x + 2] - above[x] + 2 * (level[x + 2] - level[x]) + below[x + 2] - below[x]
            along = below[x] - above[x] + 2 * (below[x + 1] - above[x + 1]) + below[x + 2] - above[x + 2]
            to_right[x] = np.int16((3 * across + 64) >> 7)
            to_down[x] = np.int16((3 * along + 64) >> 7)


@kernel
def _band(query_right, query_down, right, down, squares, lines, best, start, end, side, width, window):  # type: ignore[no-untyped-def]
    """Sum what is left unmatched in the lines `start` to `end` of the query."""
    n = (end - start) * width
    first = start * width
    best[:n] = 65535
    wanted_right, wanted_down = query_right[first:], query_down[first:]
    next_square, square_after = squares[1:], squares[2:]
    next_line, line_after = lines[width:], lines[2 * width :]
    for dy in range(2 * window + 1):
        for dx in range(2 * window + 1):
            offset = first + dy * width + dx
            offered_right, offered_down = right[offset:], down[offset:]
            # Past the last displaced line lies what is never used: no need to read there.
            for t in range(min(n + 2 * width + 2, offered_right.size)):
                a = np.int16(wanted_right[t] - offered_right[t])
                b = np.int16(wanted_down[t] - offered_down[t])
                squares[t] = np.uint16(np.int16(a * a) + np.int16(b * b))
            for t in range(n + 2 * width):
                lines[t] = np.uint16(squares[t] + next_square[t] + square_after[t])
            for t in range(n):
                best[t] = min(best[t], np.uint16(lines[t] + next_line[t] + line_after[t]))
    total = 0
    for y in range(end - start):
        line = best[y * width : y * width + side]
        for x in range(side):
            total += int(line[x])
    return total
