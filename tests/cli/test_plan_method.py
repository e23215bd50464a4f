"""`plan --method`: in parts or whole, and said which."""

from __future__ import annotations

import json

from .command import SCENARIOS, hashlever

SMALL = ("--set", "market.tree.branching=[{month: 1, children: 2}, {month: 4, children: 2}]", "--no-compare")
QUICK = (*SMALL, "--monte-carlo", "0")
FLAGSHIP = SCENARIOS / "fleet_refresh.yaml"


def test_a_plan_in_parts_says_so() -> None:
    done = hashlever("plan", FLAGSHIP, *QUICK, "--method=decomposed")
    assert done.returncode == 0, done.stderr
    assert "in parts, 7 subtrees" in done.stdout.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert "leaked" not in done.stderr


def test_what_cannot_be_cut_is_solved_whole_and_says_why() -> None:
    asked = ("plan", FLAGSHIP, *QUICK, "--set", "requirements.min_dscr=0.1", "--method=decomposed")
    done = hashlever(*asked, "--json")
    assert done.returncode == 0, done.stderr
    solver = json.loads(done.stdout)["solver"]
    assert (solver["method"], solver["cut_month"], solver["subtrees"]) == ("whole", 0, 0)
    assert "min_dscr" in solver["why_whole"]


def test_reasons_and_parts_do_not_go_together() -> None:
    done = hashlever("plan", FLAGSHIP, *QUICK, "--method=decomposed", "--why")
    assert (done.returncode, done.stdout) == (2, "")
    assert "leave --method decomposed out" in done.stderr
