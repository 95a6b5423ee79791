"""Numba kernel of orientation histograms; `orientations.histograms` is its twin in NumPy."""

import numpy as np

from knn_digits.kernels import kernel

__all__ = ["describe"]


@kernel
def describe(images, first, share_of_first, share_of_next, weights, n_directions, length, rows):  # type: ignore[no-untyped-def]
    """Write the histogram of each image (n, side, side) into `rows` (n, n_directions * n_cells^2), int16.

    `first`, `share_of_first` and `share_of_next` are tables by gradient, `weights` those of pixels by cell.
    """
    n, side, _ = images.shape
    n_cells = weights.shape[0]
    p = np.zeros((side + 2, side + 2), np.int32)
    planes = np.zeros((n_directions, side, side), np.float32)
    across = weights.T.copy()
    lines = np.empty(side, np.float32)
    cells = np.empty(n_cells, np.float32)
    sums = np.empty(n_directions * n_cells * n_cells, np.float32)
    for i in range(n):
        p[1 : side + 1, 1 : side + 1] = images[i]
        planes[:] = 0
        for y in range(side):
            above, level, below = p[y], p[y + 1], p[y + 2]
            for x in range(side):
                right = above[x + 2] - above[x] + 2 * (level[x + 2] - level[x]) + below[x + 2] - below[x]
                down = below[x] - above[x] + 2 * (below[x + 1] - above[x + 1]) + below[x + 2] - above[x + 2]
                if right != 0 or down != 0:
                    r, c = ((down + 2) >> 2) + 255, ((right + 2) >> 2) + 255
                    d = int(first[r, c])
                    planes[d, y, x] += share_of_first[r, c]
                    planes[(d + 1) % n_directions, y, x] += share_of_next[r, c]
        total, at = 0.0, 0
        for d in range(n_directions):
            plane = planes[d]
            for u in range(n_cells):
                lines[:] = 0
                for y in range(side):
                    weight, row = weights[u, y], plane[y]
                    if weight != 0:
                        for x in range(side):
                            lines[x] += weight * row[x]
                cells[:] = 0
                for x in range(side):
                    value, column = lines[x], across[x]
                    if value != 0:
                        for v in range(n_cells):
                            cells[v] += value * column[v]
                for v in range(n_cells):
                    sums[at] = cells[v]
                    total += cells[v]
                    at += 1
        scale = max(total, 1.0)
        row_out = rows[i]
        for j in range(sums.size):
            row_out[j] = np.int16(np.rint(length * np.sqrt(np.float64(sums[j]) / scale)))
