"""What changed since an earlier benchmark, beyond what its measurements vary by themselves."""

from __future__ import annotations

from typing import Any

__all__ = ["changes"]

# Times are compared as ratios to scikit-learn in the same run, so that another machine's speed cancels out.
_MEASURES = (("ratio_to_sklearn", "ratio_spread"),)
_EXACT = ("error_rate", "recall_at_10", "n_train", "n_test", "left_out")
_SIZES = ("model_mb", "peak_rss_mb")
_SIZE_TOLERANCE = 0.05


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """List what differs between two benchmarks.

    A time differs where the spreads (smallest to largest) of its ratio to scikit-learn do not overlap; an error
    rate where it is not the same; a size where it moved by more than 5 %.

    Parameters
    ----------
    old, new : dict
        Contents of two ``bench.json``.

    Returns
    -------
    found : list of dict
        ``method``, ``what``, ``old``, ``new``.
    """
    before = {row["method"]: row for row in old["results"]}
    found = []
    for row in new["results"]:
        former = before.pop(row["method"], None)
        if former is None:
            found.append({"method": row["method"], "what": "method", "old": "absent", "new": "measured"})
        else:
            found += [{"method": row["method"], **change} for change in _changes_of_row(former, row)]
    found += [{"method": name, "what": "method", "old": "measured", "new": "absent"} for name in before]
    return found


def _changes_of_row(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    differing = [what for what in _EXACT if old.get(what) != new.get(what)]
    for what, spread in _MEASURES:
        first, second = old.get(spread), new.get(spread)
        if first and second and (first[1] < second[0] or second[1] < first[0]):
            differing.append(what)
    for what in _SIZES:
        first, second = old.get(what), new.get(what)
        if first and second and abs(second / first - 1) > _SIZE_TOLERANCE:
            differing.append(what)
    return [{"what": what, "old": old.get(what), "new": new.get(what)} for what in differing]
