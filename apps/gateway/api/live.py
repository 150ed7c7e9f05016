"""What the state store knows of one user's accounts, summed up per provider."""

from collections import defaultdict

from msgspec import Struct

from apps.core import clock
from apps.core.state.contract import Reason, Standing, Subject
from apps.core.state.keys import credential_key
from apps.gateway import runtime
from apps.providers.offers import CATALOGUE
from apps.providers.quotas import ALWAYS_COUNTED
from apps.providers.types import Offer


class ProviderState(Struct):
    """Counters of the account; latency of the default model, or of whichever was measured; why and how long it is
    closed, and what to do about it."""

    requests_this_minute: int = 0
    requests_today: int = 0
    tokens_today: int = 0
    latency_ema_ms: float | None = None
    last_latency_ms: float | None = None
    reason: Reason | None = None
    detail: str = ""
    blocked_for_s: int = 0


async def provider_states(user_id: int) -> dict[str, ProviderState]:
    """By provider name, for every provider; zeros where nothing was counted or the gateway does not run in this process."""
    catalogue = CATALOGUE.value
    states: dict[str, ProviderState] = defaultdict(ProviderState)
    for name in catalogue.providers:
        states[name] = ProviderState()
    if not runtime.is_running():
        return states
    await runtime.current().follow_keys()
    now = clock.now()
    store = runtime.current().store
    names = list(catalogue.providers)
    accounts = [_account(user_id, name) for name in names]
    for name, account, standing in zip(names, accounts, await store.view(accounts, now), strict=True):
        states[name] = _state(account, standing, now)
    offers = sorted(catalogue.offers_for(user_id), key=lambda offer: not offer.is_default)
    standings = await store.view([offer.subject for offer in offers], now)
    for offer, standing in zip(offers, standings, strict=True):
        _add_latency(states[offer.provider], offer, standing)
    return states


def _account(user_id: int, provider: str) -> Subject:
    key = credential_key(user_id, provider)
    return Subject(key, key, CATALOGUE.value.account_windows(user_id, provider))


def _state(account: Subject, standing: Standing, now: float) -> ProviderState:
    used = {window.span: count for window, count in zip(account.windows, standing.used, strict=True)}
    this_minute, today, tokens = (used.get(span, 0) for span in ALWAYS_COUNTED)
    blocked = max(0.0, standing.blocked_until - now)
    return ProviderState(
        this_minute,
        today,
        tokens,
        reason=standing.reason if blocked else None,
        detail=standing.detail,
        blocked_for_s=round(blocked),
    )


def _add_latency(state: ProviderState, offer: Offer, standing: Standing) -> None:
    average = standing.latency_ema_ms if standing.latency_ema_ms is not None else standing.ttfb_ema_ms
    if average is not None and state.latency_ema_ms is None:
        state.latency_ema_ms = round(average, 1)
        state.last_latency_ms = standing.last_latency_ms and round(standing.last_latency_ms)
