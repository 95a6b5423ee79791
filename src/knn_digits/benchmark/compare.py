"""What changed since an earlier benchmark, beyond what its measurements vary by themselves."""

from __future__ import annotations

from typing import Any

__all__ = ["changes"]

REFERENCE = "scikit-learn brute"
# What must be the same for two benchmarks to be comparable at all.
_GROUNDS = ("quick", "threads")
_SIZES = ("model_mb", "peak_rss_mb")
_SIZE_TOLERANCE, _TIME_FACTOR, _RECALL_TOLERANCE = 0.05, 1.5, 0.005


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """List what differs between two benchmarks.

    Times are compared as ratios to scikit-learn's in the same run, so that another machine's speed cancels out.
    The time of all queries differs where the spreads of the ratio (smallest to largest) are farther apart than
    the larger of them is wide; fit and one query alone, which have less to go by, where they moved by a factor of
    1.5. An error rate differs where it is not the same, of an approximate search where the 95 % intervals do not
    overlap; recall by 0.5 %; a size by 5 %.

    Parameters
    ----------
    old, new : dict
        Contents of two ``bench.json``.

    Returns
    -------
    found : list of dict
        ``method``, ``what``, ``old``, ``new``. First, under the method ``(all)``, what makes the two incomparable:
        other data, subset or number of threads.
    """
    found = [
        _change("(all)", what, old.get(what), new.get(what)) for what in _GROUNDS if old.get(what) != new.get(what)
    ]
    data = [bench.get("dataset", {}).get("sha256") for bench in (old, new)]
    if data[0] != data[1]:
        found.append(_change("(all)", "dataset sha256", *data))
    before, after = ({row["method"]: row for row in bench["results"]} for bench in (old, new))
    for name in dict.fromkeys([*after, *before]):
        if name not in before or name not in after:
            states = ["measured" if name in rows else "absent" for rows in (before, after)]
            found.append(_change(name, "method", *states))
            continue
        references = before.get(REFERENCE, {}), after.get(REFERENCE, {})
        found += [_change(name, *change) for change in _of_row(before[name], after[name], *references)]
    return found


def _change(method: str, what: str, old: object, new: object) -> dict[str, Any]:
    return {"method": method, "what": what, "old": old, "new": new}


def _of_row(
    old: dict[str, Any], new: dict[str, Any], old_reference: dict[str, Any], new_reference: dict[str, Any]
) -> list[tuple[str, Any, Any]]:
    differing = [what for what in ("n_train", "n_test", "left_out") if old.get(what) != new.get(what)]
    if _errors_differ(old, new):
        differing.append("error_rate")
    if _apart(old.get("ratio_spread"), new.get("ratio_spread")):
        differing.append("ratio_to_sklearn")
    recalls = old.get("recall_at_10"), new.get("recall_at_10")
    if None not in recalls and abs(recalls[0] - recalls[1]) > _RECALL_TOLERANCE:  # type: ignore[operator]
        differing.append("recall_at_10")
    for what in _SIZES:
        if old.get(what) and new.get(what) and abs(new[what] / old[what] - 1) > _SIZE_TOLERANCE:
            differing.append(what)
    for what in ("fit_s", "single_ms_p50"):
        if all(row.get(what) for row in (old, new, old_reference, new_reference)):
            factor = (new[what] / new_reference[what]) / (old[what] / old_reference[what])
            if not 1 / _TIME_FACTOR <= factor <= _TIME_FACTOR:
                differing.append(what)
    return [(what, old.get(what), new.get(what)) for what in differing]


def _errors_differ(old: dict[str, Any], new: dict[str, Any]) -> bool:
    if old.get("recall_at_10") is None or not old.get("ci95") or not new.get("ci95"):
        return old.get("error_rate") != new.get("error_rate")
    return old["ci95"][1] < new["ci95"][0] or new["ci95"][1] < old["ci95"][0]


def _apart(old: list[float] | None, new: list[float] | None) -> bool:
    if not old or not new:
        return False
    gap = max(new[0] - old[1], old[0] - new[1])
    return gap > max(old[1] - old[0], new[1] - new[0])
