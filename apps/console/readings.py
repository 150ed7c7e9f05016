"""What the state store knows of a user's accounts: how each does, how much is left of each window, and how long that lasts.

The first is one look at all accounts and models (`view`); the rest is what `providers.outlook` tells everybody, so that pages and `/api`
cannot disagree.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from asgiref.sync import async_to_sync
from msgspec import Struct

from apps.core import clock
from apps.core.state.contract import Pulse, Standing, Subject, Window
from apps.core.state.keys import CONCURRENCY, Span, credential_key
from apps.core.state.lesson import Lesson, holds
from apps.core.state.periods import ONCE, bounds
from apps.gateway import runtime
from apps.gateway.outlook.quotas import of_user
from apps.providers.facts import ModelFacts
from apps.providers.forecast import Forecast
from apps.providers.offers import CATALOGUE, Catalogue
from apps.providers.outlook import NO_OUTLOOK, Outlook, Overall, Quota, overall
from apps.providers.overrides import LimitSource
from apps.providers.states import State
from apps.providers.types import Offer

HOUR_S: Final = 3600.0


class Left(Struct, frozen=True):
    """A limited window: how much of it is used, and when it begins anew (UTC epoch seconds; None where it does not at one moment).

    `free_at`: when one more fits, of a window that is full. `pace`: the share that would be left now if it were used evenly; None where it
    has no even pace. `reported_at`: when the provider said what is used. `forecast`, `source`: None where nobody looks. `lesson`: what
    refusals and probes taught of its limit, where that is in force.
    """

    window: Window
    used: int
    resets_at: float | None = None
    free_at: float | None = None
    pace: float | None = None
    reported_at: float | None = None
    forecast: Forecast | None = None
    source: LimitSource | None = None
    lesson: Lesson | None = None

    @property
    def left(self) -> int:
        """How much more it allows."""
        return max(0, self.window.limit - self.used)

    @property
    def runs_out_at(self) -> float | None:
        """When nothing is left, where that is foreseen before it begins anew."""
        return self.forecast.at if self.forecast is not None and self.forecast.state == "runs_out" else None

    @property
    def back_at(self) -> float | None:
        """When one more fits, of what is out."""
        return self.free_at or self.resets_at

    @property
    def tone(self) -> str:
        """Of its gauge."""
        return "warn" if self.runs_out_at is not None else ""


class Model(Struct, frozen=True, kw_only=True):
    """A model that the account may name. `is_chosen`: requests that pin none may get it. `windows`: those that bind it alone."""

    facts: ModelFacts
    is_default: bool
    is_chosen: bool
    state: State
    windows: tuple[Left, ...]
    first_byte_ms: float | None
    took_ms: float | None
    ok_share: float | None


class Reading(Struct, frozen=True, kw_only=True):
    """One account now. `shared`: the windows of the whole account and of groups of its models. `overall`: what becomes of it, None where
    none of its windows is limited."""

    state: State = State()
    under_way: int = 0
    shared: tuple[Left, ...] = ()
    models: tuple[Model, ...] = ()
    account: str = ""
    overall: Overall | None = None
    at: float = 0.0
    breaker: Pulse | None = None

    @property
    def took_ms(self) -> float | None:
        """The moving average of the default model, or of the first that was measured."""
        ranked = sorted(self.models, key=lambda model: not model.is_default)
        return next((time for model in ranked if (time := model.took_ms or model.first_byte_ms)), None)

    @property
    def ok_share(self) -> float | None:
        """The share of attempts that went well lately, over the models that were asked."""
        known = [model.ok_share for model in self.models if model.ok_share is not None]
        return sum(known) / len(known) if known else None

    def windows(self, span: Span) -> list[Left]:
        """Those that together say what is left of a span: the account's own, else those of groups and of chosen models."""
        of_span = [left for left in self.shared if left.window.span == span]
        whole = [left for left in of_span if left.window.scope == self.account]
        chosen = (left for model in self.models if model.is_chosen for left in model.windows)
        return whole or [*of_span, *(left for left in chosen if left.window.span == span)]


def read(user_id: int) -> Mapping[str, Reading]:
    """The user's accounts by provider, from a thread of Django's; none where no gateway runs in this process."""
    return async_to_sync(_read)(user_id) if runtime.is_running() else {}


async def _read(user_id: int) -> dict[str, Reading]:
    gateway = runtime.current()
    await gateway.follow_keys()
    catalogue, now = CATALOGUE.value, clock.now()
    offers = {name: list(catalogue.offers_at(user_id, name)) for name in catalogue.providers}
    accounts = {name: _account(catalogue, user_id, name) for name in offers}
    subjects = [*accounts.values(), *(offer.subject for found in offers.values() for offer in found)]
    standings = iter(await gateway.store.view(subjects, now))
    of_accounts = {name: next(standings) for name in accounts}
    outlooks = await of_user(gateway, user_id)
    return {
        name: _reading(
            catalogue.providers[name].models,
            accounts[name],
            of_accounts[name],
            [(offer, next(standings)) for offer in found],
            outlooks.get(name, NO_OUTLOOK),
            now,
        )
        for name, found in offers.items()
    }


def _account(catalogue: Catalogue, user_id: int, provider: str) -> Subject:
    key = credential_key(user_id, provider)
    return Subject(key, key, catalogue.account_windows(user_id, provider))


def _reading(
    facts: Sequence[ModelFacts],
    account: Subject,
    standing: Standing,
    offers: Sequence[tuple[Offer, Standing]],
    outlook: Outlook,
    now: float,
) -> Reading:
    quotas = {quota.window.key: quota for quota in chain(outlook.shared, *outlook.models.values())}
    shared = {left.window.key: left for left in _limited(account, standing, quotas, now)}
    models = []
    for model, (offer, of_model) in zip(facts, offers, strict=False):
        windows = list(_limited(offer.subject, of_model, quotas, now))
        own = tuple(left for left in windows if left.window.scope == offer.subject.candidate)
        shared |= {left.window.key: left for left in windows if left not in own}
        models.append(_model(model, offer, of_model, own, now))
    return Reading(
        state=_state(standing, now),
        under_way=standing.in_flight,
        shared=tuple(shared.values()),
        models=tuple(models),
        account=account.credential,
        overall=overall(outlook),
        at=now,
        breaker=standing.breaker,
    )


def _model(
    facts: ModelFacts, offer: Offer, standing: Standing, windows: tuple[Left, ...], now: float
) -> Model:
    return Model(
        facts=facts,
        is_default=offer.is_default,
        is_chosen=facts.is_chosen,
        state=_state(standing, now),
        windows=windows,
        first_byte_ms=standing.ttfb_ema_ms,
        took_ms=standing.latency_ema_ms,
        ok_share=standing.success_rate,
    )


def _limited(subject: Subject, standing: Standing, quotas: Mapping[str, Quota], now: float) -> Iterator[Left]:
    for window, used in zip(subject.windows, standing.used, strict=True):
        if window.limit:
            quota = quotas.get(window.key)
            yield _left_of(quota, now) if quota else Left(window, used, _resets_at(window, now))


def _left_of(quota: Quota, now: float) -> Left:
    window, reading = quota.window, quota.reading
    return Left(
        window,
        reading.used,
        _resets_at(window, now),
        reading.free_at or None,
        _even_pace(window, now),
        reading.reported_at,
        quota.forecast.rounded(now),
        quota.source,
        reading.lesson if holds(reading.lesson, window) else None,
    )


def _even_pace(window: Window, now: float) -> float | None:
    if window.kind != "fixed" or window.metric == CONCURRENCY or window.period == ONCE:
        return None
    start, end = bounds(window.period, window.zone, now)
    return 1 - (now - start) / (end - start) if end - start >= HOUR_S else None


def _resets_at(window: Window, now: float) -> float | None:
    if window.kind != "fixed" or window.metric == CONCURRENCY or window.period == ONCE:
        return None
    return bounds(window.period, window.zone, now)[1]


def _state(standing: Standing, now: float) -> State:
    wait = max(0.0, standing.blocked_until - now)
    return State(standing.reason if wait else None, standing.detail, round(wait))
