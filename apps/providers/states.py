"""What is wrong with an account, for people: why nothing of it is asked now, for how long, and what to do about it.

Blocks live in the gateway's state store, which this app does not know: who runs it says here where to ask (`told_by`). What the catalogue
knows to have ended is told without it.
"""

from collections.abc import Callable, Mapping

from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.core.state.contract import Reason
from apps.providers.destinations import is_elsewhere, why_elsewhere
from apps.providers.models import Credential, Provider

MOST_ACCOUNTS = 50
DAY_S, HOUR_S, MINUTE_S = 86_400, 3_600, 60


class State(Struct, frozen=True):
    """`reason` None: it may be asked. Then `detail` still says what it was closed for, until an answer has proved that over."""

    reason: Reason | None = None
    detail: str = ""
    blocked_for_s: int = 0


Told = Callable[[int], Mapping[str, State]]
"""The accounts of a user, by provider."""


def _nobody(_user_id: int) -> Mapping[str, State]:
    """No gateway runs in this process."""
    return {}


_told: Told = _nobody


def told_by(source: Told) -> None:
    """Ask `source` from now on. It may block for as long as the state store takes."""
    global _told
    _told = source


def states_of(user_id: int) -> Mapping[str, State]:
    """The user's accounts by provider; none where no gateway runs in this process."""
    return _told(user_id)


def state_of(provider: Provider, credential: Credential | None, live: State | None) -> State:
    """What holds of an account at `provider`, of which the state store knows `live`: a service that ended needs no call to find out, nor
    does a key that was stored for another address."""
    if ended := provider.ended():
        return State("service_retired", ended)
    if credential is not None and is_elsewhere(credential):
        return State("address_changed", why_elsewhere(provider))
    return live or State()


def as_json(provider: Provider, credential: Credential | None, live: State | None) -> JSONObject:
    """The members of a row of `/api/providers` and `/api/me/providers`."""
    return state_as_json(state_of(provider, credential, live))


def state_as_json(state: State) -> JSONObject:
    """Whether it may be asked; if not, why, for how long, and what to do about it."""
    return {
        "healthy": state.reason is None,
        "unhealthy_reason": state.reason,
        "unhealthy_for_s": state.blocked_for_s,
        "unhealthy_detail": state.detail or None,
    }


def words(state: State) -> str:
    """One line for people."""
    if state.reason is None:
        return f"To be tried again: {state.detail}" if state.detail else "In use."
    wait = f" for another {_length(state.blocked_for_s)}" if state.blocked_for_s else ""
    return f"Closed{wait} ({state.reason}). {state.detail}".strip()


def _length(seconds: int) -> str:
    for name, length in (("days", DAY_S), ("hours", HOUR_S), ("minutes", MINUTE_S)):
        if seconds >= 2 * length:
            return f"{seconds // length} {name}"
    return f"{seconds} seconds"


def credential_words(credential: Credential) -> str:
    """For the admin's page of a credential."""
    provider = credential.provider
    return words(state_of(provider, credential, states_of(credential.user_id).get(provider.name)))


def provider_words(provider: Provider) -> SafeString | str:
    """For the admin's page of a provider: every account, up to a number that fits a page."""
    if provider.ended():
        return words(state_of(provider, None, None))
    accounts = provider.credentials.exclude(encrypted_key="").select_related("user", "provider")[
        :MOST_ACCOUNTS
    ]
    lines = [
        (str(account.user), words(state_of(provider, account, states_of(account.user_id).get(provider.name))))
        for account in accounts
    ]
    return format_html_join("", "<div>{}: {}</div>", lines) or "Nobody has a key."
