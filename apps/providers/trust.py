"""Which accounts are trusted anew: what closed them before counts no more.

It is a time in the row of a credential, or of a provider for all accounts there, so that every process learns of it with the snapshot, one
that does not run yet at its start.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from apps.core import clock
from apps.core.state.keys import provider_key
from apps.providers.models import Credential, Provider
from apps.providers.offers import Catalogue


def reset_account(credential: Credential) -> None:
    """Let the account be asked again, whatever closed it or a model of it: in every process, by the next snapshot."""
    credential.trusted_since = _now()
    credential.save(update_fields=["trusted_since", "updated_at"])


def reset_provider(provider: Provider) -> None:
    """The same for everybody's account there, those included for which no credential is stored."""
    provider.reset_at = _now()
    provider.save(update_fields=["reset_at", "updated_at"])


def trusted_anew(catalogue: Catalogue, previous: Catalogue) -> Iterator[str]:
    """State keys of providers that were reset since `previous`; of credentials that are new since then, that were reset, whose key or
    settings were edited, whose key was tested well, or that reach another address: their quarantine is over.

    Storing the same key again counts: its owner may have made it valid meanwhile.
    """
    for facts in catalogue.providers.values():
        before = previous.providers.get(facts.name)
        if before is not None and before.reset_at != facts.reset_at:
            yield provider_key(facts.name)
    for account in catalogue.accounts():
        old = previous.account(account.user_id, account.provider)
        if (
            old is None
            or (old.sealed, old.settings, old.trusted_since)
            != (account.sealed, account.settings, account.trusted_since)
            or catalogue.providers[account.provider].base_url != previous.providers[account.provider].base_url
        ):
            yield account.key


def trusted_since(catalogue: Catalogue) -> Iterator[tuple[str, float]]:
    """The state key of each provider and credential, and the time before which nothing counts that closed it."""
    for facts in catalogue.providers.values():
        if facts.reset_at:
            yield provider_key(facts.name), facts.reset_at
    for account in catalogue.accounts():
        yield account.key, account.trusted_since


def _now() -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)
