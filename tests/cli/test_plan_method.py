"""`plan --method`: in parts or whole, and said which."""

from __future__ import annotations

import json
from types import SimpleNamespace

import highspy
import pytest

from optimizer import plan
from optimizer.errors import SolverError
from optimizer.solve.master import Master

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


def test_where_highs_fails_on_a_part_the_tree_is_solved_whole_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(master: Master) -> None:
        raise SolverError("HiGHS ended the top of the tree with status 'Unknown'")

    monkeypatch.setattr(Master, "_run", fails)
    sets = ("market.tree.branching=[{month: 1, children: 2}, {month: 4, children: 2}]", "market.fan.paths=200")
    made = plan(FLAGSHIP, sets=sets, compare=False, monte_carlo=0, method="decomposed")
    assert made.solver.method == "whole"
    assert "status 'Unknown'" in made.solver.why_whole


def test_the_top_is_asked_again_from_nothing_and_without_presolve() -> None:
    said: list[str] = []
    option = {"presolve": "choose"}
    ended = highspy.HighsModelStatus
    fickle = SimpleNamespace(
        run=lambda: said.append(option["presolve"]),
        getModelStatus=lambda: ended.kOptimal if said[-1] == "off" else ended.kUnknown,
        clearSolver=lambda: said.append("from nothing"),
        setOptionValue=option.__setitem__,
    )
    master = Master.__new__(Master)
    master._highs = fickle
    master._run()
    assert said == ["choose", "from nothing", "choose", "from nothing", "off"]
    assert option == {"presolve": "choose"}


def test_reasons_and_parts_do_not_go_together() -> None:
    done = hashlever("plan", FLAGSHIP, *QUICK, "--method=decomposed", "--why")
    assert (done.returncode, done.stdout) == (2, "")
    assert "leave --method decomposed out" in done.stderr
