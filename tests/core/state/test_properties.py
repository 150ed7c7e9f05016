"""Any interleaving of claims and completions, against a reference model that remembers every charge."""

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
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
from apps.core.state.periods import UNIT_SECONDS, UNITS, Unit
from tests.core.state.builders import NOON, POLICY, at
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

stores_are_made_per_example = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass
class Charge:
    window: Window
    at: float
    amount: int


@dataclass
class Model:
    """Every charge ever made. Slow, and too simple to be wrong."""

    charges: list[Charge] = field(default_factory=list)

    def used(self, window: Window, now: float) -> tuple[int, int]:
        """The least and the most that a store may believe."""
        mine = [charge for charge in self.charges if charge.window.key == window.key]
        if not window.rolling:
            total = sum(
                charge.amount for charge in mine if _period(window, charge.at) == _period(window, now)
            )
            return total, total
        count, unit = LENGTHS[window.period]
        length_s = count * UNIT_SECONDS[unit]
        least = sum(charge.amount for charge in mine if charge.at > now - length_s)
        return least, sum(charge.amount for charge in mine if charge.at > now - length_s * 61 / 60 - 1e-6)


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
def subjects(draw: st.DrawFn) -> Subject:
    """One to four windows over one credential, tight enough to be hit."""
    windows = draw(
        st.lists(
            st.builds(
                lambda metric, period, limit, rolling, zone: Window(
                    f"{metric}:{period}:{rolling}:{zone}", metric, period, limit, rolling, zone
                ),
                st.sampled_from(METRICS),
                st.sampled_from(list(LENGTHS)),
                st.integers(0, 12),
                st.booleans(),
                st.sampled_from(ZONES),
            ),
            min_size=1,
            max_size=4,
            unique_by=lambda window: window.key,
        )
    )
    return Subject("credential", "credential|model", tuple(windows))


amounts = st.fixed_dictionaries(
    {"requests": st.just(1)}, optional={"tokens": st.integers(0, 6), "audio_seconds": st.integers(0, 6)}
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
        model.charges.append(Charge(window, now, amount))
    return answer


async def _end(store: StateStore, model: Model, grant: Grant, spent: Amounts, now: float) -> None:
    await store.complete(grant, Completion(health="neutral", spent=spent), POLICY, now)
    for window in grant.claim.subject.windows:
        claimed = grant.claim.amounts.get(window.metric, 0)
        delta = spent.get(window.metric, claimed) - claimed
        model.charges.append(Charge(window, grant.at, delta))


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
        for window, used in zip(wanted.windows, seen.used, strict=True):
            least, most = model.used(window, now)
            assert least <= used <= most
            assert least == used or window.rolling


@given(wanted=subjects(), script=steps)
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
