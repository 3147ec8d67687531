"""The distribution, as a vendor gets it: built, checked, installed alone in a bare environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = {
    "eventhook_conformance": ROOT / "conformance",
    "eventhook_fixtures": ROOT / "fixtures",
    "eventhook_reference": ROOT / "reference_impl",
}
FOR_READERS_OF_THE_REPOSITORY = {
    "bench-results",
    "matrix",
    "mutants",
    "performance",
    "unaided",
    "verdicts",
}
LEFT_OUT = {"__pycache__", "node_modules", ".git", ".venv"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str | Path, cwd: Path, limit_s: float = 300) -> subprocess.CompletedProcess[str]:
    """Runs a command that sees nothing of this environment's packages."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    clean.pop("VIRTUAL_ENV", None)
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=clean,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder with the wheel and the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns an environment with the wheel and its requirements, and nothing else."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        pytest.fail("expected uv, which the extra `dev` installs")
    folder = tmp_path_factory.mktemp("bare") / "venv"
    commands: list[list[str | Path]] = [
        [uv, "venv", "-q", "--python", sys.executable, folder],
        [uv, "pip", "install", "-q", "--python", folder / "bin" / "python", wheel],
    ]
    for command in commands:
        done = run(*command, cwd=folder.parent)
        assert done.returncode == 0, done.stderr
    return folder


def sources() -> Iterator[str]:
    """Yields the files that a wheel must have, by their paths in it."""
    for package, parent in PACKAGES.items():
        for path in sorted((parent / package).rglob("*")):
            if path.is_file() and LEFT_OUT.isdisjoint(path.parts) and path.suffix != ".pyc":
                yield path.relative_to(parent).as_posix()


def test_both_pass_the_index_check(built: Path) -> None:
    done = run(sys.executable, "-m", "twine", "check", "--strict", *built.iterdir(), cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_the_wheel_has_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert set(sources()) <= names, sorted(set(sources()) - names)
    tops = {name.partition("/")[0] for name in names}
    (metadata,) = tops - set(PACKAGES)
    assert metadata.endswith(".dist-info")
    surplus = {name for name in names if not name.startswith(metadata)} - set(sources())
    assert surplus == {
        f"eventhook_conformance/docs/{page.name}"
        for page in (ROOT / "docs").glob("*.md")
        if page.stem not in FOR_READERS_OF_THE_REPOSITORY
    }
    for part in ("py.typed", "requirements.json", "page.html.j2", "template.json"):
        assert any(name.endswith(part) for name in names), part
    assert f"{metadata}/licenses/LICENSE" in names


def test_the_source_archive_can_be_tested(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for part in ("tests/conftest.py", "docs/design.md", "pyproject.toml", "tox.ini", "LICENSE"):
        assert part in names
    assert not any(LEFT_OUT & set(Path(name).parts) for name in names)
    assert not any(name.startswith((".venv", "dist")) for name in names)


def test_a_bare_environment_can_judge(bare: Path, tmp_path: Path) -> None:
    program = bare / "bin" / "eventhook-conformance"
    done = run(
        program,
        *("run", "memory", "-k", "PUB-04"),
        *("--json", "r.json", "--html", "r.html", "--markdown", "r.md", "--junit", "r.xml"),
        *("--ctrf", "r.ctrf", "--badge", "badge.json"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(tmp_path.iterdir())) == 6
    assert run(program, "list", "--all", cwd=tmp_path).returncode == 0
    assert run(program, "explain", "PUB-04", cwd=tmp_path).returncode == 0
    done = run(program, "docs", "kit", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("# The kit")


def test_a_bare_environment_says_what_to_install(bare: Path, tmp_path: Path) -> None:
    done = run(bare / "bin" / "eventhook-conformance", "run", "nats", cwd=tmp_path)
    assert done.returncode == 2
    assert "pip install 'eventhook-conformance[nats]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_bare_environment_can_begin(bare: Path, tmp_path: Path) -> None:
    program = bare / "bin" / "eventhook-conformance"
    assert run(program, "init", cwd=tmp_path).returncode == 0
    done = run(program, "run", "my_bus_target:target", "-k", "PUB-04", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run(
        bare / "bin" / "python",
        *("-m", "pytest", "-q", "--pyargs", "eventhook_conformance"),
        *("--target", "my_bus_target:target", "-k", "PUB-04"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_runs_without_being_installed(wheel: Path, tmp_path: Path) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    assert uv is not None
    done = run(
        uv,
        *("tool", "run", "-q", "--python", sys.executable, "--from", wheel),
        *("eventhook-conformance", "--version"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("eventhook-conformance, version ")
