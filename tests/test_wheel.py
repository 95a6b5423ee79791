"""What a user installs: the wheel, in an environment with nothing else in it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of console commands of a fresh environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    run(sys.executable, "-m", "venv", folder / "env")
    binaries = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    run(binaries / "python", "-m", "pip", "install", "--quiet", next(folder.glob("*.whl")))
    return binaries


def test_the_console_command_runs_the_experiment_from_a_wheel(installed, tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "KNN_DIGITS_CACHE_DIR": str(tmp_path / "cache"),
    }
    tools = "['pytest', 'mypy', 'ruff']"
    absent = f"import sys; from importlib.util import find_spec; sys.exit(any(map(find_spec, {tools})))"
    run(installed / "python", "-c", absent)
    assert run(installed / "knn-digits", "--version", env=environment).startswith("knn-digits ")
    command = [installed / "knn-digits", "run", "--offline", "--quick", "--json"]
    results = json.loads(run(*command, cwd=tmp_path, env=environment))
    assert results["dataset"]["name"] == "scikit-learn digits (8x8)"
    page = (tmp_path / "knn-digits-report" / "index.html").read_text(encoding="utf-8")
    assert page.rstrip().endswith("</html>")
    verified = run(
        installed / "knn-digits", "model", "verify", tmp_path / "knn-digits-report" / "model", env=environment
    )
    assert "verified" in verified
