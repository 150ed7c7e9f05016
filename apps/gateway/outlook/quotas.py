"""The quotas of accounts as they are now: what binds them by the catalogue, what is used by the state store, how fast by the book."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final
from weakref import WeakKeyDictionary

from msgspec import Struct
from msgspec.structs import replace

from apps.core import clock
from apps.core.state.contract import Reading, Window
from apps.core.state.keys import part_of
from apps.core.state.lesson import holds
from apps.gateway.runtime import Runtime
from apps.providers.accounts import Account
from apps.providers.facts import ProviderFacts
from apps.providers.forecast import forecast
from apps.providers.offers import CATALOGUE, Catalogue
from apps.providers.outlook import Outlook, Quota
from apps.providers.overrides import LimitSource
from apps.providers.quotas import source_of
from apps.providers.tasks import TASKS

SLICE: Final = 200
"""Windows that are read, and SLICE_OF_OFFERS offers that are made, between two turns of the event loop: 1 to 2 ms."""
SLICE_OF_OFFERS: Final = 50


class Bound(Struct, frozen=True):
    """An account, and the limited windows that bind it and each of its models."""

    account: Account
    facts: ProviderFacts
    own: tuple[Window, ...]
    models: Mapping[str, tuple[Window, ...]]

    def windows(self) -> dict[str, Window]:
        """All of them, by key."""
        return {window.key: window for window in chain(self.own, *self.models.values())}

    def source(self, window: Window, model: str) -> LimitSource:
        """Who says how much it allows, a window of the account or one that binds `model`."""
        if window in self.account.spending:
            return "override"
        limits = next((known.limits for known in self.facts.models if known.name == model), ())
        return source_of(window, model, limits, self.facts.scheme, self.account.overrides)


_BOUND: WeakKeyDictionary[Catalogue, dict[str, Bound]] = WeakKeyDictionary()
"""By an account's state key: what binds it stays as long as the catalogue, and making an offer of every model is dear."""


async def of_user(runtime: Runtime, user_id: int) -> dict[str, Outlook]:
    """By provider, the outlook of each account of the user. Their windows are read together."""
    catalogue = CATALOGUE.value
    bound = [await bound_at(catalogue, account) for account in catalogue.accounts(user_id)]
    windows = {key: window for each in bound for key, window in each.windows().items()}
    readings = {window.key: reading async for window, reading, _ in read(runtime, windows.values())}
    return {each.facts.name: outlook(runtime, catalogue, each, readings) for each in bound}


async def bound_at(catalogue: Catalogue, account: Account) -> Bound:
    """What binds the models that `account` may name."""
    known = _BOUND.setdefault(catalogue, {})
    if (found := known.get(account.key)) is not None:
        return found
    models: dict[str, tuple[Window, ...]] = {}
    offers = catalogue.offers_at(account.user_id, account.provider)
    while some := list(islice(offers, SLICE_OF_OFFERS)):
        for offer in some:
            models[offer.model] = tuple(
                window for window in _limited(offer.subject.windows) if window not in account.windows
            )
        await asyncio.sleep(0)
    facts = catalogue.providers[account.provider]
    own = tuple(_limited(account.windows))
    known[account.key] = bound = Bound(account, facts, own, models)
    return bound


async def read(runtime: Runtime, windows: Iterable[Window]) -> AsyncIterator[tuple[Window, Reading, float]]:
    """Each window as it is, and when it was so (UTC epoch seconds). Others get their turn in between."""
    remaining = iter(windows)
    while some := list(islice(remaining, SLICE)):
        now = clock.now()
        for window, reading in zip(some, await runtime.store.read(some, now), strict=True):
            yield window, reading, now
        await asyncio.sleep(0)


def outlook(
    runtime: Runtime,
    catalogue: Catalogue,
    bound: Bound,
    readings: Mapping[str, Reading],
    *,
    counts: Callable[[Window], bool] = lambda _: True,
) -> Outlook:
    """Of the windows that count; `readings` by key, of all of those."""
    now = clock.now()
    made: dict[str, Quota] = {}

    def quotas(windows: Sequence[Window], model: str = "") -> tuple[Quota, ...]:
        for window in windows:
            if window.key not in made and counts(window):
                reading = readings[window.key]
                pace, source = runtime.pace.pace(window, now), bound.source(window, model)
                if holds(reading.lesson, window):
                    window, source = replace(window, limit=reading.lesson.limit_of(window)), "learnt"
                told = forecast(window, reading, pace, now)
                made[window.key] = Quota(window=window, reading=reading, forecast=told, source=source)
        return tuple(made[window.key] for window in windows if window.key in made)

    shared = quotas(bound.own)
    binding = {model: quotas(windows, model) for model, windows in bound.models.items()}
    serving = _serving(catalogue, bound.account)
    groups = {quota.window.key: quota for each in binding.values() for quota in each if not _is_models(quota)}
    return Outlook(
        shared=(*shared, *groups.values()),
        models={model: tuple(filter(_is_models, each)) for model, each in binding.items()},
        serving={model: each for model, each in binding.items() if model in serving},
    )


def _limited(windows: Iterable[Window]) -> Iterator[Window]:
    return (window for window in windows if window.limit)


def _serving(catalogue: Catalogue, account: Account) -> frozenset[str]:
    """For the first task that anything there serves, which is chat nearly everywhere: another task's models serve nobody instead."""
    return next(
        filter(None, (catalogue.models_of(account.user_id, account.provider, task) for task in TASKS)),
        frozenset(),
    )


def _is_models(quota: Quota) -> bool:
    return part_of(quota.window.scope).kind == "model"
