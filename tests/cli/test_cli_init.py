"""`init`: the files written, the refusals, and that the result is conformant."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from eventhook_conformance import __version__
from eventhook_conformance.cli import main
from eventhook_conformance.cli._scaffold import TEMPLATES, rename, templates
from eventhook_conformance.contract import FlovynEvent

ROOT = Path(__file__).parents[2]
BUILD_FILES = {"Cargo.toml", "pom.xml"}
"""Where the program has its name from, if not from its file."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", *arguments])


def of_template(template: str) -> tuple[str, ...]:
    """Returns the options that choose a template."""
    language = template.removesuffix("-replay")
    return "--language", language, *(["--replay"] if language != template else [])


def suite(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eventhook_conformance", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def under(folder: str, names: str) -> set[str]:
    return {f"{folder}/{name}" for name in names.split()}


def error_of(outcome: Result) -> str:
    assert outcome.exit_code == 2
    (line,) = outcome.output.splitlines()
    return line


def test_writes_a_target_a_test_a_workflow_and_a_tox_section(here: Path) -> None:
    outcome = init()
    assert outcome.exit_code == 0
    assert files(here) == {
        "my_bus_target.py",
        "test_my_bus_conformance.py",
        "tox.ini",
        ".gitignore",
        ".github/workflows/conformance.yml",
    }
    assert outcome.stdout.splitlines()[-1] == (
        "next   eventhook-conformance run my_bus_target:target"
    )


@pytest.mark.parametrize("language", ["javascript", "JS", "typescript", "ts", "Node"])
def test_node_has_the_names_that_people_give_it(here: Path, language: str) -> None:
    outcome = init("--language", language)
    assert outcome.exit_code == 0
    assert (here / "my_bus_driver.mjs").exists()
    assert "a project in TypeScript" in outcome.stdout


def test_the_types_for_typescript_declare_what_the_protocol_exports(here: Path) -> None:
    init("--language", "typescript")
    code, types = ((here / name).read_text() for name in ("protocol.mjs", "protocol.d.mts"))
    exported = re.findall(r"^export (class|function) (\w+)", code, re.MULTILINE)
    assert exported == re.findall(r"^export (class|function) (\w+)", types, re.MULTILINE)
    assert len(exported) == 2
    _, _, client = types.partition("export interface Client {")
    declared = re.findall(r"^  (\w+)\(", client.partition("\n}")[0], re.MULTILINE)
    assert set(declared) == set(re.findall(r"(?:\bbus|client\))\.(\w+)\(", code))


@pytest.mark.parametrize(
    ("language", "sources"),
    [
        ("node", {"my_bus_driver.mjs", "protocol.mjs", "protocol.d.mts"}),
        ("go", {"go.mod", "my_bus_driver.go", "protocol.go", "buffer.go", "contract.go"}),
        ("rust", {"Cargo.toml"} | under("src", "main.rs protocol.rs buffer.rs contract.rs")),
        (
            "java",
            {"pom.xml"}
            | under("src/main/java/driver", "MyBusDriver.java Bus.java Protocol.java Buffer.java")
            | under("src/main/java/driver", "Contract.java Refusal.java"),
        ),
    ],
)
def test_writes_a_driver_in_few_files(here: Path, language: str, sources: set[str]) -> None:
    assert init("--language", language).exit_code == 0
    assert files(here) == sources | {
        "test_my_bus_conformance.py",
        "tox.ini",
        ".gitignore",
        ".github/workflows/conformance.yml",
    }


def test_the_target_conforms_as_it_stands(here: Path) -> None:
    init("--name", "acme-bus")
    done = suite(here, "run", "acme_bus_target:target", "-q", "-k", "PUB-01 or OVF-01")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("acme-bus: conformant")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("language", "tool"),
    [
        ("node", "node"),
        ("node-replay", "node"),
        ("go", "go"),
        ("go-replay", "go"),
        pytest.param("rust", "cargo", marks=pytest.mark.toolchain),
        pytest.param("java", "mvn", marks=pytest.mark.toolchain),
    ],
)
def test_a_driver_builds_speaks_the_protocol_and_conforms(
    here: Path, language: str, tool: str, request: pytest.FixtureRequest
) -> None:
    asked = "toolchain" in request.config.getoption("-m")
    if request.node.get_closest_marker("toolchain") and not asked:
        pytest.skip("NOT TESTED: builds on packages of a registry; ask for it with -m toolchain")
    if shutil.which(tool) is None:
        pytest.skip(f"NOT TESTED: there is no {tool}")
    init(*of_template(language))
    *builds, run = map(shlex.split, templates()[language].next.split(" && "))
    for build in builds:
        subprocess.run(build, cwd=here, timeout=500, check=True)
    target = run[-1]
    checked = suite(here, "driver-check", *shlex.split(target.removeprefix("driver:")))
    assert checked.returncode == 0, checked.stdout
    done = suite(here, "run", target, "-q", "--depth", "quick")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("my-bus: conformant")


@pytest.mark.slow
def test_the_driver_speaks_the_protocol_and_conforms(here: Path) -> None:
    init("--language", "python-driver")
    checked = suite(here, "driver-check", sys.executable, "my_bus_driver.py")
    assert checked.returncode == 0, checked.stdout
    done = suite(here, "run", f"driver:{sys.executable} my_bus_driver.py", "-q", "-k", "PUB-01")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("language", "tool", "source", "send", "broken"),
    [
        (
            "python-driver",
            sys.executable,
            "my_bus_driver.py",
            "async def send(self, kind, key, body):",
            "async def send(self, kind, key, body):\n        raise OSError('no route')",
        ),
        (
            "node",
            "node",
            "my_bus_driver.mjs",
            "async send(kind, key, body) {",
            "send(kind, key, body) { throw new Error('no route');",
        ),
    ],
)
def test_an_error_of_the_library_is_the_buss_and_its_place_is_told(
    here: Path, language: str, tool: str, source: str, send: str, broken: str
) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"NOT TESTED: there is no {tool}")
    init("--language", language)
    text = (here / source).read_text(encoding="utf-8")
    assert text.count(send) == 1
    (here / source).write_text(text.replace(send, broken), encoding="utf-8")
    event = json.loads(FlovynEvent.new(uuid4(), "a.b", "test", None).to_json())
    calls: list[tuple[str, dict[str, object]]] = [
        ("open", {}),
        ("publish", {"client": "c1", "event": event}),
        ("shutdown", {}),
    ]
    asked = "".join(
        json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n"
        for number, (method, params) in enumerate(calls)
    )
    done = subprocess.run(
        [tool, source],
        cwd=here,
        input=asked,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    [refused] = [
        one["error"] for one in map(json.loads, done.stdout.splitlines()) if "error" in one
    ]
    assert refused["code"] == -32003
    assert "no route" in refused["message"]
    assert re.search(rf"{source}\W+(line )?\d+", done.stderr), done.stderr


def test_with_replay_the_bus_has_a_history_and_conforms(here: Path) -> None:
    assert init("--replay", "--name", "acme-bus").exit_code == 0
    done = suite(here, "run", "acme_bus_target:target", "-q", "-k", "RPL-02 or RPL-08 or PUB-01")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("acme-bus: conformant")


def test_a_history_is_offered_where_there_is_a_template_with_one(here: Path) -> None:
    assert error_of(init("--replay", "--language", "rust")) == (
        "Error: expected --replay with --language go, node, python, got --language rust"
    )


@pytest.mark.parametrize("language", ["go", "node"])
def test_a_driver_of_a_bus_with_a_history_has_the_other_files_of_its_language(
    here: Path, language: str
) -> None:
    init("--language", language, "plain")
    outcome = init("--replay", "--language", language, "replaying")
    assert outcome.exit_code == 0
    plain, replaying = (
        {str(path).replace(folder, "its") for path in templates()[name].files(folder)}
        for folder, name in (("plain", language), ("replaying", f"{language}-replay"))
    )
    assert plain == replaying


CLAIMS = {
    "python": ("my_bus_target.py", "causal_order=True)", "causal_order=True, introspection=False)"),
    "python-driver": (
        "my_bus_driver.py",
        '"causal_order": True',
        '"causal_order": True, "introspection": False',
    ),
    "node": ("my_bus_driver.mjs", "causal_order: true", "causal_order: true, introspection: false"),
    "go": (
        "my_bus_driver.go",
        '"causal_order": true',
        '"causal_order": true, "introspection": false',
    ),
    "node-replay": (
        "my_bus_driver.mjs",
        "causal_order: true",
        "causal_order: true, introspection: false",
    ),
    "go-replay": (
        "my_bus_driver.go",
        '"causal_order": true',
        '"causal_order": true, "introspection": false',
    ),
    "rust": ("src/main.rs", '"causal_order": true', '"causal_order": true, "introspection": false'),
    "java": (
        "src/main/java/driver/MyBusDriver.java",
        '"causal_order", true',
        '"causal_order", true, "introspection", false',
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("language", "tool"),
    [
        ("python", sys.executable),
        ("python-driver", sys.executable),
        ("node", "node"),
        ("node-replay", "node"),
        ("go", "go"),
        ("go-replay", "go"),
        pytest.param("rust", "cargo", marks=pytest.mark.toolchain),
        pytest.param("java", "mvn", marks=pytest.mark.toolchain),
    ],
)
def test_what_is_not_claimed_to_be_counted_is_refused(
    here: Path, language: str, tool: str, request: pytest.FixtureRequest
) -> None:
    asked = "toolchain" in request.config.getoption("-m")
    if request.node.get_closest_marker("toolchain") and not asked:
        pytest.skip("NOT TESTED: builds on packages of a registry; ask for it with -m toolchain")
    if shutil.which(tool) is None:
        pytest.skip(f"NOT TESTED: there is no {tool}")
    plain = language.removesuffix("-replay")
    init("--language", plain, *(() if plain == language else ("--replay",)))
    name, claim, less = CLAIMS[language]
    source = here / name
    text = source.read_text(encoding="utf-8")
    assert text.count(claim) == 1
    source.write_text(text.replace(claim, less), encoding="utf-8")
    *builds, run = map(shlex.split, templates()[language].next.split(" && "))
    for build in builds:
        subprocess.run(build, cwd=here, timeout=500, check=True)
    # With a case of closing too: a client that is closed says so first.
    done = suite(here, "run", run[-1], "-q", "-k", "CLN-09 or closed_client_refuses")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 requirements hold" in done.stdout


def test_the_name_is_written_in_each_spelling(here: Path) -> None:
    init("--name", "acme-bus-2")
    text = (here / "acme_bus_2_target.py").read_text(encoding="utf-8")
    assert "class AcmeBus2(Adapter)" in text
    assert 'Target("acme-bus-2"' in text
    for name in files(here):
        content = (here / name).read_text(encoding="utf-8").lower()
        assert "my-bus" not in content
        assert "my_bus" not in content


def test_a_folder_gives_the_bus_its_name(here: Path) -> None:
    assert init("acme-bus").exit_code == 0
    assert (here / "acme-bus" / "acme_bus_target.py").is_file()
    assert init("elsewhere", "--name", "other-bus").exit_code == 0
    assert (here / "elsewhere" / "other_bus_target.py").is_file()


def test_another_folder_is_made_and_named_in_the_next_command(here: Path) -> None:
    outcome = init("new/a b")
    assert (here / "new" / "a b" / "my_bus_target.py").is_file()
    assert "next   cd 'new/a b' && eventhook-conformance run" in outcome.stdout


def test_nothing_is_overwritten_and_nothing_is_half_written(here: Path) -> None:
    (here / "my_bus_target.py").write_text("mine")
    assert error_of(init()) == (
        "Error: my_bus_target.py exists already; nothing was written (--force overwrites)"
    )
    assert files(here) == {"my_bus_target.py"}
    assert (here / "my_bus_target.py").read_text() == "mine"


def test_force_overwrites(here: Path) -> None:
    (here / "my_bus_target.py").write_text("mine")
    assert init("--force").exit_code == 0
    assert "class MyBus" in (here / "my_bus_target.py").read_text()


def test_a_tox_ini_is_added_to_once(here: Path) -> None:
    (here / "tox.ini").write_text("[tox]\nenv_list = py\n")
    assert init().exit_code == 0
    text = (here / "tox.ini").read_text()
    assert text.startswith("[tox]\nenv_list = py\n\n[testenv:conformance]\n")
    assert "tox.ini" in error_of(init())
    assert (here / "tox.ini").read_text() == text


def test_a_gitignore_is_added_to_once_and_never_in_the_way(here: Path) -> None:
    (here / ".gitignore").write_text("mine/\n")
    assert init("--language", "go").exit_code == 0
    text = (here / ".gitignore").read_text()
    assert text.startswith("mine/\n\n# eventhook-conformance\n")
    assert "\n/my_bus_driver\n" in text
    outcome = init("--language", "go", "--force")
    assert outcome.exit_code == 0
    assert ".gitignore" not in outcome.output
    assert (here / ".gitignore").read_text() == text


@pytest.mark.parametrize("language", templates())
def test_what_a_run_leaves_is_ignored_and_what_was_written_is_not(
    here: Path, language: str
) -> None:
    init(*of_template(language), "--name", "acme-bus")
    written = sorted(files(here))
    assert {".gitignore", "tox.ini", "test_acme_bus_conformance.py"} <= set(written)
    subprocess.run(["git", "init", "-q"], cwd=here, timeout=60, check=True)
    left = ["eventhook-failures/x.py", "conformance.xml", ".tox/x", "__pycache__/x.pyc"]
    left += {"go": ["acme_bus_driver"], "rust": ["target/x"], "java": ["target/x"]}.get(
        language.removesuffix("-replay"), []
    )
    left += ["served.json"] if language == "http" else []
    asked = subprocess.run(
        ["git", "check-ignore", "--no-index", *left, *written],
        cwd=here,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert asked.stdout.splitlines() == left


@pytest.mark.slow
@pytest.mark.nats
@pytest.mark.timeout(300)
def test_the_test_of_endpoints_passes_as_it_stands_and_fails_where_there_is_no_server(
    here: Path,
) -> None:
    init("--language", "http")
    test = here / "test_my_bus_conformance.py"
    text = test.read_text(encoding="utf-8")
    # A slice of the cases: all of them are tested elsewhere.
    narrow = text.replace('"--profile", "sse"', '"--profile", "sse", "-k", "SSE-02"')
    assert narrow != text
    test.write_text(narrow, encoding="utf-8")
    run_pytest = [sys.executable, "-m", "pytest", "-q", test.name]
    done = subprocess.run(
        run_pytest, cwd=here, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout
    test.write_text(narrow.replace('"serve", ', '"nothing", '), encoding="utf-8")
    done = subprocess.run(
        run_pytest, cwd=here, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 1
    assert "the server ended" in done.stdout


@pytest.mark.parametrize("name", ["", "My Bus", "../up", "9lives", "a--b"])
def test_a_name_that_is_none_is_refused(here: Path, name: str) -> None:
    assert "such as my-bus" in error_of(init("--name", name))
    assert files(here) == set()


def test_a_language_that_is_not_there_names_those_that_are(here: Path) -> None:
    assert "'python-driver'" in error_of(init("--language", "cobol"))


def test_a_folder_that_cannot_be_made_is_named(here: Path) -> None:
    (here / "taken").write_text("")
    assert "taken" in error_of(init("taken"))


@pytest.mark.parametrize(
    ("written", "example", "name"),
    [
        ("python-driver/my_bus_driver.py", "drivers/skeleton/driver.py", "skeleton"),
        ("http/my_bus_server.py", "remote_server_target.py", "remote-server"),
    ],
)
def test_a_template_is_the_example_under_another_name(
    written: str, example: str, name: str
) -> None:
    code = (ROOT / "examples" / example).read_text(encoding="utf-8").partition("import")[2]
    template = (TEMPLATES / written).read_text(encoding="utf-8").partition("import")[2]
    assert template == code.replace(f'"{name}"', '"my-bus"')


@pytest.mark.parametrize("language", templates())
def test_every_template_says_what_it_is_and_what_is_next(language: str) -> None:
    template = templates()[language]
    assert template.title
    written = template.files("acme-bus")
    workflow = written[Path(".github/workflows/conformance.yml")]
    command = rename(template.next, "acme-bus")
    *builds, run = command.split(" && ")
    target = run.partition("run ")[2]
    assert f"run {target}" in workflow
    assert all(f"run: {build}\n" in workflow for build in builds)
    (program,) = re.findall(r"acme_bus_[a-z]+", target)
    assert any(
        program in str(path) or (path.name in BUILD_FILES and program in text)
        for path, text in written.items()
    )


@pytest.mark.parametrize("language", templates())
def test_ci_and_tox_install_the_version_that_wrote_them_from_an_index_or_a_wheel(
    language: str,
) -> None:
    written = templates()[language].files("acme-bus")
    assert not any("SUITE_VERSION" in text for text in written.values())
    workflow = written[Path(".github/workflows/conformance.yml")]
    (install,) = [
        line for line in workflow.splitlines() if "eventhook-conformance" in line and "pip" in line
    ]
    assert "pip install --find-links wheels" in install
    assert install.rstrip("'").endswith(f"=={__version__}")
    tox = written[Path("tox.ini")]
    assert "PIP_FIND_LINKS = {tox_root}/wheels" in tox
    assert f"=={__version__}\n" in tox


def test_a_workflow_below_the_root_of_a_repository_is_told_to_be_moved(here: Path) -> None:
    def told(*arguments: str) -> str:
        return " ".join(init(*arguments).stdout.split())

    assert "GitHub runs" not in told("beside")
    (here / ".git").mkdir()
    assert "GitHub runs" not in told()
    below = told("libs/acme-bus")
    assert "GitHub runs workflows only from the root of the repository: move" in below
    assert "libs/acme-bus/.github" in below
    assert "working-directory: libs/acme-bus" in below


@pytest.mark.parametrize("origin", [None, '{"url": "file:///x.whl"}'])
def test_where_the_suite_came_from_no_index_its_wheel_is_asked_for(
    here: Path, origin: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Installed:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return origin

    monkeypatch.setattr("eventhook_conformance.cli._scaffold.distribution", lambda _: Installed())
    told = " ".join(init("acme-bus").stdout.split())
    assert ("put its wheel into acme-bus/wheels" in told) is (origin is not None)
