"""What can go wrong for a user, and the exit code that says so.

Every error here is meant for a person who wrote a scenario, not for a programmer: its text says
what was found, what is allowed and how to mend it. Anything else that escapes is a bug (exit 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says to the shell when it ends."""

    DONE = 0
    BUG = 1
    BAD_INPUT = 2
    NO_FEASIBLE_PLAN = 3
    LIMIT_WITHOUT_PLAN = 4
    LIMIT_WITH_PLAN = 5
    AUDIT_FAILED = 6
    INTERRUPTED = 130


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with the input.

    ``file``, ``line`` and ``column`` (both from 1; 0 when there is no position, as for ``--set``)
    say where; ``path`` is the place in the scenario's own terms (``facilities[2].apr``); ``found``
    the value as written; ``message`` what is wrong and what is allowed; ``mend`` how to put it right.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    found: str = ""
    mend: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = f"{place}: {self.path + ': ' if self.path else ''}{self.message}"
        if self.found:
            text += f" (found {self.found})"
        if self.mend:
            text += f"\n    mend: {self.mend}"
        return text


class HashleverError(Exception):
    """Base of every error that a user can cause and mend."""

    exit_code: ExitCode = ExitCode.BAD_INPUT


class ScenarioError(HashleverError):
    """The scenario cannot be used; ``problems`` holds every reason at once."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class QuoteError(HashleverError):
    """A quote cannot be made of what was asked; ``problems`` holds every reason at once, each under its option."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(p) for p in self.problems))


class OutputError(HashleverError):
    """The place to write to cannot be used; nothing was written."""

    exit_code = ExitCode.BAD_INPUT


class ReplayError(HashleverError):
    """A replay cannot be made: the saved plan cannot be used, or what is asked does not fit it."""

    exit_code = ExitCode.BAD_INPUT


class CompareError(HashleverError):
    """Plans cannot be compared: too few or too many of them, or several that cannot be used."""

    exit_code = ExitCode.BAD_INPUT


class SweepError(HashleverError):
    """A sweep cannot be made of what was asked."""

    exit_code = ExitCode.BAD_INPUT


class TreesError(HashleverError):
    """A plan cannot be made over so many sampled trees, or over more than one."""

    exit_code = ExitCode.BAD_INPUT


class MethodError(HashleverError):
    """A plan cannot be searched for in the way that is asked."""

    exit_code = ExitCode.BAD_INPUT


class ClusterError(HashleverError):
    """A cluster cannot be used: it is not there, its workers are unfit, or it went away."""

    exit_code = ExitCode.BAD_INPUT


class SplitError(HashleverError):
    """A model cannot be split into branches that are solved by themselves."""

    exit_code = ExitCode.BAD_INPUT


class InfeasibleError(HashleverError):
    """No plan meets every requirement. The text names the requirements that conflict, in business words."""

    exit_code = ExitCode.NO_FEASIBLE_PLAN


class LimitError(HashleverError):
    """The solver hit a limit before it found any plan."""

    exit_code = ExitCode.LIMIT_WITHOUT_PLAN


class SolverError(HashleverError):
    """The solver returned a status that is neither a plan nor a proof that there is none."""

    exit_code = ExitCode.BUG


class AuditError(HashleverError):
    """The ledger's own account of the plan disagrees with the model's: it is not a plan."""

    exit_code = ExitCode.AUDIT_FAILED
