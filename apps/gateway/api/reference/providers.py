"""Providers, their models and prices, and what users have there, in the OpenAPI document."""

from datetime import date, datetime
from typing import Any, Final

from msgspec import Struct

from apps.core.api import StrictSerializer
from apps.core.json_types import JSONObject
from apps.gateway.api.reference.quotas import Outlook, Quota
from apps.gateway.wire.reference import Operation, Route
from apps.providers.api.local import Search
from apps.providers.api.new_provider import NewProvider
from apps.providers.api.pricing import Price
from apps.providers.api.serializers import CredentialPatch, ProviderPatch
from apps.providers.probe import Outcome


class Health(Struct, kw_only=True):
    """Whether it is asked now; if not, why, for how long, and what to do about it."""

    healthy: bool
    unhealthy_reason: str | None
    unhealthy_for_s: int
    unhealthy_detail: str | None


class Standing(Struct, kw_only=True):
    """What holds of a provider before one signs up, and the limits of its account: null where nobody counts, 0 for unlimited."""

    access: str
    terms: list[JSONObject]
    retired: JSONObject | None
    rpm_limit: int | None
    rpd_limit: int | None
    tpd_limit: int | None
    weight: float
    tags: list[str]
    default_model: str


class LiveStanding(Standing, kw_only=True):
    """The same with its health and its quotas, which are those that models share."""

    healthy: bool
    unhealthy_reason: str | None
    unhealthy_for_s: int
    unhealthy_detail: str | None
    quotas: list[Quota]
    outlook: Outlook | None


class ProviderRow(LiveStanding, kw_only=True):
    """A provider's live state, for the current user."""

    name: str
    enabled: bool
    has_key: bool
    requests_today: int
    requests_this_minute: int
    tokens_today: int
    last_latency_ms: int | None
    latency_ema_ms: float | None
    state_store: str | None
    base_url: str
    found_locally: int | None
    models_read_at: datetime | None
    models_error: str | None


class CredentialRow(LiveStanding, kw_only=True):
    """A user's key and overrides at a provider."""

    provider_name: str
    has_key: bool
    key_preview: str | None
    settings: dict[str, str]
    missing_settings: list[str]
    enabled: bool
    limits: dict[str, dict[str, int | None]]
    max_retries: int | None
    use_paid: bool
    spend_cap_usd: float | None
    models_read_at: str | None
    models_seen: int | None
    models_error: str | None
    account: JSONObject
    account_read_at: str | None
    account_error: str | None


class CatalogueRow(Standing, kw_only=True):
    """What holds where the user overrides nothing."""

    provider_name: str
    display_name: str
    base_url: str
    requires_key: bool
    key_url: str | None
    key_env: list[str]
    settings: list[str]
    limits: list[JSONObject]


class ModelRow(Struct, kw_only=True):
    """A model at a provider. `edited`: columns with an operator's value; `inferred`: nobody told them."""

    name: str
    task: str
    enabled: bool
    offered: bool
    capabilities: list[str]
    context_window: int | None
    max_output_tokens: int | None
    prompt_usd: float | None
    completion_usd: float | None
    access: str
    tags: list[str]
    source: str
    inferred: list[str]
    edited: list[str]
    seen_at: datetime | None
    confirmed_at: datetime | None
    vanished_at: datetime | None
    retires_at: date | None
    state: Health | None
    quotas: list[Quota]


class ReadList(Struct, kw_only=True):
    """What reading a provider's list changed, by the models' names."""

    ok: bool
    error: str | None
    models_seen: int | None
    added: list[str]
    updated: list[str]
    vanished: list[str]
    returned: list[str]
    withheld: list[str]
    kept: list[str]
    passed_over: list[str]
    doubts: list[str]


class LocalServer(Struct):
    """A model server on this machine."""

    name: str
    models: int
    accepted: bool


class PriceRow(Struct):
    """USD per million tokens."""

    provider: str
    model: str
    prompt_usd: float | None
    completion_usd: float | None
    edited: bool


class TagRow(Struct):
    """Who carries it."""

    tag: str
    providers: list[str]


GROQ: Final = "https://api.groq.com/openai/v1"
PRICE: Final[dict[str, Any]] = {
    "provider": "groq",
    "model": "openai/gpt-oss-120b",
    "prompt_usd": 0.15,
    "completion_usd": 0.6,
    "edited": False,
}
OPERATIONS: Final[dict[Route, Operation]] = {
    ("GET", "/api/providers"): Operation(
        summary="Live health and rates of every provider", answer=list[ProviderRow], paged=True
    ),
    ("POST", "/api/providers"): Operation(
        summary="Add a provider that speaks OpenAI's wire",
        body=NewProvider,
        answer=ProviderRow,
        status=201,
        errors=(409,),
        sent={"name": "mine", "base_url": "https://models.example.com/v1", "tags": ["fast"]},
    ),
    ("GET", "/api/providers/{name}"): Operation(summary="One provider", answer=ProviderRow),
    ("PATCH", "/api/providers/{name}"): Operation(
        summary="Change a provider for all", body=ProviderPatch, answer=ProviderRow, sent={"weight": 1.5}
    ),
    ("GET", "/api/providers/{name}/models"): Operation(
        summary="Every model of a provider", answer=list[ModelRow], paged=True
    ),
    ("POST", "/api/providers/{name}/sync"): Operation(
        summary="Read a provider's list now", body=StrictSerializer, answer=ReadList, errors=(429,)
    ),
    ("POST", "/api/providers/{name}/reset"): Operation(
        summary="Ask everybody's accounts of a provider again, whatever closed them",
        body=StrictSerializer,
        answer=ProviderRow,
        sent={},
    ),
    ("POST", "/api/providers/find-local"): Operation(
        summary="Find model servers on this machine, and use one",
        body=Search,
        answer=list[LocalServer],
        sent={"accept": "ollama"},
        example=[{"name": "ollama", "models": 3, "accepted": True}],
    ),
    ("GET", "/api/pricing"): Operation(
        summary="What every model costs", answer=list[PriceRow], paged=True, example=[PRICE]
    ),
    ("GET", "/api/pricing/{provider}/{model}"): Operation(
        summary="What a model costs", answer=PriceRow, example=PRICE
    ),
    ("PUT", "/api/pricing/{provider}/{model}"): Operation(
        summary="Set what a model costs",
        body=Price,
        answer=PriceRow,
        sent={"prompt_usd": 0.2, "completion_usd": None},
        example=PRICE | {"prompt_usd": 0.2, "completion_usd": None, "edited": True},
    ),
    ("DELETE", "/api/pricing/{provider}/{model}"): Operation(
        summary="Give the catalogue's price back", status=204
    ),
    ("GET", "/api/tags"): Operation(
        summary="Every tag",
        answer=list[TagRow],
        paged=True,
        example=[{"tag": "fast", "providers": ["cerebras", "groq"]}],
    ),
}
OWN: Final[dict[Route, Operation]] = {
    ("GET", "/api/me/providers"): Operation(
        summary="One's keys and overrides everywhere", answer=list[CredentialRow], paged=True
    ),
    ("GET", "/api/me/providers/{name}"): Operation(summary="One's key and overrides", answer=CredentialRow),
    ("PATCH", "/api/me/providers/{name}"): Operation(
        summary="Store a key, override limits",
        body=CredentialPatch,
        answer=CredentialRow,
        sent={"api_key": "gsk_…", "rpm_limit": 30, "weight": 1.2},
    ),
    ("DELETE", "/api/me/providers/{name}"): Operation(summary="Forget key and overrides", status=204),
    ("GET", "/api/me/providers/{name}/catalog"): Operation(
        summary="What holds where one overrides nothing", answer=CatalogueRow
    ),
    ("POST", "/api/me/providers/{name}/test"): Operation(
        summary="Does the stored key work?",
        body=StrictSerializer,
        answer=Outcome,
        example={"ok": True, "latency_ms": 120, "models_seen": 14, "error": None},
    ),
    ("POST", "/api/me/providers/{name}/reset"): Operation(
        summary="Ask one's account again, whatever closed it",
        body=StrictSerializer,
        answer=CredentialRow,
        sent={},
    ),
    ("GET", "/api/me/providers/{name}/models"): Operation(
        summary="The models that one's key is shown", answer=list[ModelRow], paged=True
    ),
    ("POST", "/api/me/providers/{name}/sync"): Operation(
        summary="Read the list with one's own key", body=StrictSerializer, answer=ReadList, errors=(429,)
    ),
}
