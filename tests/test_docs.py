"""What the README promises is there: its commands, its files, its example."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from knn_digits.cli import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands():
    """Every line of a code block that begins with knn-digits or scripts/."""
    blocks = re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```", README, flags=re.S | re.M)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(("knn-digits", "scripts/"))]


def test_the_readme_shows_its_two_commands():
    assert {"scripts/run", "scripts/test"} <= set(commands())


@pytest.mark.parametrize("line", commands())
def test_every_command_in_the_readme_is_one(line):
    program, *words = shlex.split(line)
    if program.startswith("scripts/"):
        assert (ROOT / program).stat().st_mode & 0o100
        words = ["run", *words] if program == "scripts/run" else []
        if not words:
            return
    command = cli
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known | {"--help", "--version"}


def test_every_subcommand_is_in_the_readme():
    for name, command in cli.commands.items():
        assert f"knn-digits {name}" in README
        for sub in command.commands if isinstance(command, click.Group) else []:
            assert re.search(rf"knn-digits {name}.*\b{sub}\b", README), f"{name} {sub}"


@pytest.mark.parametrize("example", re.findall(r"^```python\n(.*?)^```", README, flags=re.S | re.M))
def test_the_python_examples_run(tmp_path, example):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = re.findall(r"^# -> (.*)", example, flags=re.M)
    assert done.stdout.splitlines() == expected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_our_own_files_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    for target in targets:
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_tour_names_files_that_exist():
    tour = README.split("## Tour")[1].split("\n## ")[0]
    for name in re.findall(r"`([\w./]+)`", tour):
        assert (ROOT / name).exists() or (ROOT / "src" / "knn_digits" / name).exists(), name
