"""A provider's models, and what came of reading its list, on the wire of `/api`."""

from typing import Final

from rest_framework.exceptions import Throttled, ValidationError

from apps.core.json_types import JSONObject
from apps.providers.facts import is_gone
from apps.providers.listing import sync
from apps.providers.listing.comparing import is_edited
from apps.providers.listing.memory import MINUTE, remembered
from apps.providers.listing.wanting import DEFAULTS
from apps.providers.models import Credential, Provider, ProviderModel

USD: Final = 1_000_000


def model_row(row: ProviderModel, provider: Provider, state: JSONObject | None) -> JSONObject:
    """`source`: who said that there is such a model. `edited`: columns in which an operator's value stands. `offered`: whether requests
    that do not pin it may get it, as far as the catalogue goes."""
    return {
        "name": row.name,
        "task": row.task,
        "enabled": row.enabled,
        "offered": row.enabled and row.is_known() and not is_gone(row),
        "capabilities": row.capabilities,
        "context_window": row.context_window or None,
        "max_output_tokens": row.max_output_tokens,
        "prompt_usd": usd(row.prompt_microusd),
        "completion_usd": usd(row.completion_microusd),
        "access": row.access or provider.access,
        "tags": row.tags,
        "source": "catalogue" if row.shipped else "list" if row.listed else "operator",
        "inferred": row.inferred,
        "edited": edited_columns(row),
        "seen_at": row.seen_at,
        "confirmed_at": row.confirmed_at,
        "vanished_at": row.vanished_at,
        "retires_at": row.retires_at,
        "state": state,
    }


def edited_columns(row: ProviderModel) -> list[str]:
    """Those in which neither the catalogue's nor the list's word stands; none of a model that is an operator's own."""
    if not (row.shipped or row.listed):
        return []
    return [column for column in DEFAULTS if is_edited(row, column)]


def told_row(credential: Credential) -> JSONObject:
    """What the provider told to this key: of its models and of the account."""
    listed, account = remembered(credential, "list"), remembered(credential, "account")
    return {
        "models_read_at": listed.get("read_at"),
        "models_seen": listed.get("models"),
        "models_error": listed.get("error") or None,
        "account": account.get("facts") or {},
        "account_read_at": account.get("read_at"),
        "account_error": account.get("error") or None,
    }


def read_now(credential: Credential | None) -> JSONObject:
    """Read the list with the credential's key. Raises ValidationError without one that can be used, and Throttled within a minute."""
    if credential is None:
        raise ValidationError({"api_key": ["No key is stored that could read this provider's list."]})
    if not sync.claim(credential, sync.now_utc()):
        raise Throttled(wait=MINUTE.total_seconds())
    outcome = sync.read_list(credential)
    return {
        "ok": not outcome.error,
        "error": outcome.error or None,
        "models_seen": outcome.models_seen,
        **outcome.summary.as_json(),
    }


def usable_credential(provider: Provider, user_id: int) -> Credential | None:
    """The user's own for this provider, if its list is read at all."""
    return next((row for row in _in_use(provider) if row.user_id == user_id), None)


def any_credential(provider: Provider, user_id: int) -> Credential | None:
    """The user's own, else the one of the provider whose turn is next."""
    return usable_credential(provider, user_id) or next(iter(_in_use(provider)), None)


def _in_use(provider: Provider) -> list[Credential]:
    return [row for row in sync.in_use() if row.provider_id == provider.pk]


def usd(microusd: int | None) -> float | None:
    """USD per million tokens."""
    return None if microusd is None else microusd / USD
