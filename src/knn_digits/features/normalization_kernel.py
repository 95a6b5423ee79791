"""Numba kernel of shape normalization; `normalization.resampled` is its twin in NumPy."""

import numpy as np

from knn_digits.kernels import kernel

__all__ = ["resample"]


@kernel
def resample(images, frames, normalized):  # type: ignore[no-untyped-def]
    """Draw each image (n, side, side) in its frame (n, 5) into `normalized`; all uint8 but the frames."""
    n, side, _ = images.shape
    half = (side - 1) / 2
    # A border of two: positions are clamped to it, and a step to the right or below stays inside.
    padded = np.zeros((side + 4, side + 4), np.int64)
    for i in range(n):
        for y in range(side):
            for x in range(side):
                padded[y + 2, x + 2] = images[i, y, x]
        center_y, center_x, slant, step_y, step_x = frames[i]
        for y in range(side):
            below = (y - half) * step_y
            at_y = int(np.rint((center_y + below) * 256))
            row, down = min(max(at_y >> 8, -2), side) + 2, at_y & 255
            start = center_x + slant * below
            for x in range(side):
                at_x = int(np.rint((start + (x - half) * step_x) * 256))
                column, right = min(max(at_x >> 8, -2), side) + 2, at_x & 255
                upper = padded[row, column] * (256 - right) + padded[row, column + 1] * right
                lower = padded[row + 1, column] * (256 - right) + padded[row + 1, column + 1] * right
                normalized[i, y, x] = (upper * (256 - down) + lower * down + 32768) >> 16
