"""A user's accounts at providers: what the stored credentials come to, ready for the request path."""

from collections.abc import Iterable, Iterator, Mapping

import structlog
from msgspec import Struct

from apps.core.crypto import WrongMasterKeyError
from apps.core.state.contract import Window
from apps.core.state.keys import Span, credential_key, group_key
from apps.providers import quotas
from apps.providers.destinations import is_elsewhere, why_elsewhere
from apps.providers.evidence import Evidence
from apps.providers.facts import ProviderFacts
from apps.providers.limits import LimitsError
from apps.providers.models import Credential
from apps.providers.overrides import NO_TOLD, SHORT_FIELDS, Overrides, validate_limits
from apps.providers.presets import usable_settings
from apps.providers.sealed_keys import SealedKeys
from apps.providers.types import Secret

log = structlog.get_logger("freeai.providers")

NO_OVERRIDES = Overrides()
SPENDING = Span("money", "month")
PAID_MODELS = "paid models"
LEAST_CAP = 1
"""Micro-dollars: a window of nothing would be one without a limit."""


class Account(Struct, frozen=True, kw_only=True):
    """One user's usable credential. `windows` are those of the whole account, overrides applied; `settings`
    what the provider's base URL needs. `sealed` is the encrypted secret, which is another after every edit of the key;
    `trusted_since`: when it was stored, last tested well, or reset, UTC epoch seconds. `use_paid`: its user lets virtual models spend money
    here, within the window `spending`, which binds paid models alone; never where its cap is nothing. `withheld`: models that
    its list does not show to the key.
    """

    user_id: int
    provider: str
    key: str
    secret: Secret
    sealed: str = ""
    trusted_since: float = 0.0
    overrides: Overrides = Overrides()
    windows: tuple[Window, ...] = ()
    weight: float | None = None
    default_model: str = ""
    max_retries: int | None = None
    settings: Mapping[str, str] = {}
    withheld: frozenset[str] = frozenset()
    use_paid: bool = False
    spending: tuple[Window, ...] = ()


def spending_window(key: str, cap_microusd: int | None) -> tuple[Window, ...]:
    """What the account of state key `key` may spend in a calendar month on what costs money: without a cap, no window."""
    if cap_microusd is None:
        return ()
    return (Window.of(group_key(key, PAID_MODELS), SPENDING, max(cap_microusd, LEAST_CAP)),)


def overrides_of(credential: Credential, evidence: Evidence) -> Overrides:
    """What stands in for the catalogue's numbers with it. Raises LimitsError."""
    return Overrides.of(
        validate_limits(credential.limits),
        {name: getattr(credential, name) for name in SHORT_FIELDS},
        evidence.get(credential.pk, NO_TOLD),
    )


def account_windows(
    facts: ProviderFacts, key: str, overrides: Overrides = NO_OVERRIDES
) -> tuple[Window, ...]:
    """The windows of the whole account whose state key is `key`."""
    return quotas.account_windows(key, facts.scheme, overrides)


def keyless_account(user_id: int, facts: ProviderFacts) -> Account:
    """What stands in for a credential at a provider that needs none."""
    key = credential_key(user_id, facts.name)
    return Account(
        user_id=user_id, provider=facts.name, key=key, secret=Secret(""), windows=account_windows(facts, key)
    )


def usable_accounts(
    credentials: Iterable[Credential],
    providers: Mapping[str, ProviderFacts],
    evidence: Evidence,
    sealed: SealedKeys,
) -> Iterator[Account]:
    """Those of `credentials` that can be called; one that cannot be read is left out and logged."""
    for credential in credentials:
        facts = providers.get(credential.provider.name)
        if facts is None or not (facts.in_use and credential.enabled):
            continue
        if is_elsewhere(credential) or (facts.requires_key and not credential.encrypted_key):
            continue
        if len(usable_settings(facts.preset, credential.settings)) < len(facts.preset.settings):
            continue  # GET /api/me/providers says what is missing
        try:
            yield _account(credential, facts, evidence, sealed)
        except (WrongMasterKeyError, LimitsError) as error:
            log.error(
                "credential.unusable",
                credential=credential.pk,
                user=credential.user_id,
                provider=facts.name,
                error=type(error).__name__,
            )


def why_unused(
    credentials: Iterable[Credential], providers: Mapping[str, ProviderFacts]
) -> dict[int, tuple[str, ...]]:
    """By user, in words, why keys of theirs serve no more: the provider has ended, or has another address than when they were stored."""
    found: dict[int, tuple[str, ...]] = {}
    for credential in credentials:
        facts = providers.get(credential.provider.name)
        if facts is None:
            continue
        why = facts.ended or (why_elsewhere(credential.provider) if is_elsewhere(credential) else "")
        if why:
            found[credential.user_id] = (*found.get(credential.user_id, ()), why)
    return found


def _account(credential: Credential, facts: ProviderFacts, evidence: Evidence, sealed: SealedKeys) -> Account:
    key = credential_key(credential.user_id, facts.name)
    overrides = overrides_of(credential, evidence)
    return Account(
        user_id=credential.user_id,
        provider=facts.name,
        key=key,
        secret=sealed.open(credential.encrypted_key) if credential.encrypted_key else Secret(""),
        sealed=credential.encrypted_key,
        trusted_since=credential.trusted_since.timestamp() if credential.trusted_since else 0.0,
        overrides=overrides,
        windows=account_windows(facts, key, overrides),
        weight=credential.weight,
        default_model=credential.default_model,
        max_retries=credential.max_retries,
        settings=usable_settings(facts.preset, credential.settings),
        withheld=frozenset(credential.withheld),
        use_paid=credential.use_paid and bool(credential.spend_cap_microusd),
        spending=spending_window(key, credential.spend_cap_microusd),
    )
