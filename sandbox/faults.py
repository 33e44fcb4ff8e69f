"""Faults requested by tests: errors by method, delays, and the FLOOD_WAITs in force."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from sandbox.clock import Clock
from sandbox.violations import Violations

# A person's id, a key's id before login, or the chat a bot writes to: each has its own waits.
Caller = int | str
Item = TypeVar("Item")
EARLY_TOLERANCE = 0.25  # seconds: a client's timer may be a little fast


@dataclass
class Failure:
    """An error to answer with. `wait` is in seconds, for FLOOD_WAIT and retry_after."""

    code: int
    message: str
    wait: int = 0


DROP = Failure(0, "DROP")  # breaks the connection instead of answering


def flood_wait(seconds: int) -> Failure:
    return Failure(420, f"FLOOD_WAIT_{seconds}", seconds)


def bot_error(code: int, description: str, retry_after: int = 0) -> Failure:
    """A Bot API failure: 429 with retry_after, 403, 5xx."""
    return Failure(code, description, retry_after)


@dataclass
class _Rule:
    method: str
    failure: Failure | None
    times: int
    who: Caller | None = None
    delay: float = 0.0


@dataclass
class Cut:
    """The next `times` answers of a method give only the first `keep` messages of those asked for."""

    times: int
    keep: int


@dataclass
class Faults:
    """Rules by method: "messages.getHistory" for an RPC, "sendMessage" for the Bot API, or "*"."""

    clock: Clock
    violations: Violations
    rules: list[_Rule] = field(default_factory=list)
    waits: dict[tuple[Caller, str], float] = field(default_factory=dict)
    too_long: set[int] = field(default_factory=set)  # channel ids, 0 for the account
    cuts: dict[str, Cut] = field(default_factory=dict)  # by method
    lost_pushes: int = 0  # of the next pushes of channels' events so many are lost

    def fail(self, method: str, failure: Failure, *, times: int = 1, who: Caller | None = None) -> None:
        """Answer the next `times` calls of `method` (by one caller, or by any) with the failure."""
        self.rules.append(_Rule(method, failure, times, who))

    def delay(self, method: str, seconds: float, *, times: int = 1) -> None:
        """Delay the next `times` answers of `method` by `seconds`."""
        self.rules.append(_Rule(method, None, times, delay=seconds))

    def clear(self) -> None:
        self.rules.clear()
        self.waits.clear()
        self.too_long.clear()
        self.cuts.clear()
        self.lost_pushes = 0

    def check(self, method: str, who: Caller) -> Failure | None:
        """The failure for this call, or None. Records a call before the end of its wait as a violation."""
        until = self.waits.get((who, method), 0.0)
        left = until - self.clock.now()
        if left > EARLY_TOLERANCE:
            self.violations.record("early_call", method=method, who=who, seconds_early=round(left, 2))
            return flood_wait(int(left) + 1)
        rule = self._take(method, who, failing=True)
        if rule is None or rule.failure is None:
            return None
        if rule.failure.wait:
            self.waits[who, method] = self.clock.now() + rule.failure.wait
        return rule.failure

    def cut(self, method: str, found: list[Item]) -> list[Item]:
        """What a method that reads messages answers with instead of `found`: it may be empty or short."""
        rule = self.cuts.get(method)
        if rule is None:
            return found
        rule.times -= 1
        if rule.times <= 0:
            del self.cuts[method]
        return found[: rule.keep]

    def push_is_lost(self) -> bool:
        """Whether this push gets lost on its way: the connection seems to be open, but is not."""
        lost = self.lost_pushes > 0
        self.lost_pushes -= lost
        return lost

    def pause(self, method: str, who: Caller) -> float:
        """Seconds by which to delay this answer."""
        rule = self._take(method, who, failing=False)
        return rule.delay if rule else 0.0

    def _take(self, method: str, who: Caller, *, failing: bool) -> _Rule | None:
        for rule in self.rules:
            fits = rule.method in (method, "*") and rule.who in (None, who)
            if fits and (rule.failure is not None) is failing:
                rule.times -= 1
                if rule.times <= 0:
                    self.rules.remove(rule)
                return rule
        return None
