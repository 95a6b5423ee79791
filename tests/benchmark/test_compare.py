from knn_digits.benchmark import changes


def bench(**row):
    usual = {"method": "ours", "error_rate": 0.01, "ratio_to_sklearn": 0.5, "ratio_spread": [0.45, 0.55]}
    return {"results": [{**usual, "model_mb": 10.0, "left_out": None, **row}]}


def what(old, new):
    return [(c["method"], c["what"]) for c in changes(old, new)]


def test_within_the_spread_nothing_changed():
    assert what(bench(), bench(ratio_to_sklearn=0.54, ratio_spread=[0.5, 0.6], model_mb=10.2)) == []


def test_a_time_beyond_the_spread_changed():
    assert what(bench(), bench(ratio_to_sklearn=0.7, ratio_spread=[0.6, 0.8])) == [("ours", "ratio_to_sklearn")]
    assert what(bench(), bench(ratio_to_sklearn=0.3, ratio_spread=[0.2, 0.4])) == [("ours", "ratio_to_sklearn")]


def test_errors_and_sizes():
    assert what(bench(), bench(error_rate=0.011)) == [("ours", "error_rate")]
    assert what(bench(), bench(model_mb=12.0)) == [("ours", "model_mb")]


def test_methods_that_came_and_went():
    new = {"results": [{**bench()["results"][0], "method": "new"}]}
    assert what(bench(), new) == [("new", "method"), ("ours", "method")]


def test_a_method_that_failed_now_is_told():
    assert ("ours", "left_out") in what(bench(), bench(left_out="crashed", ratio_spread=None))
