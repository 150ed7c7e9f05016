"""The user's accounts as the list of providers shows them: what each is, how it does, what it needs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from apps.console.outlook_words import Said, said
from apps.console.quota_words import Sum, headline, limits_in_words, this_minute
from apps.console.readings import Reading, read
from apps.console.words import length
from apps.core.state.contract import Reason
from apps.providers.destinations import is_elsewhere
from apps.providers.facts import why_trains
from apps.providers.limits import Limit, declared_limits
from apps.providers.models import Credential, Provider, ProviderModel
from apps.providers.probe import SANDBOX_SCHEME
from apps.providers.states import State

Shown = Literal["all", "serving", "need", "without"]
SHOWN: Final[Mapping[Shown, str]] = {
    "all": "All",
    "serving": "Serving",
    "need": "Need you",
    "without": "Without a key",
}


class Pill(Struct, frozen=True):
    """A state as an icon and a word. `urgency`: the least comes first in the list; what needs somebody is 2 or less."""

    tone: str
    icon: str
    word: str
    urgency: int


SERVING: Final = Pill("ok", "check", "Serving", 5)
UNKNOWN: Final = Pill("", "info", "Not known", 6)
A_DAY: Final = ("requests", "day")
OFF: Final = Pill("", "pause", "Disabled", 7)
OUT: Final = Pill("warn", "clock", "Out", 2)
REFUSED: Final[Mapping[Reason, str]] = {
    "quarantine": "Key refused",
    "payment_required": "No credit",
    "unsupported_region": "Wrong region",
    "not_in_plan": "Not in the plan",
    "service_retired": "Ended",
    "address_changed": "Address changed",
    "model_gone": "Model gone",
}
PAUSED: Final[frozenset[Reason]] = frozenset({"breaker", "half_open"})


class Row(Struct, frozen=True):
    """One provider with the user's key there."""

    provider: Provider
    credential: Credential
    reading: Reading | None
    pill: Pill
    today: Sum | None
    minute: Sum | None

    @property
    def name(self) -> str:
        """For people."""
        return self.provider.display_name or self.provider.name

    @property
    def weight(self) -> float:
        """The user's, or the catalogue's."""
        return self.provider.weight if self.credential.weight is None else self.credential.weight

    @property
    def tone(self) -> str:
        """Of the gauge: grey while nothing is asked, amber where it runs out before it begins anew."""
        if self.pill.tone == "ok":
            return "warn" if self.outlook is not None and self.outlook.tone == "warn" else ""
        return "warn" if self.pill is OUT else "idle"

    @property
    def outlook(self) -> Said | None:
        """What becomes of it; None where it is closed or off, and where none of its windows is limited."""
        if self.reading is None or self.pill.tone == "bad" or self.pill is OFF:
            return None
        if self.reading.state.reason not in (None, "quota"):
            return None
        return said(self.reading.overall, self.reading.at)

    @property
    def held(self) -> int:
        """Of the requests that are left: those that attempts under way have taken already."""
        counts = self.today is not None and self.today.span.metric == "requests"
        return self.reading.under_way if self.reading and counts else 0

    @property
    def can_reset(self) -> bool:
        """Whether something closed it that could be forgotten."""
        return self.reading is not None and self.reading.state.reason is not None

    @property
    def took_ms(self) -> float | None:
        """The moving average."""
        return self.reading.took_ms if self.reading else None

    @property
    def first_byte_ms(self) -> float | None:
        """The moving average of the default model, or of the first that was measured."""
        models = sorted(self.reading.models, key=lambda model: not model.is_default) if self.reading else []
        return next((model.first_byte_ms for model in models if model.first_byte_ms), None)

    @property
    def ok_percent(self) -> float | None:
        """Of the attempts of late."""
        share = self.reading.ok_share if self.reading else None
        return None if share is None else 100 * share


class Offered(Struct, frozen=True):
    """A provider without a key of the user's: what one would add."""

    provider: Provider
    limits: str
    trains: str
    takes_money: bool

    @property
    def name(self) -> str:
        """For people."""
        return self.provider.display_name or self.provider.name


class Pool(Struct, frozen=True):
    """All providers, of which some are shown."""

    rows: list[Row]
    offered: list[Offered]
    counts: Mapping[Shown, int]
    shown: Shown


def pool_of(user_id: int, shown: str = "all", words: str = "") -> Pool:
    """The user's pool: two queries, and one round trip of the state store. `words`: of a provider's name or of a model's."""
    credentials = {
        row.provider_id: row for row in Credential.objects.filter(user_id=user_id).select_related("provider")
    }
    readings = read(user_id)
    providers = list(Provider.objects.prefetch_related("models"))
    keyed = [provider for provider in providers if _is_keyed(provider, credentials.get(provider.pk))]
    rows = [row_of(provider, credentials[provider.pk], readings.get(provider.name)) for provider in keyed]
    rows.sort(key=lambda row: (row.pill.urgency, row.name.lower()))
    offered = [
        _offered(provider) for provider in providers if provider not in keyed and _can_be_added(provider)
    ]
    offered.sort(key=lambda one: (one.takes_money, one.name.lower()))
    groups: dict[Shown, list[Row]] = {
        "all": rows,
        "serving": [row for row in rows if row.pill is SERVING],
        "need": [row for row in rows if row.pill.urgency <= OUT.urgency],
        "without": [],
    }
    chosen: Shown = next((name for name in SHOWN if name == shown), "all")
    counts: dict[Shown, int] = {name: len(found) for name, found in groups.items()} | {
        "without": len(offered)
    }
    return Pool(
        [row for row in groups[chosen] if _goes_by(row.provider, words)],
        [one for one in offered if chosen in ("all", "without") and _goes_by(one.provider, words)],
        counts,
        chosen,
    )


def rows_of(user_id: int) -> list[Row]:
    """The user's accounts that have what they need: one query, and one look at the state store."""
    readings = read(user_id)
    credentials = Credential.objects.filter(user_id=user_id).select_related("provider")
    keyed = [row for row in credentials if _is_keyed(row.provider, row)]
    return [row_of(row.provider, row, readings.get(row.provider.name)) for row in keyed]


def offers_without_key(user_id: int) -> list[Offered]:
    """What the user could add: two queries."""
    credentials = {row.provider_id: row for row in Credential.objects.filter(user_id=user_id)}
    rows = Provider.objects.prefetch_related("models")
    return [
        _offered(row) for row in rows if not _is_keyed(row, credentials.get(row.pk)) and _can_be_added(row)
    ]


def row_of(provider: Provider, credential: Credential, reading: Reading | None) -> Row:
    """One account. `reading` None where no gateway runs in this process."""
    today = headline(reading) if reading else None
    return Row(
        provider,
        credential,
        reading,
        _pill(provider, credential, reading, today),
        today,
        this_minute(reading) if reading else None,
    )


def _pill(provider: Provider, credential: Credential, reading: Reading | None, today: Sum | None) -> Pill:
    if provider.ended():
        return Pill("bad", "x", "Ended", 1)
    if not (provider.enabled and credential.enabled):
        return OFF
    if is_elsewhere(credential):
        return closed_pill(State("address_changed"))
    if reading is None:
        return UNKNOWN
    if reading.state.reason is not None:
        return closed_pill(reading.state)
    return OUT if today is not None and not today.left else SERVING


def closed_pill(state: State) -> Pill:
    """Of an account, or a model, that is closed."""
    if state.reason is not None and state.reason in REFUSED:
        return Pill("bad", "x", REFUSED[state.reason], 0)
    wait = length(state.blocked_for_s)
    if state.reason in PAUSED:
        return Pill("warn", "alert", f"Paused {wait}", 1)
    return Pill("warn", "clock", f"Out {wait}", 2)


def _is_keyed(provider: Provider, credential: Credential | None) -> bool:
    return credential is not None and (bool(credential.encrypted_key) or not provider.requires_key)


def _can_be_added(provider: Provider) -> bool:
    """The sandbox serves everybody by itself."""
    return provider.enabled and not provider.ended() and not provider.base_url.startswith(SANDBOX_SCHEME)


def requests_a_day(provider: Provider) -> int:
    """What a key would add, by the catalogue; 0 where that is not known. Where models are limited each, it is the sum over them."""
    declared = [limit for limit in declared_limits(provider.limits) if tuple(limit.span) == A_DAY]
    whole = [limit.limit for limit in declared if not (limit.each or limit.models)]
    if whole:
        return max(whole)
    models = [
        row for row in provider.models.all() if row.enabled and row.vanished_at is None and row.task == "chat"
    ]
    return sum(_of_model(row, declared) for row in models)


def _of_model(row: ProviderModel, declared: Sequence[Limit]) -> int:
    own = [limit.limit for limit in declared_limits(row.limits) if tuple(limit.span) == A_DAY]
    shared = [limit.limit for limit in declared if limit.each and limit.matches(row.name)]
    return next(iter([*own, *shared]), 0)


def _offered(provider: Provider) -> Offered:
    limits = declared_limits(provider.limits)
    trains = why_trains(provider.terms)
    return Offered(
        provider, limits_in_words(limits, provider.default_model), trains, provider.access != "free"
    )


def _goes_by(provider: Provider, words: str) -> bool:
    wanted = words.strip().lower()
    names: Iterable[str] = (
        provider.name,
        provider.display_name,
        *(row.name for row in provider.models.all()),
    )
    return not wanted or any(wanted in name.lower() for name in names)
