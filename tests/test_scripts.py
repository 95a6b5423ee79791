"""`scripts/setup` on machines where something is missing, with a Python that only plays."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"

# A python3 that makes environments of itself. What `machine` holds decides how that goes: without the file
# "ensurepip" as on Debian without python3-venv, with "offline" pip cannot install.
PYTHON = """#!{bash}
case "$*" in
  --version) echo "Python $(cat {machine}/version)" ;;
  "-c import ensurepip") [ -e {machine}/ensurepip ] ;;
  "-m venv .venv")
    mkdir -p .venv/bin
    cp {machine}/bin/python3 .venv/bin/python
    if [ ! -e {machine}/ensurepip ]; then
      printf 'The virtual environment was not created\\nbecause ensurepip is not available.\\n'
      exit 1
    fi
    if [ -e {machine}/full ]; then echo "No space left on device" >&2; exit 1; fi
    touch .venv/bin/pip ;;
  "-m pip --version") [ -e "$(dirname "$0")/pip" ] ;;
  "-m pip install "*)
    [ -e "$(dirname "$0")/pip" ] || {{ echo "No module named pip" >&2; exit 1; }}
    echo "$PWD $*" >>{machine}/installed
    [ ! -e {machine}/offline ] ;;
  *) exec {python} "$@" ;;
esac
"""


@dataclass
class Machine:
    """A machine of its own: a copy of the project's scripts, and nothing on PATH but a few tools."""

    folder: Path
    project: Path

    def has(self, **facts: bool) -> None:
        for name, true in facts.items():
            (self.folder / name).touch() if true else (self.folder / name).unlink(missing_ok=True)

    def set_up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.project / "scripts" / "setup", *arguments],
            env={"PATH": str(self.folder / "bin")},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def installations(self) -> list[str]:
        log = self.folder / "installed"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    folder, project = tmp_path / "machine", tmp_path / "a project"
    (folder / "bin").mkdir(parents=True)
    for tool in ("bash", "cat", "cksum", "cp", "dirname", "mkdir", "rm", "tail", "touch"):
        (folder / "bin" / tool).symlink_to(shutil.which(tool) or pytest.skip(f"needs {tool}"))
    python = folder / "bin" / "python3"
    python.write_text(PYTHON.format(machine=folder, bash=shutil.which("bash"), python=sys.executable))
    python.chmod(0o755)
    (folder / "version").write_text("3.12.1\n")
    shutil.copytree(SCRIPTS, project / "scripts")
    (project / "pyproject.toml").write_text("[project]\n")
    made = Machine(folder, project)
    made.has(ensurepip=True)
    return made


def test_installs_once(machine: Machine):
    assert [machine.set_up().returncode for _ in range(2)] == [0, 0]
    assert len(machine.installations) == 1
    assert machine.set_up("dev").returncode == 0
    assert machine.installations[-1].endswith("-e .[dev]")
    machine.set_up()  # what tests need holds what a run needs
    assert len(machine.installations) == 2


def test_without_ensurepip_says_what_to_install_and_works_once_it_is(machine: Machine):
    machine.has(ensurepip=False)
    for _ in range(2):
        done = machine.set_up()
        assert done.returncode == 1
        assert "apt install python3-venv" in done.stderr.splitlines()[-1]
        assert len(done.stderr.splitlines()) == 2
        assert not (machine.project / ".venv").exists()
    machine.has(ensurepip=True)
    assert machine.set_up().returncode == 0
    assert len(machine.installations) == 1


def test_half_an_environment_from_before_is_remade(machine: Machine):
    (machine.project / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(machine.folder / "bin" / "python3", machine.project / ".venv" / "bin" / "python")
    assert machine.set_up().returncode == 0
    assert len(machine.installations) == 1


def test_pip_that_went_away_is_brought_back(machine: Machine):
    machine.set_up()
    (machine.project / ".venv" / "bin" / "pip").unlink()
    assert machine.set_up("dev").returncode == 0


def test_another_reason_is_told_as_it_came(machine: Machine):
    machine.has(full=True)
    done = machine.set_up()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("No space left on device")
    assert not (machine.project / ".venv").exists()


@pytest.mark.parametrize("change", ["another Python", "another place"])
def test_an_environment_made_otherwise_is_remade(machine: Machine, change: str):
    machine.set_up()
    (machine.project / ".venv" / "old").touch()
    if change == "another Python":
        (machine.folder / "version").write_text("3.13.0\n")
    else:
        machine.project = machine.project.rename(machine.project.with_name("moved"))
    assert machine.set_up().returncode == 0
    assert not (machine.project / ".venv" / "old").exists()
    assert machine.installations[-1].startswith(str(machine.project))
    assert len(machine.installations) == 2


def test_an_interrupted_installation_is_done_again(machine: Machine):
    machine.has(offline=True)
    assert machine.set_up().returncode != 0
    machine.has(offline=False)
    assert machine.set_up().returncode == 0
    assert len(machine.installations) == 2


def test_going_back_after_an_interrupted_installation_installs_again(machine: Machine):
    machine.set_up()
    project_file = machine.project / "pyproject.toml"
    project_file.write_text("[project]\nversion = '2'\n")
    machine.has(offline=True)
    assert machine.set_up().returncode != 0
    project_file.write_text("[project]\n")
    machine.has(offline=False)
    assert machine.set_up().returncode == 0
    assert len(machine.installations) == 3


def test_no_python_new_enough(machine: Machine):
    (machine.folder / "bin" / "python3").write_text(f"#!{shutil.which('bash')}\nexit 1\n")
    done = machine.set_up()
    assert done.returncode == 1
    assert done.stderr == "scripts/setup: needs Python 3.11 or newer as python3\n"


def test_scripts_can_be_run():
    assert all(os.access(script, os.X_OK) for script in SCRIPTS.iterdir())
