"""``knn-digits bench``: our presets beside what a user would pick instead, measured in one run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from knn_digits.cli.options import as_json, check_n_jobs, data_options, load
from knn_digits.cli.terminal import Justification, print_table, progress_on_stderr

__all__ = ["bench"]

_COLUMNS: tuple[tuple[str, Justification], ...] = (
    ("method", "left"),
    ("error rate", "right"),
    ("all queries", "right"),
    ("ratio", "right"),
    ("one alone p50 / p99", "right"),
    ("fit", "right"),
    ("recall", "right"),
    ("memory", "right"),
    ("disk", "right"),
)


@click.command()
@data_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("knn-digits-bench"),
    show_default=True,
    metavar="DIR",
    help="Folder for bench.json and bench.html; a former benchmark there is replaced.",
)
@click.option("--quick", is_flag=True, help="About a minute, on a stated subset.")
@click.option("--cold", is_flag=True, help="Also measure whole processes: load a model, answer one image.")
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    metavar="OLD.json",
    help="Say what changed since an earlier bench.json, beyond the spread.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    default=330.0,
    show_default=True,
    metavar="SECONDS",
    help="Most time of one method, all it does together.",
)
@click.option("--threads", type=int, metavar="N", help="Threads of every method. Default: all cores.")
@as_json
def bench(
    dataset: str,
    data_dir: str | None,
    offline: bool,
    out: Path,
    quick: bool,
    cold: bool,
    compare: Path | None,
    budget: float,
    threads: int | None,
    as_json: bool,
) -> int:
    """Measure our presets beside scikit-learn, scikit-learn-intelex, faiss and usearch.

    Those that are not installed are rows that say so: pip install 'knn-digits[bench]'. Ctrl-C keeps the rows
    that were measured.
    """
    if threads is not None:
        check_n_jobs(threads, "--threads", smallest=1)
    from knn_digits.benchmark import Plan, changes, read_bench, run_benchmark, write_bench
    from knn_digits.benchmark.files import BENCH_FOLDER
    from knn_digits.json_files import writable
    from knn_digits.output_folder import new_folder, resolved
    from knn_digits.report.bench import draw_bench

    out = resolved(out)
    old = None if compare is None else read_bench(compare)
    with progress_on_stderr() as progress, new_folder(out, BENCH_FOLDER) as folder:
        data = load(dataset, data_dir, offline, progress)
        measured, interrupted = run_benchmark(
            data,
            plan=Plan(budget=budget),
            quick=quick,
            cold=cold,
            threads=threads,
            command=click.get_current_context().obj,
            progress=progress,
        )
        measured["changes"] = None if old is None else changes(old, measured)
        measured = writable(measured)
        write_bench(folder, measured)
        draw_bench(folder, measured)
    if as_json:
        click.echo(json.dumps(measured, ensure_ascii=False))
    else:
        _print(measured)
        click.echo(writable(f"Report: {out / 'bench.html'}"))
    if interrupted:
        return 130
    return (
        3
        if any(r["left_out"] and not r["left_out"].startswith("not installed") for r in measured["results"])
        else 0
    )


def _print(bench: dict[str, Any]) -> None:
    about = bench["dataset"]
    subset = " (quick, on a subset)" if bench["quick"] else ""
    title = (
        f"{about['name']}{subset}: {about['n_train']:,} training and {about['n_test']:,} test images, "
        f"{bench['threads']} threads, {bench['plan']['rounds']} rounds, medians"
    )
    if bench["interrupted"]:
        title += " (interrupted: what was measured until then)"
    print_table(title, _COLUMNS, [_row(row) for row in bench["results"]])
    for row in bench["results"]:
        if row["left_out"]:
            click.echo(f"{row['method']}: {row['left_out']}")
    if bench["cold"]:
        rows = [[c["process"], f"{c['seconds']:.2f} s", f"{c['ratio']:.2f}"] for c in bench["cold"]]
        print_table("Cold starts", [("process", "left"), ("median", "right"), ("ratio", "right")], rows)
    if bench["changes"]:
        rows = [[c["method"], c["what"], str(c["old"]), str(c["new"])] for c in bench["changes"]]
        heads: list[tuple[str, Justification]] = [(h, "left") for h in ("method", "what", "before", "now")]
        print_table("Changed beyond the spread", heads, rows)
    elif bench["changes"] is not None:
        click.echo("Nothing changed beyond the spread.")


def _row(row: dict[str, Any]) -> list[str]:
    def text(value: float | None, form: str, unit: str = "") -> str:
        return "-" if value is None else f"{value:{form}}{unit}"

    alone = " / ".join(text(row[f"single_ms_p{percent}"], ".3g") for percent in (50, 99))
    return [
        row["method"],
        text(row["error_rate"], ".2%"),
        text(row["predict_s"], ".3g", " s"),
        text(row["ratio_to_sklearn"], ".2f"),
        f"{alone} ms",
        text(row["fit_s"], ".3g", " s"),
        text(row["recall_at_10"], ".2%"),
        text(row["peak_rss_mb"], ".0f", " MB"),
        text(row["model_mb"], ".0f", " MB"),
    ]
