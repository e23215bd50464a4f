"""Every file in bad/ has one thing wrong; the loader says what, and on which line.

The first line of a file tells what is expected: ``# LINE: fragment``, ``# FILE:LINE: fragment`` when the
fault is in another file, and ``# LINE (N problems): fragment`` when there is more than one. Files whose name
begins with an underscore are what the others extend.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from optimizer.errors import ExitCode, ScenarioError
from optimizer.scenario.load import load_scenario

BAD = Path(__file__).parent / "bad"
FILES = sorted(path for path in BAD.glob("*.yaml") if not path.name.startswith("_"))
# Files that cannot hold a comment that a test could read.
WITHOUT_COMMENT = {
    "empty.yaml": "# 1: the file is empty",
    "utf16.yaml": "# 1: the file is not UTF-8 text",
}
EXPECTED = re.compile(r"# (?:(?P<file>[\w/.]+):)?(?P<line>\d+)(?: \((?P<count>\d+) problems\))?: (?P<fragment>.+)")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_says_what_is_wrong_and_where(path: Path) -> None:
    first_line = WITHOUT_COMMENT.get(path.name) or path.read_bytes().split(b"\n")[0].decode()
    expected = EXPECTED.fullmatch(first_line)
    assert expected, "the first line must say what is expected"
    with pytest.raises(ScenarioError) as raised:
        load_scenario(path)
    problems = raised.value.problems
    assert len(problems) == int(expected["count"] or 1), str(raised.value)
    assert expected["fragment"] in str(problems[0])
    assert problems[0].line == int(expected["line"])
    assert problems[0].column >= 1
    assert Path(problems[0].file) == BAD / (expected["file"] or path.name)
    assert problems[0].mend
    assert raised.value.exit_code == ExitCode.BAD_INPUT


def test_there_are_many_and_their_base_is_good() -> None:
    assert len(FILES) >= 150
    assert load_scenario(BAD / "_base.yaml").scenario.name == "base"
