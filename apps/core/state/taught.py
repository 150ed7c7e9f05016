"""What the end of an attempt teaches of its windows: a refusal which of them was full, a probe whether there is more. Pure but for what it
is given to write into."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from apps.core.state import apart
from apps.core.state.contract import Block, Claim, Completion, Grant, Subject, Window
from apps.core.state.counters.counter import Counter
from apps.core.state.doubts import BY_CHANCE
from apps.core.state.lessons import Found, Lessons
from apps.core.state.periods import SECOND
from apps.core.state.suspects import Suspect, may_grow, suspect, teaches

SKEWED_S: Final = 1.0
CounterOf = Callable[[Window, float], Counter]


def learn(
    lessons: Lessons, grant: Grant, completion: Completion, counter_of: CounterOf, now: float
) -> Completion:
    """Take in what an attempt taught. Returns its completion: that of a probe that was refused takes nothing and closes nothing."""
    claim = grant.claim
    probed = lessons.asking.ended(claim.id)
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
    return _taught(lessons, grant, completion, counter_of, now)


def _refused(claim: Claim, completion: Completion, counter_of: CounterOf, now: float) -> list[Suspect]:
    """Those windows of the claim that may have been full."""
    found: list[Suspect] = []
    for window in claim.subject.windows:
        if window.key in completion.refused and window.metric in claim.amounts:
            counter = counter_of(window, now)
            claimed = claim.amounts[window.metric]
            needed = claim.known.get(window.metric, claimed)
            found.append(Suspect(window, counter, needed, max(counter.used - claimed, 0)))
    return found


def _taught(
    lessons: Lessons, grant: Grant, completion: Completion, counter_of: CounterOf, now: float
) -> Completion:
    """The completion of a refusal. It takes nothing: a full window counts what it granted."""
    refused = _refused(grant.claim, completion, counter_of, now)
    subject = grant.claim.subject
    spacing = [
        one._replace(at_once=_granted_at_once(subject, one.window.scope, counter_of, now))
        for one in refused
        if one.window.period == SECOND and may_grow(one.window)
    ]
    spacing.sort(key=lambda one: one.window.scope != subject.candidate)
    nothing = dict.fromkeys(grant.claim.amounts, 0)
    if _is_spacing(lessons, spacing, grant, now):
        is_declared = any(
            one.window.limit for one in spacing
        )  # then the next keeps its distance from this one too
        return completion if is_declared else replace(completion, spent=nothing)
    blocks = completion.blocks
    suspects = [one for one in refused if teaches(one.window)]
    found = suspect(suspects, completion)
    if found is None:
        wide = lessons.doubts.is_account(subject.credential)
        guessed = (one for one in spacing if wide or one.window.scope == subject.candidate)
        if any(apart.guess(lessons, one, grant.at, now) for one in guessed):
            return replace(completion, spent=nothing)
        found = lessons.unexplained(subject, suspects)
    elif not completion.named:
        lessons.doubts.add(subject, BY_CHANCE)
    if not completion.named and lessons.doubts.is_account(subject.credential):
        blocks = tuple(_widened(block, subject.credential) for block in blocks)
    if found is None:
        return replace(completion, blocks=blocks)
    was = lessons.refused(found, completion, grant.at, now, _told_wait_s(blocks, now))
    return replace(completion, spent=nothing, blocks=_closed(was, found, subject, blocks, now))


def _granted_at_once(subject: Subject, scope: str, counter_of: CounterOf, now: float) -> int:
    """Requests that were granted in one second of the last minute, by the minute that is counted of the same scope."""
    minutes = (each for each in subject.windows if (each.scope, each.metric) == (scope, "requests"))
    return max((counter_of(each, now).granted_at_once(now) for each in minutes), default=0)


def _is_spacing(lessons: Lessons, spacing: Sequence[Suspect], grant: Grant, now: float) -> bool:
    """Whether it went out too soon after another one, by what is known of seconds. The model's are first in `spacing`."""
    subject = grant.claim.subject
    model = next((one for one in spacing if one.window.scope == subject.candidate), None)
    account = next((one for one in spacing if one.window.scope == subject.credential), None)
    if model and account and apart.spaced_by_account(lessons, model, account, grant.at, now):
        return True
    return any(apart.spaced(lessons, one, grant.at, now) for one in spacing)


def _closed(
    was: Found, found: Suspect, subject: Subject, blocks: tuple[Block, ...], now: float
) -> tuple[Block, ...]:
    """What is closed where `found` was full."""
    if was == "level":
        return tuple(block for block in blocks if block.reason != "rate_limited")
    if was == "clock":
        return tuple(_brief(block, now) for block in blocks)
    if found.window.scope == subject.credential:
        return tuple(_widened(block, found.window.scope) for block in blocks)
    if found.window.scope != subject.candidate:
        _close(found, blocks, now)
    return blocks


def _close(found: Suspect, blocks: Iterable[Block], now: float) -> None:
    """Models share the window: none of them is asked as long as the one is closed that was refused."""
    until = max((block.until for block in blocks if block.reason == "rate_limited"), default=now)
    found.counter.tighten(found.limit, 0, until, now)


def _told_wait_s(blocks: Iterable[Block], now: float) -> float:
    """What the upstream named, and a jitter; 0 where it named none."""
    told = (block.until for block in blocks if block.reason == "rate_limited" and not block.max_s)
    return max(max(told, default=now) - now, 0.0)


def _widened(block: Block, account: str) -> Block:
    """The account was full, whichever of its models was asked."""
    return replace(block, scope=account) if block.reason == "rate_limited" else block


def _brief(block: Block, now: float) -> Block:
    """Where clocks differ, a moment later it is another minute there too."""
    return replace(block, until=min(block.until, now + SKEWED_S)) if block.reason == "rate_limited" else block
