"""A user's accounts at providers: what the stored credentials come to, ready for the request path."""

from collections.abc import Iterable, Iterator, Mapping

import structlog
from msgspec import Struct

from apps.core.crypto import WrongMasterKeyError, decrypt
from apps.core.state.contract import Window
from apps.core.state.keys import credential_key
from apps.providers import quotas
from apps.providers.facts import ProviderFacts
from apps.providers.models import Credential
from apps.providers.presets import usable_settings
from apps.providers.quotas import LimitsError, Overrides
from apps.providers.types import Secret

log = structlog.get_logger("freeai.providers")

NO_OVERRIDES = Overrides()


class Account(Struct, frozen=True, kw_only=True):
    """One user's usable credential. `windows` are those of the whole account, overrides applied; `settings`
    what the provider's base URL needs. `sealed` is the encrypted secret, which is another after every edit of the key;
    `trusted_since`: when it was stored, or last tested well, UTC epoch seconds.
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


def account_windows(
    facts: ProviderFacts, key: str, overrides: Overrides = NO_OVERRIDES
) -> tuple[Window, ...]:
    """The windows of the whole account whose state key is `key`."""
    models = (limit for model in facts.models for limit in model.limits)
    return quotas.account_windows(key, facts.limits, models, overrides)


def keyless_account(user_id: int, facts: ProviderFacts) -> Account:
    """What stands in for a credential at a provider that needs none."""
    key = credential_key(user_id, facts.name)
    return Account(
        user_id=user_id, provider=facts.name, key=key, secret=Secret(""), windows=account_windows(facts, key)
    )


def usable_accounts(
    credentials: Iterable[Credential], providers: Mapping[str, ProviderFacts]
) -> Iterator[Account]:
    """Those of `credentials` that can be called; one that cannot be read is left out and logged."""
    for credential in credentials:
        facts = providers.get(credential.provider.name)
        if facts is None or not (facts.enabled and credential.enabled):
            continue
        if not credential.encrypted_key and facts.requires_key:
            continue
        if len(usable_settings(facts.preset, credential.settings)) < len(facts.preset.settings):
            continue  # GET /api/me/providers says what is missing
        try:
            yield _account(credential, facts)
        except (WrongMasterKeyError, LimitsError) as error:
            log.error(
                "credential.unusable",
                credential=credential.pk,
                user=credential.user_id,
                provider=facts.name,
                error=type(error).__name__,
            )


def _account(credential: Credential, facts: ProviderFacts) -> Account:
    key = credential_key(credential.user_id, facts.name)
    overrides = Overrides.of(
        quotas.validate_limits(credential.limits),
        {name: getattr(credential, name) for name in quotas.SHORT_FIELDS},
    )
    return Account(
        user_id=credential.user_id,
        provider=facts.name,
        key=key,
        secret=Secret(decrypt(credential.encrypted_key) if credential.encrypted_key else ""),
        sealed=credential.encrypted_key,
        trusted_since=credential.trusted_since.timestamp() if credential.trusted_since else 0.0,
        overrides=overrides,
        windows=account_windows(facts, key, overrides),
        weight=credential.weight,
        default_model=credential.default_model,
        max_retries=credential.max_retries,
        settings=usable_settings(facts.preset, credential.settings),
    )
