"""Numba kernels of the search among integers where choosing costs as much as products: short rows, many neighbors.

`search.ExactSearch` finds the same in plain NumPy for all other rows; the tests hold the two to each other.
"""

import numpy as np

from knn_digits.kernels import kernel

__all__ = ["keep_nearest", "scan"]

_CHUNK = 64


@kernel
def keep_nearest(products, norms, ids, distances, found):  # type: ignore[no-untyped-def]
    """Take the nearer ones of a block of references into the list of each query.

    Parameters
    ----------
    products : float32 (m, n)
        ``-2 q.r``.
    norms : float32 or float64 (n,)
        ``|r|^2``.
    ids : int64 (n,)
    distances : as `norms` (m, k)
        ``|r|^2 - 2 q.r`` of the nearest so far, ascending; infinity where there are none yet. Changed.
    found : int64 (m, k)
        Their ids. Changed.
    """
    n = products.shape[1]
    for i in range(products.shape[0]):
        row = products[i]
        # From the last reference to the first: at equal distance the later one stays.
        for end in range(n, 0, -_CHUNK):
            start = max(0, end - _CHUNK)
            chunk, chunk_norms = row[start:end], norms[start:end]
            limit = distances[i, -1]
            hits = 0
            for j in range(end - start):
                hits += chunk[j] + chunk_norms[j] < limit
            if hits > 0:
                for j in range(end - start - 1, -1, -1):
                    _insert(distances[i], found[i], chunk[j] + chunk_norms[j], ids[start + j])


@kernel
def scan(queries, references, ids, distances, found):  # type: ignore[no-untyped-def]
    """Compare a few queries (m, d) with references (n, d), both int8, without a product.

    `distances` (int64, ``|q - r|^2``) and `found` as in `keep_nearest`, with the largest int64 for none yet.
    """
    n, d = references.shape
    for i in range(queries.shape[0]):
        query = queries[i]
        for j in range(n - 1, -1, -1):
            reference = references[j]
            distance = np.int32(0)
            for t in range(d):
                difference = np.int32(query[t]) - np.int32(reference[t])
                distance += difference * difference
            if distance < distances[i, -1]:
                _insert(distances[i], found[i], distance, ids[j])


@kernel
def _insert(nearest, names, distance, name):  # type: ignore[no-untyped-def]
    """Put a neighbor in its place of an ascending list, behind those equally near; the last one falls out."""
    at = nearest.size - 1
    if not distance < nearest[at]:
        return
    while at > 0 and nearest[at - 1] > distance:
        nearest[at], names[at] = nearest[at - 1], names[at - 1]
        at -= 1
    nearest[at], names[at] = distance, name
