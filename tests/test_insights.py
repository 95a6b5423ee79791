"""Insights are computed: change the results, and the words change with them."""

import copy
import re

import pytest

from knn_digits.experiment import run_experiment
from knn_digits.insights import insights


@pytest.fixture(scope="module", params=["pixels", "accurate"])
def results(few_digits, request):
    return run_experiment(few_digits, preset=request.param, n_jobs=2).results


@pytest.fixture(scope="module")
def staged(few_digits):
    return run_experiment(few_digits, n_jobs=2).results


def text_of(results, title):
    return next(i["text"] for i in insights(results) if i["title"] == title)


def test_they_name_the_errors_counted(results):
    text = text_of(results, "What tuning bought")
    for row in (results["baseline"][0], results["tuned_evaluation"]):
        assert re.search(rf"\b{row['errors']}\b", text)


def test_confused_pairs_are_those_of_the_mistakes(results):
    changed = copy.deepcopy(results)
    mistake = changed["evaluation"]["mistakes"][0]
    mistake.update(label=1, answer=7, label_share=0.0)
    changed["evaluation"]["mistakes"] = [copy.deepcopy(mistake) for _ in range(5)]
    text = text_of(changed, "Which digits are confused")
    assert "1 and 7 are confused 5 times (1 read as 7: 5, 7 read as 1: 0)" in text
    assert "100 % of all mistakes" in text


def test_a_worse_tuned_setting_is_not_praised(results):
    changed = copy.deepcopy(results)
    changed["tuned_evaluation"]["errors"] = changed["baseline"][0]["errors"] + 3
    assert "3 errors more" in text_of(changed, "What tuning bought")


def test_no_mistakes_leave_nothing_to_say_about_them(results):
    changed = copy.deepcopy(results)
    changed["evaluation"]["mistakes"] = []
    assert "What is still wrong" not in [i["title"] for i in insights(changed)]


def test_a_preset_is_never_called_tuned(staged):
    changed = copy.deepcopy(staged)
    changed["evaluation"]["errors"] = changed["baseline"][0]["errors"] - 2
    text = text_of(changed, "What the accurate preset buys")
    assert f"The accurate preset makes {changed['evaluation']['errors']:,}" in text
    assert "2 errors fewer" in text
    assert f"The tuned plain k-NN makes {changed['tuned_evaluation']['errors']:,}." in text
    assert "tuned" not in text.replace("The tuned plain k-NN", "")


def test_stages_are_told_with_what_they_mend_and_make(staged):
    changed = copy.deepcopy(staged)
    changed["stages"].update(n_contested=7, contested_share=0.07)
    changed["stages"]["rows"][2].update(mended=31, made=4, p_value=0.00002)
    text = text_of(changed, "What each stage buys")
    assert "(mends 31 and makes 4; by chance with probability below 0.0001)" in text
    assert "Only 7 images of 100 (7.00 %) had more than one class" in text
    changed["stages"].update(n_contested=70, contested_share=0.7)
    assert "Only" not in text_of(changed, "What each stage buys")


def test_what_is_tuned_has_no_insight_on_presets_and_stages(few_digits):
    titles = [i["title"] for i in run_experiment(few_digits, preset="pixels").results["insights"]]
    assert not [title for title in titles if "buys" in title]


def test_where_classes_are_judged_nobody_votes(staged):
    texts = " ".join(text_of(staged, title) for title in ("Which digits are confused", "What is still wrong"))
    assert "vot" not in texts
    assert "candidates" in texts


def test_mistakes_within_reach_are_counted(staged):
    changed = copy.deepcopy(staged)
    mistake = changed["evaluation"]["mistakes"][0]
    changed["evaluation"]["mistakes"] = [{**mistake, "within_reach": i < 3} for i in range(5)]
    text = text_of(changed, "What is still wrong")
    assert text.startswith("In 3 of 5 mistakes the right class was among the candidates")


def test_withholding_is_told_with_the_errors_it_leaves(results):
    changed = copy.deepcopy(results)
    changed["evaluation"]["errors"] = 9
    row = changed["confidence"]["rejection"]["rows"][1]
    row.update(rejected=4, rejected_share=0.04, errors=1, answered=96)
    text = text_of(changed, "Withholding the least sure answers")
    assert "9 errors among all 100 answers" in text
    assert "withholds 1 % of the training images, 4 test images (4.00 %) would be left" in text
    assert "with 1 error among the other 96 answers" in text


def test_least_sure_answers_are_told_of_where_they_are_not_all(results):
    changed = copy.deepcopy(results)
    calibration = changed["confidence"]["calibration"]
    assert "least sure" not in text_of(changed, "How sure, and how often right")
    calibration["least_sure"] = {"n": 50, "confidence": 0.9, "accuracy": 0.88}
    text = text_of(changed, "How sure, and how often right")
    assert "Of the 50 least sure answers 88.00 % are right, at a mean probability of 90.00 %." in text


def test_what_is_no_digit_is_counted_against_what_is_required(results):
    changed = copy.deepcopy(results)
    kind = {"name": "boxes", "held_out": True, "required": 0.9, "called_foreign": 0.91, "mean_probability": 0.5}
    changed["confidence"]["credibility"]["kinds"] = [
        kind,
        {**kind, "name": "letters", "called_foreign": 0.89, "mean_probability": 0.95},
        {**kind, "name": "known", "held_out": False},
        {**kind, "name": "halves", "required": None},
    ]
    text = text_of(changed, "What is no digit")
    assert text.startswith("Of 2 kinds of pictures that are no digits")
    assert "required of them, 1 is called foreign often enough, at a credibility of 5 % or less" in text
    assert "Hardest of all kinds is letters: 89.00 % are called foreign" in text
    assert "on average letters would be answered with 95.00 %" in text


def test_nothing_is_said_of_what_was_not_measured(results):
    titles = [i["title"] for i in insights(results)]
    assert "What is no digit" not in titles
    without = [i["title"] for i in insights({**results, "confidence": None})]
    assert set(titles) - set(without) == {"How sure, and how often right", "Withholding the least sure answers"}
