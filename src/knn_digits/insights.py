"""What the results say, in words. Every sentence is computed from the results; none is written beforehand."""

from __future__ import annotations

from collections import Counter
from typing import Any

__all__ = ["insights"]


def insights(results: dict[str, Any]) -> list[dict[str, str]]:
    """Put results into words.

    Parameters
    ----------
    results : dict
        Fields of ``results.json``.

    Returns
    -------
    found : list of dict
        ``title`` and ``text`` of each insight, in the order to be read.
    """
    found = [_what_tuning_bought(results), _choice_of_k(results), _agreement_with_scikit_learn(results)]
    if results["evaluation"]["mistakes"]:
        found += [_confused_pairs(results), _classes_that_suffer(results), _what_is_still_wrong(results)]
    return [{"title": title, "text": text} for title, text in found]


def _what_tuning_bought(results: dict[str, Any]) -> tuple[str, str]:
    default, tuned = results["baseline"][0], results["evaluation"]
    test = tuned["mcnemar"]
    fewer = default["errors"] - tuned["errors"]
    change = f"{abs(fewer)} {'fewer' if fewer >= 0 else 'more'}"
    chosen = results["tuning"]["chosen"]
    by_family: dict[tuple[str, str], float] = {}
    for point in results["tuning"]["curve"]:
        family = (point["metric"], point["weights"])
        by_family[family] = min(point["error_rate"], by_family.get(family, 1.0))
    families = "; ".join(
        f"{metric}, {weights} weights {_percent(rate)}" for (metric, weights), rate in by_family.items()
    )
    text = (
        f"scikit-learn's defaults make {default['errors']:,} errors on {default['n']:,} test images "
        f"({_percent(default['error_rate'])}), the tuned setting ({chosen['metric']} distance, "
        f"k = {chosen['n_neighbors']}, {chosen['weights']} weights) {tuned['errors']:,} "
        f"({_percent(tuned['error_rate'])}): {change}. Only the default is wrong on "
        f"{test['only_first_wrong']:,} images, only the tuned setting on {test['only_second_wrong']:,}; if both were "
        f"equally good, a split this uneven would come by chance with probability {_probability(test['p_value'])}. "
        f"In cross-validation the best k of each kind makes: {families}."
    )
    return "What tuning bought", text


def _choice_of_k(results: dict[str, Any]) -> tuple[str, str]:
    tuning = results["tuning"]
    best, simple = tuning["best"], tuning["one_standard_error"]
    family = [p for p in tuning["curve"] if (p["metric"], p["weights"]) == (best["metric"], best["weights"])]
    first, last = family[0], family[-1]
    text = (
        f"With {best['metric']} distance and {best['weights']} weights the cross-validated error is lowest at "
        f"k = {best['n_neighbors']} ({_percent(best['error_rate'])} ± {_percent(best['standard_error'])}). One neighbor "
        f"alone makes {_percent(first['error_rate'])}, {last['n_neighbors']} make {_percent(last['error_rate'])}: few "
        "neighbors follow every odd image, many blur the classes. "
    )
    if simple["n_neighbors"] == best["n_neighbors"]:
        text += "No larger k comes within one standard error of it."
    else:
        other = results["one_standard_error_evaluation"]
        text += (
            f"The largest k within one standard error is {simple['n_neighbors']} ({_percent(simple['error_rate'])}); "
            f"on the test images it makes {other['errors']:,} errors."
        )
    return "How many neighbors", text


def _agreement_with_scikit_learn(results: dict[str, Any]) -> tuple[str, str]:
    differences = results["differences"]
    reasons = Counter(d["reason"] for d in differences)
    ours_right = sum(d["ours"] == d["label"] for d in differences)
    theirs_right = sum(d["scikit_learn"] == d["label"] for d in differences)
    answers = sum(row["n"] for row in results["baseline"]) // 2
    if not differences:
        return "Ours and scikit-learn's", f"All {answers:,} answers are the same."
    counted = ", ".join(f"{n:,} {reason}" for reason, n in reasons.most_common())
    text = (
        f"Of {answers:,} answers {len(differences):,} differ: {counted}. Where votes tie, scikit-learn takes the "
        "smaller label, ours the class whose nearest neighbor is nearer; where distances tie at the last neighbor, "
        f"the two let different images vote. Ours is right in {ours_right:,} of them, scikit-learn in {theirs_right:,}."
    )
    return "Ours and scikit-learn's", text


def _confused_pairs(results: dict[str, Any]) -> tuple[str, str]:
    mistakes = results["evaluation"]["mistakes"]
    pairs = Counter(tuple(sorted((m["label"], m["answer"]))) for m in mistakes)
    sentences = []
    for (a, b), n in pairs.most_common(3):
        here = [m for m in mistakes if {m["label"], m["answer"]} == {a, b}]
        of_a = sum(m["label"] == a for m in here)
        voted = sum(m["label_share"] > 0 for m in here)
        nearest = sum(m["neighbors"][0]["label"] == m["label"] for m in here)
        sentences.append(
            f"{a} and {b} are mixed up {n:,} times ({a} taken for {b} {of_a:,}, {b} for {a} {n - of_a:,}): "
            f"in {nearest:,} of them the nearest image of all is of the right class but outvoted, in {n - voted:,} no "
            "neighbor that votes is of the right class."
        )
    share = sum(n for _, n in pairs.most_common(3)) / len(mistakes)
    sentences.append(f"These pairs are {share:.0%} of all mistakes.")
    return "Which digits are confused", " ".join(sentences)


def _classes_that_suffer(results: dict[str, Any]) -> tuple[str, str]:
    per_class = [row for row in results["evaluation"]["per_class"] if row["support"]]
    by_recall = sorted(per_class, key=lambda row: row["recall"])
    worst, best = by_recall[0], by_recall[-1]
    magnet = min(per_class, key=lambda row: row["precision"])
    ink = {row["label"]: row["mean"] for row in results["exploration"]["ink_per_class"]}
    least_ink = min(ink, key=lambda label: ink[label])
    text = (
        f"Hardest to find is {worst['label']}: {_percent(1 - worst['recall'])} of its {worst['support']:,} images are "
        f"called something else (easiest is {best['label']}, {_percent(1 - best['recall'])}). The answer to trust "
        f"least is {magnet['label']}: {_percent(1 - magnet['precision'])} of the images called so are not."
    )
    if magnet["label"] == least_ink:
        text += (
            f" {magnet['label']} has the least ink of all classes, so that its images are near to much that is thin "
            "or faint: pixel distance counts ink before it sees shape."
        )
    return "Which classes suffer", text


def _what_is_still_wrong(results: dict[str, Any]) -> tuple[str, str]:
    evaluation = results["evaluation"]
    mistakes = evaluation["mistakes"]
    unanimous = sum(m["answer_share"] > 0.999 for m in mistakes)
    text = (
        f"In {unanimous:,} of {len(mistakes):,} mistakes all neighbors agree on the wrong answer: pixel distance "
        "is sure and wrong, and no other k or weights would help there. "
        f"The right class is first or second in {_percent(evaluation['top2_accuracy'])} of all answers. "
    )
    disputed = evaluation["disputed"]
    if disputed:
        without = disputed["without"]
        text += (
            f"{disputed['n_wrong']} of the mistakes are among the {len(disputed['test'])} test labels here that human "
            f"raters dispute; without these labels the error is {_percent(without['error_rate'])}. "
        )
    text += "Pixels that do not line up (slant, position, stroke width) count as distance here."
    return "What is still wrong", text


def _percent(share: float) -> str:
    return f"{share:.2%}".replace("%", " %")


def _probability(p: float) -> str:
    return "below 0.0001" if p < 0.0001 else f"{p:.4f}"
