"""Insights are computed: change the results, and the words change with them."""

import copy
import re

import pytest

from knn_digits.experiment import run_experiment
from knn_digits.insights import insights


@pytest.fixture(scope="module")
def results(few_digits):
    return run_experiment(few_digits, n_jobs=2).results


def text_of(results, title):
    return next(i["text"] for i in insights(results) if i["title"] == title)


def test_they_name_the_errors_counted(results):
    text = text_of(results, "What tuning bought")
    for row in (results["baseline"][0], results["evaluation"]):
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
    changed["evaluation"]["errors"] = changed["baseline"][0]["errors"] + 3
    assert "3 errors more" in text_of(changed, "What tuning bought")


def test_no_mistakes_leave_nothing_to_say_about_them(results):
    changed = copy.deepcopy(results)
    changed["evaluation"]["mistakes"] = []
    assert "What is still wrong" not in [i["title"] for i in insights(changed)]
