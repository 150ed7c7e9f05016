"""Any interleaving of claims and completions, against a reference model that remembers every charge."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from math import ceil, inf
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.state.contract import (
    Amounts,
    Claim,
    Completion,
    Grant,
    Refusal,
    StateStore,
    Subject,
    Window,
)
from apps.core.state.keys import CONCURRENCY
from apps.core.state.periods import ONCE, UNIT_SECONDS, UNITS, Unit
from tests.core.state.builders import KINDS, NOON, POLICY, at
from tests.core.state.conftest import NewStore

START = at("2026-10-31 23:59:30", "America/Los_Angeles")  # the 25 hours that follow are one local day
ODD: list[tuple[int, Unit]] = [
    (90, "second"),
    (7, "minute"),
    (5, "hour"),
    (3, "day"),
    (2, "week"),
    (2, "month"),
]
METRICS = ["requests", "tokens", "audio_seconds"]
ZONES = ["UTC", "America/Los_Angeles", "Asia/Kathmandu"]
LENGTHS: dict[str, tuple[int, Unit]] = {
    **{unit: (1, unit) for unit in UNITS},
    **{f"{count}{unit}": (count, unit) for count, unit in ODD},
}
GAPS_S = [0.0, 0.0, 0.004, 0.017, 0.3, 0.98, 1.0, 7.7, 59.0, 61.0, 1800.0, 40_000.0, 90_000.0]

stores_are_made_per_example = settings(max_examples=150)


@dataclass
class Charge:
    """Of `amount` at `at`; a correction of it is made later."""

    window: Window
    at: float
    amount: int
    made: float


@dataclass
class Model:
    """Every charge ever made, corrections included, in the order in which they were made. Slow, and too simple to be wrong."""

    charges: list[Charge] = field(default_factory=list)

    def used(self, window: Window, now: float) -> tuple[float, float]:
        """The least and the most that a store may believe."""
        mine = [charge for charge in self.charges if charge.window.key == window.key]
        if window.metric == CONCURRENCY or window.period == ONCE:
            total = sum(charge.amount for charge in mine)
            return total, total
        length_s = _length_s(window)
        match window.kind:
            case "fixed":
                same = [charge for charge in mine if _period(window, charge.at) == _period(window, now)]
                total = sum(charge.amount for charge in same)
                return total, total
            case "rolling":
                least = sum(charge.amount for charge in mine if charge.at > now - length_s)
                most = sum(charge.amount for charge in mine if charge.at > now - length_s * 61 / 60 - 1e-6)
                return least, most
            case "bucket":
                return _drained(mine, window, now) if window.limit else (0, inf)
            case "first_use":
                return _since_first_use(mine, length_s, now)


def _length_s(window: Window) -> int:
    count, unit = LENGTHS[window.period]
    return count * UNIT_SECONDS[unit]


def _drained(charges: Sequence[Charge], window: Window, now: float) -> tuple[float, float]:
    """What is in a bucket from which the limit runs out every period: in fractions, and as if what came late had come as early, or as
    late, as it may have."""
    rate = Fraction(window.limit, _length_s(window))
    low = high = Fraction(0)
    low_at = high_at = Fraction(0)
    for charge in [*charges, Charge(window, now, 0, now)]:
        at = Fraction(charge.made)
        if low > rate * (at - low_at):
            low, low_at = low - rate * (at - low_at), at
        else:
            low, low_at = Fraction(0), low_at + low / rate
        if charge.at == charge.made:
            low_at = at
        high, high_at = max(high - rate * (at - high_at), Fraction(0)), at
        low, high = max(low + charge.amount, Fraction(0)), max(high + charge.amount, Fraction(0))
    return ceil(low - rate * Fraction(1, 100_000)), ceil(high)


def _since_first_use(charges: Sequence[Charge], length_s: int, now: float) -> tuple[float, float]:
    """Of windows that each start with the first charge behind the one before; where something was given back, which of them that was is
    not for so simple a model to say."""
    if any(charge.at != charge.made for charge in charges):
        return 0, inf
    start, total = -inf, 0
    for charge in charges:
        if charge.amount and charge.at >= start + length_s:
            start, total = charge.at, 0
        total += charge.amount
    total = total if now < start + length_s else 0
    return total, total


def _period(window: Window, moment: float) -> object:
    """What two moments in the same fixed window have in common."""
    count, unit = LENGTHS[window.period]
    local = datetime.fromtimestamp(moment, ZoneInfo(window.zone))
    match unit:
        case "day":
            return (local.toordinal() - 1) // count
        case "week":
            return (local.toordinal() - 1) // 7 // count
        case "month":
            return (local.year * 12 + local.month - 1) // count
        case _:
            return moment // (count * UNIT_SECONDS[unit])


@st.composite
def subjects(draw: st.DrawFn, *, lasting: bool = False) -> Subject:
    """One to four windows over one credential, tight enough to be hit; if `lasting`, of lengths only."""
    windows = draw(
        st.lists(
            st.builds(
                lambda metric, period, limit, kind, zone: Window(
                    f"{metric}:{period}:{kind}:{zone}", metric, period, limit, kind, zone
                ),
                st.sampled_from(METRICS if lasting else [*METRICS, CONCURRENCY]),
                st.sampled_from([*LENGTHS] if lasting else [*LENGTHS, ONCE]),
                st.integers(0, 12),
                st.sampled_from(KINDS),
                st.sampled_from(ZONES),
            ),
            min_size=1,
            max_size=4,
            unique_by=lambda window: window.key,
        )
    )
    return Subject("credential", "credential|model", tuple(windows))


amounts = st.fixed_dictionaries(
    {"requests": st.just(1), CONCURRENCY: st.just(1)},
    optional={"tokens": st.integers(0, 6), "audio_seconds": st.integers(0, 6)},
)
corrections = st.fixed_dictionaries(
    {},
    optional={
        "requests": st.sampled_from([1, 1, 1, 0]),
        "tokens": st.integers(0, 9),
        "audio_seconds": st.integers(0, 9),
    },
)
# (seconds since the last step, what to claim; or which open grant to complete and what it spent)
claims = st.tuples(st.just("claim"), st.just(0), amounts)
endings = st.tuples(st.just("end"), st.integers(0, 5), corrections)
steps = st.lists(st.tuples(st.sampled_from(GAPS_S), claims | endings), min_size=1, max_size=40)
Script = list[tuple[float, tuple[str, int, Amounts]]]


async def _claim(store: StateStore, model: Model, claim: Claim, now: float) -> Grant | None:
    windows = [window for window in claim.subject.windows if window.metric in claim.amounts]
    answer = await store.acquire(claim, now)
    if isinstance(answer, Refusal):
        full = next(window for window in windows if window.key == answer.window)
        assert answer.retry_at > now
        assert model.used(full, now)[1] + claim.amounts[full.metric] > full.limit > 0
        return None
    for window in windows:
        amount = claim.amounts[window.metric]
        assert window.limit == 0 or model.used(window, now)[0] + amount <= window.limit
        model.charges.append(Charge(window, now, amount, now))
    return answer


async def _end(store: StateStore, model: Model, grant: Grant, spent: Amounts, now: float) -> None:
    await store.complete(grant, Completion(health="neutral", spent=spent), POLICY, now)
    for window in grant.claim.subject.windows:
        claimed = grant.claim.amounts.get(window.metric, 0)
        end = 0 if window.metric == CONCURRENCY else spent.get(window.metric, claimed)
        if end != claimed:
            model.charges.append(Charge(window, grant.at, end - claimed, now))


@given(wanted=subjects(), script=steps)
@stores_are_made_per_example
async def test_no_interleaving_exceeds_a_limit_within_any_window(
    new_store: NewStore, wanted: Subject, script: Script
) -> None:
    store, model, now = new_store(), Model(), START
    open_grants: list[Grant] = []

    for step, (gap_s, (kind, number, asked)) in enumerate(script):
        now += gap_s
        if kind == "claim":
            grant = await _claim(store, model, Claim(str(step), wanted, asked), now)
            open_grants.extend([grant] if grant else [])
        elif open_grants:
            await _end(store, model, open_grants.pop(number % len(open_grants)), asked, now)

    assert await store.open_grants() == len(open_grants)


@given(wanted=subjects(), script=steps)
@stores_are_made_per_example
async def test_view_shows_what_the_model_counts(new_store: NewStore, wanted: Subject, script: Script) -> None:
    store, model, now = new_store(), Model(), START
    open_grants: list[Grant] = []

    for step, (gap_s, (kind, number, asked)) in enumerate(script):
        now += gap_s
        if kind == "claim":
            grant = await _claim(store, model, Claim(str(step), wanted, asked), now)
            open_grants.extend([grant] if grant else [])
        elif open_grants:  # nothing given back, so that the model's bounds hold at every moment
            await _end(store, model, open_grants.pop(number % len(open_grants)), {}, now)
        [seen] = await store.view([wanted], now)
        assert await store.glance([wanted], now) == [(seen.blocked_until, seen.in_flight, seen.success_rate)]
        for window, used in zip(wanted.windows, seen.used, strict=True):
            least, most = model.used(window, now)
            assert least <= used <= most
            assert least == used or window.kind in ("rolling", "bucket")


@given(wanted=subjects(lasting=True), script=steps)
@stores_are_made_per_example
async def test_retry_at_is_true_to_the_millisecond(
    new_store: NewStore, wanted: Subject, script: Script
) -> None:
    store, now = new_store(), NOON
    limits = {
        metric: [window.limit for window in wanted.windows if window.metric == metric and window.limit]
        for metric in METRICS
    }

    for gap_s, (_, number, asked) in script:
        now += gap_s
        fitting = {metric: min([asked.get(metric, number), *limits[metric]]) for metric in METRICS}
        claim = Claim(f"{now}", wanted, fitting | {"requests": 1})
        answer = await store.acquire(claim, now)
        if isinstance(answer, Refusal):
            early = await store.acquire(claim, max(now, answer.retry_at - 0.001))
            assert isinstance(early, Refusal)
            now = answer.retry_at
            assert isinstance(await store.acquire(claim, now), Grant)
