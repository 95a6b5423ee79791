"""Numba kernel of orientation histograms; `orientations.histograms` is its twin in NumPy."""

import numpy as np

from knn_digits.kernels import kernel

__all__ = ["describe"]


@kernel
def describe(images, first, share_of_first, share_of_next, weights, n_directions, length, rows):  # type: ignore[no-untyped-def]
    """Write the histogram of each image (n, side, side) into `rows` (n, n_directions * n_cells^2), int16.

    `first`, `share_of_first` and `share_of_next` are tables by gradient, `weights` those of pixels by cell.
    """
    # Directions lie side by side in every array: the inner loops then run over all of them, and are long.
    n, side, _ = images.shape
    n_cells = weights.shape[0]
    p = np.zeros((side + 2, side + 2), np.int32)
    planes = np.zeros((side, side * n_directions), np.float32)
    line = np.empty(side * n_directions, np.float32)
    columns = np.empty((side, n_cells * n_directions), np.float32)
    cells = np.empty((n_cells, n_cells * n_directions), np.float32)
    roots = np.empty(cells.shape, np.int16)
    for i in range(n):
        p[1 : side + 1, 1 : side + 1] = images[i]
        planes[:] = 0
        for y in range(side):
            above, level, below, plane = p[y], p[y + 1], p[y + 2], planes[y]
            for x in range(side):
                right = above[x + 2] - above[x] + 2 * (level[x + 2] - level[x]) + below[x + 2] - below[x]
                down = below[x] - above[x] + 2 * (below[x + 1] - above[x + 1]) + below[x + 2] - above[x + 2]
                if right != 0 or down != 0:
                    r, c = ((down + 2) >> 2) + 255, ((right + 2) >> 2) + 255
                    d = int(first[r, c])
                    plane[x * n_directions + d] += share_of_first[r, c]
                    plane[x * n_directions + (d + 1) % n_directions] += share_of_next[r, c]
        for u in range(n_cells):
            _weighted_sum(weights[u], planes, line)
            for x in range(side):
                for d in range(n_directions):
                    columns[x, u * n_directions + d] = line[x * n_directions + d]
        for v in range(n_cells):
            _weighted_sum(weights[v], columns, cells[v])
        total = 0
        for v in range(n_cells):
            for j in range(n_cells * n_directions):
                total += int(cells[v, j])
        scale = max(float(total), 1.0)
        for v in range(n_cells):
            for j in range(n_cells * n_directions):
                roots[v, j] = np.int16(np.rint(length * np.sqrt(np.float64(cells[v, j]) / scale)))
        at = 0
        for d in range(n_directions):
            for u in range(n_cells):
                for v in range(n_cells):
                    rows[i, at] = roots[v, u * n_directions + d]
                    at += 1


@kernel
def _weighted_sum(weights, lines, total):  # type: ignore[no-untyped-def]
    """Sum lines, each times its weight, into `total`; most weights are zero."""
    total[:] = 0
    for y in range(weights.size):
        weight, line = weights[y], lines[y]
        if weight != 0:
            for t in range(total.size):
                total[t] += weight * line[t]
