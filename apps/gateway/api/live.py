"""What the state store knows of one user's accounts, summed up per provider."""

from collections import defaultdict

from asgiref.sync import async_to_sync
from msgspec import Struct

from apps.core import clock
from apps.core.state.contract import Reason, Standing, Subject
from apps.core.state.keys import credential_key, window_key
from apps.gateway import runtime
from apps.gateway.outlook import quotas
from apps.providers.offers import CATALOGUE
from apps.providers.outlook import Outlook
from apps.providers.quotas import ALWAYS_COUNTED
from apps.providers.states import State
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

    def as_state(self) -> State:
        """Without the numbers."""
        return State(self.reason, self.detail, self.blocked_for_s)


def state_store() -> str | None:
    """Where the counters are now; None where no gateway runs in this process."""
    return runtime.current().store.mode if runtime.is_running() else None


def account_states(user_id: int) -> dict[str, State]:
    """The state of each of the user's accounts by provider, from a thread of Django's; none where no gateway runs here."""
    if not runtime.is_running():
        return {}
    return {name: state.as_state() for name, state in async_to_sync(provider_states)(user_id).items()}


def account_outlooks(user_id: int) -> dict[str, Outlook]:
    """The quotas of each of the user's accounts by provider, from a thread of Django's; none where no gateway runs here."""
    if not runtime.is_running():
        return {}
    return async_to_sync(quotas.of_user)(runtime.current(), user_id)


async def model_states(user_id: int, provider: str) -> dict[str, State]:
    """The state of each model that the user may name there, by name; none where the gateway does not run in this process."""
    if not runtime.is_running():
        return {}
    await runtime.current().follow_keys()
    now = clock.now()
    offers = list(CATALOGUE.value.offers_at(user_id, provider))
    standings = await runtime.current().store.view([offer.subject for offer in offers], now)
    return {offer.model: _closed(standing, now) for offer, standing in zip(offers, standings, strict=True)}


def _closed(standing: Standing, now: float) -> State:
    wait = max(0.0, standing.blocked_until - now)
    return State(standing.reason if wait else None, standing.detail, round(wait))


async def provider_states(user_id: int) -> dict[str, ProviderState]:
    """By provider name; zeros for a provider that is not in the running catalogue, or where no gateway runs in this process."""
    states: dict[str, ProviderState] = defaultdict(ProviderState)
    if not runtime.is_running():
        return states
    await runtime.current().follow_keys()
    catalogue = CATALOGUE.value
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
    used = {window.key: count for window, count in zip(account.windows, standing.used, strict=True)}
    this_minute, today, tokens = (
        used.get(window_key(account.credential, span), 0) for span in ALWAYS_COUNTED
    )
    closed = _closed(standing, now)
    return ProviderState(
        this_minute,
        today,
        tokens,
        reason=closed.reason,
        detail=closed.detail,
        blocked_for_s=closed.blocked_for_s,
    )


def _add_latency(state: ProviderState, offer: Offer, standing: Standing) -> None:
    average = standing.latency_ema_ms if standing.latency_ema_ms is not None else standing.ttfb_ema_ms
    if average is not None and state.latency_ema_ms is None:
        state.latency_ema_ms = round(average, 1)
        state.last_latency_ms = standing.last_latency_ms and round(standing.last_latency_ms)
