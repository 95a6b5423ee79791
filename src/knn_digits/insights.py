"""What the results say, in words. Every sentence is computed from the results."""

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
    evaluation = results["evaluation"]
    found = [
        ("What tuning bought", _what_tuning_bought(results)),
        ("How many neighbors", _choice_of_k(results)),
        ("Ours and scikit-learn's", _agreement_with_scikit_learn(results)),
    ]
    if not evaluation["tuned"]:
        found.append((f"What the {evaluation['preset']} preset buys", _what_the_preset_buys(results)))
    if results["stages"]:
        found.append(("What each stage buys", _what_each_stage_buys(results["stages"])))
    if results["confidence"]:
        found += _what_answers_are_worth(results["confidence"], evaluation)
    if results["evaluation"]["mistakes"]:
        found += [
            ("Which digits are confused", _confused_pairs(results)),
            ("Which classes suffer", _classes_that_suffer(results)),
            ("What is still wrong", _what_is_still_wrong(results)),
        ]
    return [{"title": title, "text": text} for title, text in found]


def _what_tuning_bought(results: dict[str, Any]) -> str:
    tuned, chosen = results["tuned_evaluation"], results["tuning"]["chosen"]
    lowest: dict[str, float] = {}
    for point in results["tuning"]["curve"]:
        family = f"{point['metric']} distance with {point['weights']} weights"
        lowest[family] = min(point["error_rate"], lowest.get(family, 1.0))
    families = "; ".join(f"{family} {_percent(rate)}" for family, rate in lowest.items())
    chosen = f"{chosen['metric']} distance, k = {chosen['n_neighbors']}, {chosen['weights']} weights"
    compared = _beside_the_default(results, tuned, f"The tuned setting ({chosen})", "the tuned setting")
    return f"{compared} In cross-validation, at the best k of each kind: {families}."


def _beside_the_default(results: dict[str, Any], row: dict[str, Any], name: str, short: str) -> str:
    default, test = results["baseline"][0], row["mcnemar"]
    fewer = default["errors"] - row["errors"]
    change = f"{_count(abs(fewer), 'error')} {'fewer' if fewer > 0 else 'more'}" if fewer else "as many"
    return (
        f"scikit-learn's defaults make {_count(default['errors'], 'error')} on {default['n']:,} test images "
        f"({_percent(default['error_rate'])}). {name} makes {row['errors']:,} ({_percent(row['error_rate'])}): "
        f"{change}. On {_count(test['only_first_wrong'], 'image')} only the default is wrong, on "
        f"{_count(test['only_second_wrong'], 'image')} only {short}; were both equally good, a split at least "
        f"this uneven would come by chance with probability {_probability(test['p_value'])} (McNemar)."
    )


def _what_the_preset_buys(results: dict[str, Any]) -> str:
    evaluation, tuned, default = results["evaluation"], results["tuned_evaluation"], results["baseline"][0]
    name = f"the {evaluation['preset']} preset"
    ours, theirs = (_milliseconds(1000 * row["predict_s"] / row["n"]) for row in (evaluation, default))
    return (
        f"{_beside_the_default(results, evaluation, name.capitalize(), name)} The tuned plain k-NN makes "
        f"{tuned['errors']:,}. The preset takes {ours} an image, scikit-learn's defaults {theirs}."
    )


def _what_each_stage_buys(stages: dict[str, Any]) -> str:
    steps = []
    for row in stages["rows"]:
        step = f"{row['name']}: {_count(row['errors'], 'error')}, {_milliseconds(row['ms_per_image'])}"
        if row["p_value"] is not None:
            step += (
                f" (mends {row['mended']:,} and makes {row['made']:,}; by chance with probability "
                f"{_probability(row['p_value'])})"
            )
        steps.append(step)
    few = "Only " if stages["contested_share"] < 0.2 else ""
    return (
        f"Errors and time an image, stage by stage: {'; '.join(steps)}. "
        f"{few}{_count(stages['n_contested'], 'image')} of {stages['rows'][0]['n']:,} "
        f"({_percent(stages['contested_share'])}) had more than one class among {stages['n_candidates']:,} "
        "candidates; the others were answered without judging any class."
    )


def _what_answers_are_worth(confidence: dict[str, Any], evaluation: dict[str, Any]) -> list[tuple[str, str]]:
    found = [
        ("How sure, and how often right", _how_sure(confidence["calibration"])),
        ("Withholding the least sure answers", _what_withholding_buys(confidence["rejection"], evaluation)),
    ]
    kinds = confidence["credibility"]["kinds"]
    return [*found, ("What is no digit", _what_is_no_digit(kinds, confidence["credibility"]))] if kinds else found


def _how_sure(calibration: dict[str, Any]) -> str:
    least, text = calibration["least_sure"], ""
    if least["n"] < calibration["n"]:
        text = (
            f" Of the {least['n']:,} least sure answers {_percent(least['accuracy'])} are right, at a mean "
            f"probability of {_percent(least['confidence'])}."
        )
    return (
        f"On average an answer gives itself {_percent(calibration['mean_confidence'])}, and "
        f"{_percent(calibration['accuracy'])} are right.{text} The log loss is {calibration['log_loss']:.4f}; "
        f"that of plain shares of the vote is {calibration['log_loss_raw']:.4f}."
    )


def _what_withholding_buys(rejection: dict[str, Any], evaluation: dict[str, Any]) -> str:
    all_answers = f"{_count(evaluation['errors'], 'error')} among all {evaluation['n']:,} answers"
    steps = [
        f"at the threshold that withholds {_share(row['reject'])} of the training images, "
        f"{_count(row['rejected'], 'test image')} ({_percent(row['rejected_share'])}) would be left to a person, "
        f"with {_count(row['errors'], 'error')} among the other {row['answered']:,} answers"
        for row in rejection["rows"]
        if row["reject"] in (0.01, 0.02) and row["answered"]
    ]
    return f"There are {all_answers}; {'; '.join(steps)}." if steps else f"There are {all_answers}."


def _what_is_no_digit(kinds: list[dict[str, Any]], credibility: dict[str, Any]) -> str:
    held_out = [kind for kind in kinds if kind["held_out"] and kind["required"] is not None]
    kept = sum(kind["called_foreign"] >= kind["required"] for kind in held_out)
    hardest = min(kinds, key=lambda kind: kind["called_foreign"])
    surest = max(kinds, key=lambda kind: kind["mean_probability"])
    return (
        f"Of {_count(len(held_out), 'kind')} of pictures that are no digits, held out and with a share required "
        f"of them, {kept} {'is' if kept == 1 else 'are'} called foreign often enough, at a credibility of "
        f"{_share(credibility['level'])} or less. "
        f"Hardest of all kinds is {hardest['name']}: {_percent(hardest['called_foreign'])} are called foreign. "
        f"{_percent(credibility['digits_called_foreign'])} of the real test digits are, too. Probabilities do not "
        f"tell: on average {surest['name']} would be answered with {_percent(surest['mean_probability'])}."
    )


def _choice_of_k(results: dict[str, Any]) -> str:
    tuning = results["tuning"]
    best, simple = tuning["best"], tuning["one_standard_error"]
    family = [p for p in tuning["curve"] if (p["metric"], p["weights"]) == (best["metric"], best["weights"])]
    one, most = family[0], family[-1]
    text = (
        f"With {best['metric']} distance and {best['weights']} weights the cross-validated error is lowest at "
        f"k = {best['n_neighbors']}: {_percent(best['error_rate'])}, with a standard error of "
        f"{_percent(best['standard_error'])}. k = 1 makes {_percent(one['error_rate'])}, "
        f"k = {most['n_neighbors']} makes {_percent(most['error_rate'])}. "
    )
    if simple["n_neighbors"] == best["n_neighbors"]:
        return text + "No larger k comes within one standard error of the best."
    other = results["one_standard_error_evaluation"]
    return text + (
        f"The largest k within one standard error of the best is {simple['n_neighbors']} "
        f"({_percent(simple['error_rate'])}); it makes {_count(other['errors'], 'error')} on the test images."
    )


def _agreement_with_scikit_learn(results: dict[str, Any]) -> str:
    differences = results["differences"]
    settings = sorted({row["n_neighbors"] for row in results["baseline"]})
    n = results["baseline"][0]["n"]
    asked = f"{n:,} test images answered with k = " + " and k = ".join(map(str, settings))
    if not differences:
        return f"All answers are the same ({asked})."
    reasons = Counter(d["reason"] for d in differences)
    counted = " and ".join(f"{number:,} for {reason}" for reason, number in reasons.most_common())
    ours_right = sum(d["ours"] == d["label"] for d in differences)
    theirs_right = sum(d["scikit_learn"] == d["label"] for d in differences)
    return (
        f"{_count(len(differences), 'answer')} of {n * len(settings):,} differ ({asked}): {counted}. Where votes "
        "tie, scikit-learn takes the smaller label, ours the class whose nearest neighbor is nearer; where "
        "distances tie at the last neighbor, the two let different images vote. Of these answers ours is right "
        f"in {ours_right:,}, scikit-learn's in {theirs_right:,}."
    )


def _confused_pairs(results: dict[str, Any]) -> str:
    mistakes = results["evaluation"]["mistakes"]
    pairs = Counter(tuple(sorted((m["label"], m["answer"]))) for m in mistakes).most_common(3)
    overruled, judged = "outvoted", "voting neighbors"
    if results["evaluation"]["judgement"] == "hull":
        overruled, judged = "overruled", "candidates"
    sentences = []
    for (a, b), n in pairs:
        here = [m for m in mistakes if {m["label"], m["answer"]} == {a, b}]
        a_for_b = sum(m["label"] == a for m in here)
        nearest = sum(m["neighbors"][0]["label"] == m["label"] for m in here)
        out_of_reach = sum(not m["within_reach"] for m in here)
        sentences.append(
            f"{a} and {b} are confused {_count(n, 'time')} ({a} read as {b}: {a_for_b:,}, {b} read as {a}: "
            f"{n - a_for_b:,}); the nearest image of all was right but {overruled} in {nearest:,}, and none of "
            f"the {judged} was right in {out_of_reach:,}."
        )
    share = sum(n for _, n in pairs) / len(mistakes)
    return " ".join(sentences) + f" Together: {share:.0%} of all mistakes.".replace("%", " %")


def _classes_that_suffer(results: dict[str, Any]) -> str:
    per_class = [row for row in results["evaluation"]["per_class"] if row["support"]]
    worst = min(per_class, key=lambda row: row["recall"])
    easiest = max(per_class, key=lambda row: row["recall"])
    magnet = min(per_class, key=lambda row: row["precision"])
    text = (
        f"Missed most often is {worst['label']}: {_percent(1 - worst['recall'])} of its {worst['support']:,} "
        f"images are read as something else; least often {easiest['label']}, {_percent(1 - easiest['recall'])}. "
        f"The least reliable answer is {magnet['label']}: {_percent(1 - magnet['precision'])} of the images read "
        "as such are something else."
    )
    ink = {row["label"]: row["mean"] for row in results["exploration"]["ink_per_class"]}
    # What ink does to distances is known of pixels alone.
    if results["evaluation"]["tuned"] and magnet["label"] == min(ink, key=lambda label: ink[label]):
        text += (
            f" {magnet['label']} has the least ink of all classes ({ink[magnet['label']]:.1%}".replace("%", " %")
            + " of full black on average), so that few of its pixels can disagree with a thin or faint image."
        )
    return text


def _what_is_still_wrong(results: dict[str, Any]) -> str:
    evaluation = results["evaluation"]
    mistakes, disputed = evaluation["mistakes"], evaluation["disputed"]
    text = _what_could_mend(mistakes, evaluation["judgement"]) + (
        " The right class is first or second in the answer, ties for second included, in "
        f"{_percent(evaluation['top2_accuracy'])} of all answers."
    )
    if disputed:
        without = disputed["without"]
        text += (
            f" Human raters dispute {_count(len(disputed['test']), 'test label')} here; "
            f"{disputed['n_wrong']:,} of them count as mistakes. Without these images the error is "
            f"{without['errors']:,} of {without['n']:,} ({_percent(without['error_rate'])})."
        )
    return text


def _what_could_mend(mistakes: list[dict[str, Any]], judgement: str) -> str:
    if judgement == "hull":
        within_reach = sum(m["within_reach"] for m in mistakes)
        return (
            f"In {within_reach:,} of {_count(len(mistakes), 'mistake')} the right class was among the candidates, "
            "so that a better judgement of these would be enough; in the others only other vectors to search "
            "among could help."
        )
    unanimous = sum(m["unanimous"] for m in mistakes)
    return (
        f"In {unanimous:,} of {_count(len(mistakes), 'mistake')} all voting neighbors agree on the same wrong "
        "answer: there other weights or a smaller k would change nothing, only another notion of distance."
    )


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def _percent(share: float) -> str:
    return f"{share:.2%}".replace("%", " %")


def _share(chosen: float) -> str:
    return f"{100 * chosen:g} %"


def _milliseconds(duration: float) -> str:
    return f"{duration:.2f} ms"


def _probability(p: float) -> str:
    return "below 0.0001" if p < 0.0001 else f"{p:.4f}"
