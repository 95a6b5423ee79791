"""A benchmark that can be believed: our presets beside what a user would pick instead, in one run.

::

    run_benchmark        run.py       data and truth for all, then the measurements -> contents of bench.json
    ├── measure          driver.py    round after round over all methods; budgets, crashes, Ctrl-C
    │   ├── process.py   one worker: asked by JSON lines, watched, stopped
    │   ├── worker.py    inside that process: fit, predict, one query alone, size, recall
    │   ├── methods.py   what is measured
    │   └── measures.py  medians, spreads, ratios, percentiles, recall
    └── measure_cold     cold.py      whole processes
    changes              compare.py   against an earlier bench.json
    read_bench, write_bench           files.py
"""

from knn_digits.benchmark.compare import changes
from knn_digits.benchmark.driver import Plan
from knn_digits.benchmark.files import BENCH_FILE, read_bench, write_bench
from knn_digits.benchmark.run import run_benchmark

__all__ = ["BENCH_FILE", "Plan", "changes", "read_bench", "run_benchmark", "write_bench"]
