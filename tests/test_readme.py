"""What the README and the documents tell a user to type works, prints what they show, and CI types the same."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.command import hashlever

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(sh|text|python|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)")
# A scenario that a document makes the reader write says its file's name in its first line.
NAMED_FILE = re.compile(r"# (scenarios/\w+\.yaml)\n")


@dataclass
class Example:
    """A command or a piece of Python in a document, and what the document says that it prints."""

    where: str
    text: str
    shown: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """How the command ends, by what is shown of it."""
        if any(shown.startswith("No plan meets") for shown in self.shown):
            return 3
        return 2 if any("\n    mend: " in shown for shown in self.shown) else 0

    @property
    def is_long(self) -> bool:
        """Whether it plans the flagship or something like it, or replays a plan that another example made."""
        if self.text.startswith(("hashlever replay", "hashlever compare plans/")):
            return True
        return self.text.startswith(("hashlever plan", "hashlever sweep")) and any(
            name in self.text for name in ("fleet_refresh", "treasury_aggressive", "my_company")
        )


def lines(block: str) -> list[str]:
    """The commands of an ```sh block, continued lines joined."""
    return [line.strip() for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def examples_of(path: Path) -> list[Example]:
    """The `hashlever` commands and Python pieces of a document; a ```text block belongs to the last one before it."""
    found: list[Example] = []
    where = path.relative_to(ROOT).as_posix()
    for kind, block in FENCE.findall(path.read_text(encoding="utf-8")):
        if kind == "sh":
            found += [Example(where, line) for line in lines(block) if line.startswith("hashlever ")]
        elif kind == "python":
            found.append(Example(where, block))
        elif kind == "text" and found:
            found[-1].shown.append(block)
    return found


EXAMPLES = [example for path in DOCUMENTS for example in examples_of(path)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Catalogue, scenarios and the files that the documents make the reader write."""
    folder = tmp_path_factory.mktemp("docs")
    for name in ("models", "scenarios"):
        shutil.copytree(ROOT / name, folder / name)
    for path in DOCUMENTS:
        for kind, block in FENCE.findall(path.read_text(encoding="utf-8")):
            if kind == "yaml" and (named := NAMED_FILE.match(block)):
                (folder / named[1]).write_text(block, encoding="utf-8")
    return folder


def without_ends(text: str) -> str:
    """Text without blanks at the ends of lines."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.where}: {example.text.splitlines()[0]}")
def test_an_example_works_and_prints_what_is_shown(example: Example, workspace: Path) -> None:
    if not example.text.startswith("hashlever "):
        done = subprocess.run(
            [sys.executable, "-c", example.text], cwd=workspace, capture_output=True, text=True, timeout=60
        )
    elif example.is_long:
        # Options are read, the plan is not made.
        done = hashlever(*shlex.split(example.text)[1:], "--help", cwd=workspace)
        assert done.returncode == 0, done.stderr
        return
    else:
        done = hashlever(*shlex.split(example.text)[1:], cwd=workspace)
    assert done.returncode == example.exit_code, done.stderr
    printed = without_ends(done.stdout + done.stderr)
    for shown in example.shown:
        assert without_ends(shown) in printed, printed


def test_the_documents_have_examples_that_are_run() -> None:
    assert sum(not example.is_long for example in EXAMPLES) >= 15
    assert sum(bool(example.shown) for example in EXAMPLES) >= 7


@pytest.mark.parametrize("heading", ["See a plan", "Pass the tests"])
def test_the_readme_has_one_command_for_each_of_two_wishes(heading: str) -> None:
    sections = re.split(r"^## ", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    [section] = [text for text in sections if text.startswith(heading)]
    [block] = [block for kind, block in FENCE.findall(section) if kind == "sh"]
    assert len(lines(block)) == 1


def test_ci_runs_the_readme_s_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    [reading] = re.findall(r"^test_command=\$\((.*)\)$", script, re.MULTILINE)
    assert 'bash -c "$test_command"' in script
    read = subprocess.run(["bash", "-c", reading], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    section = README.read_text(encoding="utf-8").split("\n## Pass the tests")[1]
    [block] = [block for kind, block in FENCE.findall(section.split("\n## ")[0]) if kind == "sh"]
    assert read == block
    assert "pytest" in read


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in DOCUMENTS
        for target in LINK.findall(path.read_text(encoding="utf-8"))
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []
