from knn_digits.benchmark import changes


def bench(**row):
    usual = {"method": "ours", "error_rate": 0.01, "ratio_to_sklearn": 0.5, "ratio_spread": [0.48, 0.52]}
    reference = {"method": "scikit-learn brute", "fit_s": 1.0, "single_ms_p50": 10.0, "left_out": None}
    ours = {**usual, "model_mb": 10.0, "fit_s": 2.0, "single_ms_p50": 5.0, "left_out": None, **row}
    return {"quick": False, "threads": 2, "dataset": {"sha256": "a"}, "results": [reference, ours]}


def what(old, new):
    return [(c["method"], c["what"]) for c in changes(old, new)]


def test_within_the_spread_nothing_changed():
    assert what(bench(), bench(ratio_to_sklearn=0.54, ratio_spread=[0.53, 0.56], model_mb=10.2)) == []


def test_a_time_beyond_the_spread_changed():
    assert what(bench(), bench(ratio_to_sklearn=0.7, ratio_spread=[0.68, 0.72])) == [("ours", "ratio_to_sklearn")]
    assert what(bench(), bench(ratio_to_sklearn=0.3, ratio_spread=[0.28, 0.32])) == [("ours", "ratio_to_sklearn")]


def test_errors_and_sizes():
    assert what(bench(), bench(error_rate=0.011)) == [("ours", "error_rate")]
    assert what(bench(), bench(model_mb=12.0)) == [("ours", "model_mb")]


def test_methods_that_came_and_went():
    assert what(bench(), bench(method="new")) == [("new", "method"), ("ours", "method")]


def test_fit_and_single_queries_by_their_ratio():
    assert what(bench(), bench(fit_s=4.0, single_ms_p50=6.0)) == [("ours", "fit_s")]
    twice_as_fast = bench(fit_s=1.0, single_ms_p50=2.5)
    twice_as_fast["results"][0].update(fit_s=0.5, single_ms_p50=5.0)
    assert what(bench(), twice_as_fast) == []


def test_an_approximate_search_may_vary_within_its_interval():
    near = {"recall_at_10": 0.99, "ci95": [0.008, 0.012]}
    assert what(bench(**near), bench(**near | {"error_rate": 0.0105, "recall_at_10": 0.993})) == []
    assert what(bench(**near), bench(**near | {"recall_at_10": 0.95})) == [("ours", "recall_at_10")]
    assert what(bench(**near), bench(**near | {"ci95": [0.02, 0.03]})) == [("ours", "error_rate")]


def test_other_grounds_are_told_first():
    new = bench() | {"threads": 64, "dataset": {"sha256": "b"}}
    assert what(bench(), new) == [("(all)", "threads"), ("(all)", "dataset sha256")]


def test_a_method_that_failed_now_is_told():
    assert ("ours", "left_out") in what(bench(), bench(left_out="crashed", ratio_spread=None))
