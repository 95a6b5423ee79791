"""Drawing the report: results on disk -> figures and one self-contained page. Never fits, never predicts.

::

    draw_report(folder)            reads results.json and results.npz, writes figures/ and index.html
    ├── figures.py                 every figure by name -> PNG, SVG and its description in words
    │   ├── figures_exploration.py     balance, ink, means, closest pairs
    │   ├── figures_show.py            samples, hardest-looking, map
    │   ├── figures_tuning.py          error against k, cost
    │   ├── figures_evaluation.py      comparison, confusions, classes, mistakes
    │   ├── figures_stages.py          errors and time of each stage
    │   ├── figures_confidence.py      how sure and how often right, what withholding buys
    │   ├── figures_foreign.py         pictures that are no digits
    │   └── figures_explanations.py    why some answers are what they are
    └── page.py                    the page, from templates/
        └── cards.py                   small pictures with words: mistakes and their neighbors

How a figure looks, small pictures and numbers as text are `knn_digits.drawing`'s.
Everything is drawn in memory before the first file is written. The same results give the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import TemplateError

from knn_digits.errors import KnnDigitsError, ResultsError
from knn_digits.output_folder import replaced_file, writing
from knn_digits.progress import Progress, SilentProgress
from knn_digits.report.figures import FIGURES, Picture, draw_figures
from knn_digits.report.page import render_page
from knn_digits.results_files import read_results

__all__ = ["draw_report"]

# What damaged results raise somewhere in a drawing; tests hold that sound ones raise nothing.
_DAMAGE = (ArithmeticError, AttributeError, LookupError, TemplateError, TypeError, ValueError)


def draw_report(folder: Path, *, progress: Progress | None = None) -> Path:
    """Draw the figures and the page of the results in a folder, beside them.

    Parameters
    ----------
    folder : Path
        Holds ``results.json`` and ``results.npz``.
    progress : Progress, optional
        Who is told what goes on.

    Returns
    -------
    page : Path
        ``index.html``. It needs no other file; ``figures/`` holds each figure as PNG and SVG.

    Raises
    ------
    ResultsError
        If the results are missing, damaged or of another version.
    OutputError
        If a file cannot be written.
    """
    folder = Path(folder)
    with (progress or SilentProgress()).step("Report: figures and page", len(FIGURES) + 1) as advance:
        results, arrays = read_results(folder)
        try:
            pictures = draw_figures(results, arrays, advance)
            page = render_page(results, arrays, pictures)
        except KnnDigitsError:
            raise
        except _DAMAGE as error:
            raise ResultsError(_damaged(folder, error)) from error
        _write_figures(folder / "figures", pictures)
        with replaced_file(folder / "index.html") as aside:
            aside.write_text(page, encoding="utf-8", errors="replace", newline="\n")
        advance(1)
    return folder / "index.html"


def _damaged(folder: Path, error: Exception) -> str:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return (
        f"the results in {folder} are damaged or incomplete ({reason}): "
        "expected what docs/results.md describes; make them anew with `knn-digits run`"
    )


def _write_figures(folder: Path, pictures: dict[str, Picture]) -> None:
    """Write every figure; one of an earlier drawing that has nothing to show any more goes away."""
    with writing(folder):
        folder.mkdir(exist_ok=True)
    for name in FIGURES:
        for suffix in ("png", "svg"):
            path = folder / f"{name}.{suffix}"
            if name not in pictures:
                with writing(path):
                    path.unlink(missing_ok=True)
                continue
            with replaced_file(path) as aside:
                aside.write_bytes(getattr(pictures[name], suffix))
