"""A linear projection learned from neighbors: what tells a digit from its near neighbors of other classes.

After principal components, every training row ("anchor") is compared with its nearest others. Differences to
neighbors of its own class are what a class varies by, differences to neighbors of other classes what must be
seen: the directions in which the second kind is largest relative to the first are kept. It is Fisher's
discriminant made local, so that a class may have several shapes (K. Fukunaga, J. M. Mantock, Nonparametric
discriminant analysis, IEEE PAMI 5(6), 1983).

The result is rounded to int8. Rows are rounded to whole numbers before the product and the projection is of
whole numbers too, so that float64 sums are exact and a row's result never depends on the rows beside it.

What tells digits apart is not what tells a digit from something else. `residuals` therefore keeps what the
projection leaves of the principal components: the directions of the largest variance among those not kept.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh, null_space
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from knn_digits.neighbors import ExactSearch

__all__ = ["LARGEST", "NeighborDiscriminant"]

LARGEST = 127  # of the int8 numbers a row becomes; 64 x 127^2 < 2^24, which float32 holds exactly
_LARGEST_INPUT = 2**15
_EXACT = 2**52
# Where the projected rows of training reach int8's limits; the few beyond are clipped.
_REACHED_BY = 0.9999
_N_REACH = 10000  # rows that say where that is, evenly spaced: they may be sorted by class
_N_RESIDUAL = 64


class NeighborDiscriminant(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Project rows on what distinguishes them from near rows of other classes.

    Parameters
    ----------
    n_components : int, default=64
        Dimensions kept, at most as many as there are principal components.
    n_principal : int, default=160
        Principal components in which neighbors are found and the projection is learned.
    n_neighbors : int, default=40
        Neighbors each anchor is compared with.
    n_same : int, default=10
        How many of these of its own class, at most.
    shrinkage : float, default=0.3
        Share of the mean within-class variance that is added to every direction's.
    n_anchors : int, default=16000
        Training rows that are compared with their neighbors, drawn at random where there are more.
    random_state : int, RandomState or None, default=0
        Draws the anchors.
    n_jobs : int, optional
        Threads that search for neighbors in `fit`, counted as joblib counts them.

    Attributes
    ----------
    mean_ : int64 ndarray of shape (d,)
        Taken from every row, after scaling.
    projection_ : float64 ndarray of shape (d, n_components)
        Whole numbers.
    residual_projection_ : float64 ndarray of shape (d, at most 64)
        Whole numbers: directions that `residuals` keeps, orthogonal to those of `projection_`.
    input_scale_, output_scale_, residual_scale_ : float
        A row becomes ``rint((rint(row * input_scale_) - mean_) @ projection_ * output_scale_)``, clipped to
        -127..127; its residual likewise.
    strengths_ : float64 ndarray of shape (n_components,)
        Between-class relative to within-class variance along each kept direction, descending.
    """

    def __init__(
        self,
        n_components: int = 64,
        *,
        n_principal: int = 160,
        n_neighbors: int = 40,
        n_same: int = 10,
        shrinkage: float = 0.3,
        n_anchors: int = 16000,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.n_principal = n_principal
        self.n_neighbors = n_neighbors
        self.n_same = n_same
        self.shrinkage = shrinkage
        self.n_anchors = n_anchors
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn the projection.

        Parameters
        ----------
        X : array of shape (n, d)
            Finite numbers, such as orientation histograms.
        y : array of shape (n,)
            Classes.

        Raises
        ------
        ValueError
            If a setting is out of range, or X and y do not fit together.
        """
        values, labels = validate_data(self, X, y, ensure_min_samples=2)
        check_classification_targets(labels)
        codes = np.unique(column_or_1d(labels), return_inverse=True)[1]
        self.check_settings()
        self.input_scale_ = _input_scale(values)
        rows = _whole(values, self.input_scale_)
        self.mean_ = np.rint(rows.mean(axis=0, dtype=np.float64)).astype(np.int64)
        principal = _principal_directions(rows, self.mean_, self.n_principal)
        reduced = _project(rows, self.mean_, principal).astype(np.float32)
        within, between = self._scatter(reduced, codes)
        directions, self.strengths_ = _discriminant(within, between, self.shrinkage, self.n_components)
        some = rows[np.unique(np.linspace(0, len(rows) - 1, _N_REACH).astype(int))]
        self.projection_, self.output_scale_ = _rounded(principal @ directions, some, self.mean_)
        rest = principal @ _complement(directions, reduced[:: max(1, len(rows) // _N_REACH)], _N_RESIDUAL)
        self.residual_projection_, self.residual_scale_ = _rounded(rest, some, self.mean_)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.int8]:
        """Project rows.

        Parameters
        ----------
        X : array of shape (n, d)

        Returns
        -------
        rows : int8 ndarray of shape (n, n_components)
            Within -127..127.
        """
        check_is_fitted(self)
        return self.project(validate_data(self, X, reset=False, ensure_min_samples=0))

    def project(self, values: NDArray) -> NDArray[np.int8]:
        """Project rows that are known to be finite numbers of shape (n, d)."""
        return self._as_int8(values, self.projection_, self.output_scale_)

    def residuals(self, values: NDArray) -> NDArray[np.int8]:
        """Say what `project` leaves of such rows: int8 of shape (n, at most 64), within -127..127."""
        return self._as_int8(values, self.residual_projection_, self.residual_scale_)

    def _as_int8(self, values: NDArray, projection: NDArray[np.float64], scale: float) -> NDArray[np.int8]:
        projected = _project(_whole(values, self.input_scale_), self.mean_, projection)
        projected *= scale
        return np.rint(np.clip(projected, -LARGEST, LARGEST, out=projected), out=projected).astype(np.int8)

    def check_settings(self) -> None:
        """Raise the ValueError that `fit` would for a setting that is out of range."""
        for name in ("n_components", "n_principal", "n_neighbors", "n_same", "n_anchors"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        if not 0 < self.shrinkage < np.inf:
            raise ValueError(f"shrinkage must be above 0, got {self.shrinkage!r}")

    def _scatter(
        self, reduced: NDArray[np.float32], codes: NDArray[np.integer]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean outer products of the differences to neighbors of the same class, and of others."""
        n = len(reduced)
        anchors = np.arange(n)
        if n > self.n_anchors:
            drawn = check_random_state(self.random_state).choice(n, self.n_anchors, replace=False)
            anchors = np.sort(drawn)
        k = min(self.n_neighbors + 1, n)
        # As int8 they are found in a third of the time, and as well.
        coarse = _coarse(reduced)
        ids = ExactSearch(coarse).kneighbors(coarse[anchors], k, n_jobs=self.n_jobs)[1]
        itself = ids == anchors[:, None]
        same = (codes[ids] == codes[anchors][:, None]) & ~itself
        chosen = (same & (same.cumsum(axis=1) <= self.n_same), ~same & ~itself)
        within, between = (_mean_outer_product(reduced, anchors, ids, pairs) for pairs in chosen)
        return within, between

    @property
    def _n_features_out(self) -> int:
        return self.projection_.shape[1]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _input_scale(X: NDArray) -> float:
    """Choose what to multiply rows with before rounding: nothing for small integers."""
    largest = float(np.abs(X).max(initial=0))
    if np.issubdtype(X.dtype, np.integer) and largest < _LARGEST_INPUT:
        return 1.0
    # A large X must not overflow, nor a tiny one vanish.
    return _LARGEST_INPUT / 2 / largest if largest > np.finfo(np.float64).tiny else 1.0


def _whole(X: NDArray, scale: float) -> NDArray[np.integer]:
    if scale == 1.0 and np.issubdtype(X.dtype, np.integer) and X.dtype.itemsize <= 2:
        return X
    return np.rint(np.clip(X.astype(np.float64) * scale, 1 - _LARGEST_INPUT, _LARGEST_INPUT - 1)).astype(np.int16)


def _project(
    rows: NDArray[np.integer], mean: NDArray[np.int64], projection: NDArray[np.float64]
) -> NDArray[np.float64]:
    projected = np.empty((len(rows), projection.shape[1]))
    for start in range(0, len(rows), 1024):
        block = slice(start, start + 1024)
        np.matmul(np.subtract(rows[block], mean, dtype=np.float64), projection, out=projected[block])
    return projected


def _coarse(rows: NDArray[np.float32]) -> NDArray[np.int8]:
    largest = float(np.abs(rows).max(initial=0))
    return np.rint(rows * np.float32(LARGEST / largest if largest else 1.0)).astype(np.int8)


def _rounded(
    projection: NDArray[np.float64], rows: NDArray[np.integer], mean: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """Make whole numbers of a projection, as fine as float64 sums stay exact; and what rows reach as int8."""
    longest = float(np.abs(projection).sum(axis=0).max(initial=0))
    whole = np.rint(projection * (_EXACT / (2 * _LARGEST_INPUT * longest) if longest else 1.0))
    reach = float(np.quantile(np.abs(_project(rows, mean, whole)), _REACHED_BY)) if whole.size else 0.0
    return whole, LARGEST / reach if reach else 1.0


def _complement(
    directions: NDArray[np.float64], rows: NDArray[np.float32], n_components: int
) -> NDArray[np.float64]:
    """Orthonormal directions of the largest variance among those orthogonal to the ones given."""
    free = null_space(directions.T)
    if not free.size:
        return free
    spread = (rows - rows.mean(axis=0)).astype(np.float64) @ free
    return free @ eigh(spread.T @ spread)[1][:, ::-1][:, :n_components]


def _principal_directions(
    rows: NDArray[np.integer], mean: NDArray[np.int64], n_principal: int
) -> NDArray[np.float64]:
    """Orthonormal directions of the largest variance, of shape (d, at most n_principal)."""
    n, d = rows.shape
    centered = np.subtract(rows, mean, dtype=np.float64) if n < d else None
    # Of fewer rows than columns the products of rows say the same, and are fewer.
    products = _scatter_of(rows, mean) if centered is None else centered @ centered.T
    largest = len(products) - 1
    variances, directions = eigh(products, subset_by_index=[max(0, largest + 1 - n_principal), largest])
    # Directions without variance are noise of the solver; one is kept where there is no variance at all.
    real = max(1, int(np.count_nonzero(variances > 1e-9 * max(variances[-1], 0))))
    directions, variances = directions[:, ::-1][:, :real], variances[::-1][:real]
    if centered is not None:
        directions = centered.T @ directions / np.sqrt(np.maximum(variances, np.finfo(np.float64).tiny))
    return np.ascontiguousarray(directions)


def _scatter_of(rows: NDArray[np.integer], mean: NDArray[np.int64]) -> NDArray[np.float64]:
    scatter = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), 4096):
        block = np.subtract(rows[start : start + 4096], mean, dtype=np.float64)
        scatter += block.T @ block
    return scatter


def _mean_outer_product(
    rows: NDArray[np.float32], anchors: NDArray[np.integer], ids: NDArray[np.int64], pairs: NDArray[np.bool_]
) -> NDArray[np.float64]:
    d = rows.shape[1]
    total = np.zeros((d, d))
    for start in range(0, len(anchors), 1024):
        block = slice(start, start + 1024)
        anchor, column = np.nonzero(pairs[block])
        difference = rows[anchors[block][anchor]] - rows[ids[block][anchor, column]]
        total += difference.T @ difference
    return total / max(1, int(np.count_nonzero(pairs)))


def _discriminant(
    within: NDArray[np.float64], between: NDArray[np.float64], shrinkage: float, n_components: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions in which `between` is largest relative to `within`, scaled by the fourth root of how much."""
    d = len(within)
    if not between.any():  # one class, or none near another: what varies at all is kept
        between = np.eye(d)
    level = np.trace(within) / d or np.trace(between) / d
    strengths, directions = eigh(between, within + shrinkage * level * np.eye(d))
    kept = slice(None, -min(n_components, d) - 1, -1)
    strengths = np.maximum(strengths[kept], 0)
    # A direction's sign is the solver's whim; the largest entry decides, so that models can be compared.
    directions = directions[:, kept]
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(len(strengths))])
    return directions * strengths**0.25, strengths
