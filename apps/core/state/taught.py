"""What the end of an attempt teaches of its windows: a refusal which of them was full, a probe whether there is more. Pure but for what it
is given to write into."""

from collections.abc import Callable, Iterable
from typing import Final

from msgspec.structs import replace

from apps.core.state.contract import Block, Claim, Completion, Grant, Window
from apps.core.state.counters.counter import Counter
from apps.core.state.lessons import Lessons, teaches
from apps.core.state.periods import SECOND
from apps.core.state.suspects import Suspect, suspect

SKEWED_S: Final = 1.0
CounterOf = Callable[[Window, float], Counter]


def learn(
    lessons: Lessons, grant: Grant, completion: Completion, counter_of: CounterOf, now: float
) -> Completion:
    """Take in what an attempt taught. Returns its completion: that of a probe that was refused takes nothing and closes nothing."""
    claim = grant.claim
    probed = lessons.ended(claim.id)
    if completion.health == "success":
        if probed is not None:
            window, amount = probed
            lessons.granted(window, counter_of(window, now), amount, now)
        return completion
    if not completion.refused:
        return completion
    if probed is not None:
        window = probed[0]
        lessons.probe_refused(window, counter_of(window, now), now)
        return Completion(health="neutral", spent=dict.fromkeys(claim.amounts, 0))
    return _taught(lessons, grant, completion, _suspects(claim, completion, counter_of, now), now)


def _suspects(claim: Claim, completion: Completion, counter_of: CounterOf, now: float) -> list[Suspect]:
    """The windows that may have been full; those of a second learn by themselves."""
    suspects: list[Suspect] = []
    for window in claim.subject.windows:
        if window.key not in completion.refused or window.metric not in claim.amounts:
            continue
        if window.period == SECOND:
            counter_of(window, now).refused()
        elif teaches(window):
            counter = counter_of(window, now)
            claimed = claim.amounts[window.metric]
            needed = claim.known.get(window.metric, claimed)
            suspects.append(Suspect(window, counter, needed, max(counter.used - claimed, 0)))
    return suspects


def _taught(
    lessons: Lessons, grant: Grant, completion: Completion, suspects: list[Suspect], now: float
) -> Completion:
    """The completion of a refusal. It takes nothing: a full window counts what it granted."""
    subject = grant.claim.subject
    found = suspect(suspects, completion) or lessons.unexplained(subject, suspects)
    if found is None:
        return completion
    is_skew = lessons.refused(found, completion, grant.at, now)
    blocks = completion.blocks
    if is_skew:
        blocks = tuple(_brief(block, now) for block in blocks)
    elif found.window.scope == subject.credential:
        blocks = tuple(_widened(block, found.window.scope) for block in blocks)
    elif found.window.scope != subject.candidate:
        _close(found, blocks, now)
    return replace(completion, spent=dict.fromkeys(grant.claim.amounts, 0), blocks=blocks)


def _close(found: Suspect, blocks: Iterable[Block], now: float) -> None:
    """Models share the window: none of them is asked as long as the one is closed that was refused."""
    until = max((block.until for block in blocks if block.reason == "rate_limited"), default=now)
    learnt = found.counter.learnt
    limit = found.window.limit if learnt is None else learnt.limit_of(found.window)
    found.counter.tighten(limit, 0, until, now)


def _widened(block: Block, account: str) -> Block:
    """The account was full, whichever of its models was asked."""
    return replace(block, scope=account) if block.reason == "rate_limited" else block


def _brief(block: Block, now: float) -> Block:
    """Where clocks differ, a moment later it is another minute there too."""
    return replace(block, until=min(block.until, now + SKEWED_S)) if block.reason == "rate_limited" else block
