"""What a user decides about the hits of a stem: steps, each of which can be taken back.

A candidate is known by its sample at 44.1 kHz, which stays the same whichever model decides; a hit that the user added
by a negative number, -1 for the first. Times in seconds from the start of the audio.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any

KEEP, DELETE, SKIP, ADD, MOVE, NAME = "keep", "delete", "skip", "add", "move", "name"
NOTHING, UNDO, DONE = "nothing", "undo", "done"  # NOTHING was missed at a place
NEEDS: dict[str, tuple[str, ...]] = {  # what a step says beside what it does
    KEEP: ("hit",), DELETE: ("hit",), SKIP: ("hit",), ADD: ("time_s", "velocity", "name"), MOVE: ("hit", "time_s"),
    NAME: ("hit", "name"), NOTHING: ("time_s",), UNDO: (), DONE: (),
}  # fmt: skip
MOST_STEPS = 1_000_000


class StepError(ValueError):
    """A step that says too little, or does not fit the stem."""


@dataclass(frozen=True)
class Step:
    """One thing that the user does.

    Attributes
    ----------
    do : str
        A key of `NEEDS`.
    hit : int, optional
    time_s : float >= 0, optional
    velocity : int in 1..127, optional
    name : str, optional
        An articulation; "" where the stem has one only.
    """

    do: str
    hit: int | None = None
    time_s: float | None = None
    velocity: int | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if self.do not in NEEDS:
            raise StepError(f"there is no step {self.do!r:.40}")
        given = {one.name for one in fields(self) if getattr(self, one.name) is not None} - {"do"}
        if given != set(NEEDS[self.do]):
            raise StepError(f"{self.do} needs {', '.join(NEEDS[self.do]) or 'nothing else'}")

    def to_plain(self) -> dict[str, Any]:
        """Return the step as JSON has it."""
        return {"do": self.do} | {name: getattr(self, name) for name in NEEDS[self.do]}

    @classmethod
    def from_plain(cls, plain: object) -> "Step":
        """Return the step that `to_plain` described, or another program.

        Raises
        ------
        StepError
            It is none.
        """
        if not isinstance(plain, dict) or "do" not in plain or not plain.keys() <= _CHECKS.keys():
            raise StepError("a step is an object of " + ", ".join(_CHECKS))
        for name, value in plain.items():
            if not _CHECKS[name](value):
                raise StepError(f"{name} cannot be {value!r:.40}")
        return cls(**plain)


_CHECKS = {
    "do": lambda value: isinstance(value, str),
    "hit": lambda value: type(value) is int and abs(value) < 2**53,
    "time_s": lambda value: type(value) in (int, float) and isfinite(value) and value >= 0,
    "velocity": lambda value: type(value) is int and 1 <= value <= 127,
    "name": lambda value: isinstance(value, str) and len(value) < 100,
}


@dataclass
class Decided:
    """What some steps come to.

    Attributes
    ----------
    kept : dict of int to bool
        Hit -> whether it is kept, of all that the user decided about, in the order of the last decision.
    skipped : list of int
        Hits to be asked last, in that order.
    added : dict of int to int
        Hit that the user added -> its velocity.
    times_s : dict of int to float
        Hit -> where the user put it, of those added and moved.
    names : dict of int to str
        Hit -> its articulation, of those that the user named.
    nothing_s : list of float
        Where the user said that no hit was missed.
    """

    kept: dict[int, bool] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)
    added: dict[int, int] = field(default_factory=dict)
    times_s: dict[int, float] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    nothing_s: list[float] = field(default_factory=list)

    def apply(self, step: Step) -> None:
        """Apply a step that fits."""
        if step.do == NOTHING:
            self.nothing_s.append(float(step.time_s or 0.0))
            return
        hit = -1 - len(self.added) if step.hit is None else step.hit
        self.skipped = [other for other in self.skipped if other != hit]
        if step.do == SKIP:
            self.skipped.append(hit)
            return
        self.kept.pop(hit, None)
        self.kept[hit] = step.do != DELETE
        if step.velocity is not None:
            self.added[hit] = step.velocity
        if step.time_s is not None:
            self.times_s[hit] = float(step.time_s)
        if step.name:
            self.names[hit] = step.name


class Session:
    """The steps of a user about one stem.

    Parameters
    ----------
    candidates : collection of int
        Their samples.
    names : collection of str
        The articulations of the stem.
    duration_s : float
        Of the stem.

    Attributes
    ----------
    steps : list of Step
        Those that were not taken back.
    revision : int
        How many steps were ever taken, those that were taken back and their taking back included.
    is_done : bool
        Whether the last step finished the stem.
    """

    def __init__(self, candidates: Iterable[int], names: Collection[str], duration_s: float):
        self._candidates, self._names, self._duration_s = frozenset(candidates), frozenset(names), duration_s
        self.steps: list[Step] = []
        self.decided = Decided()
        self.revision = 0
        self.is_done = False

    def require_fit(self, step: Step) -> None:
        """Make sure that a step can be taken now.

        Raises
        ------
        StepError
        """
        if step.hit is not None and step.hit not in self._candidates and step.hit not in self.decided.added:
            raise StepError(f"there is no hit {step.hit}")
        if step.time_s is not None and step.time_s > self._duration_s:
            raise StepError(f"{step.time_s:.3f} s is beyond the end")
        if step.name and step.name not in self._names:
            raise StepError(f"there is no articulation {step.name!r:.40}; there is {', '.join(sorted(self._names))}")
        if step.do == UNDO and not self.steps:
            raise StepError("there is nothing to take back")
        if self.revision >= MOST_STEPS:
            raise StepError("there are too many steps")

    def take(self, step: Step) -> None:
        """Take a step.

        Raises
        ------
        StepError
            See `require_fit`; nothing has changed then.
        """
        self.require_fit(step)
        self.revision += 1
        self.is_done = step.do == DONE
        if step.do == UNDO:
            self.steps.pop()
            self.decided = Decided()
            for earlier in self.steps:
                self.decided.apply(earlier)
        elif step.do != DONE:
            self.steps.append(step)
            self.decided.apply(step)

    def take_all(self, steps: Iterable[Step]) -> int:
        """Take the steps of an earlier run, and return how many no longer fit, which are left out."""
        return sum(not self._takes(step) for step in steps)

    def _takes(self, step: Step) -> bool:
        try:
            self.take(step)
        except StepError:
            return False
        return True
