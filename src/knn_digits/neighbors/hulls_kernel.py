"""Numba kernel of class scores by local hulls; `hulls.hull_score` is its twin in NumPy, for one hull."""

import numpy as np

from knn_digits.kernels import kernel

__all__ = ["score_classes"]


@kernel
def score_classes(queries, base, tail, ids, codes, n_neighbors, ridge, grain, scores):  # type: ignore[no-untyped-def]
    """Write the score of every class among the candidates into `scores` (m, n_classes), which holds infinity.

    `queries` (m, d), `base` and `tail` (., d) are int8: reference i is ``base[i]``, or ``tail[i - len(base)]``.
    `ids` and `codes` (m, c) are int64: the candidates of each query, nearest first, and their classes.
    """
    m, c = ids.shape
    n = min(n_neighbors, c)
    # The query comes first, then the members: products of all with all.
    rows = np.empty((n + 1, queries.shape[1]), np.int16)
    products = np.empty((n + 1, n + 1), np.int64)
    gram, along = np.empty((n, n)), np.empty(n)
    for i in range(m):
        rows[0] = queries[i]
        for first in range(c):
            code = codes[i, first]
            if scores[i, code] < np.inf:
                continue
            count = 0
            for j in range(first, c):
                if codes[i, j] == code and count < n:
                    name = ids[i, j]
                    count += 1
                    rows[count] = base[name] if name < len(base) else tail[name - len(base)]
            _multiply(rows, count + 1, products)
            nearest = float(products[0, 0] - 2 * products[0, 1] + products[1, 1])
            score = min(nearest, _distance(products, count, ridge, gram, along))
            scores[i, code] = np.rint(score / grain) * grain


@kernel
def _multiply(rows, n, products):  # type: ignore[no-untyped-def]
    """Inner products of the first n rows, exact."""
    for a in range(n):
        left = rows[a]
        for b in range(a, n):
            right = rows[b]
            total = np.int32(0)
            for t in range(left.size):
                total += np.int32(left[t]) * np.int32(right[t])
            products[a, b] = products[b, a] = total


@kernel
def _distance(products, n, ridge, gram, along):  # type: ignore[no-untyped-def]
    """Squared distance from row 0 to the hull of rows 1..n, with the penalty on coefficients.

    All that is needed are products: taking the center from every row is taking means of rows and columns.
    """
    grand, to_center = 0, 0
    for a in range(1, n + 1):
        to_center += products[0, a]
        for b in range(1, n + 1):
            grand += products[a, b]
    rest = products[0, 0] - 2 * to_center / n + grand / (n * n)
    for a in range(n):
        total = 0
        for b in range(1, n + 1):
            total += products[a + 1, b]
        along[a] = total / n  # for now: the mean product with the members
    spread = 0.0
    for a in range(n):
        for b in range(a, n):
            gram[a, b] = products[a + 1, b + 1] - along[a] - along[b] + grand / (n * n)
        spread += gram[a, a]
    for a in range(n):
        gram[a, a] += ridge * spread / n + 1e-6
        along[a] = products[0, a + 1] - along[a] - to_center / n + grand / (n * n)
    return rest - _explained(gram, along, n)


@kernel
def _explained(gram, along, n):  # type: ignore[no-untyped-def]
    """Return ``along @ inverse(gram) @ along`` by Cholesky; overwrites both. Only the upper half is read."""
    total = 0.0
    for k in range(n):
        pivot = np.sqrt(max(gram[k, k], 1e-12))
        upper = gram[k]
        for j in range(k + 1, n):
            upper[j] /= pivot
        along[k] /= pivot
        total += along[k] * along[k]
        for i in range(k + 1, n):
            factor, row = upper[i], gram[i]
            along[i] -= factor * along[k]
            for j in range(i, n):
                row[j] -= factor * upper[j]
    return total
