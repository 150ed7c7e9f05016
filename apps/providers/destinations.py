"""Where a provider's keys are sent. A stored key is bound to the addresses that it was stored for: who may edit a provider could otherwise
have every user's key sent to a host of their own.

An address is what stands before the path: scheme, host and port. That of a base URL with names in braces is the text with the braces.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from apps.core.json_types import JSONValue
from apps.providers.models import Credential, Provider

ADDRESSES: Final = frozenset({"base_url", "url"})
"""Members of a provider's `wire` that are URLs; those without a scheme are relative to its base URL."""


def destinations(base_url: str, wire: JSONValue) -> frozenset[str]:
    """All addresses that a key is sent to."""
    return frozenset(map(_address, [base_url, *absolute(wire)]))


def destinations_of(provider: Provider) -> frozenset[str]:
    """Those of its row."""
    return destinations(provider.base_url, provider.wire)


def is_elsewhere(credential: Credential) -> bool:
    """Whether there is a key that was stored for other addresses than its provider has now."""
    bound = credential.key_origins
    return bool(
        credential.encrypted_key and bound and not destinations_of(credential.provider).issubset(bound)
    )


def why_elsewhere(provider: Provider) -> str:
    """In words, for the owner of such a key."""
    return (
        f"The address of {provider.display_name or provider.name} was changed since the key was stored, so the key is not sent there."
        " If the new address is right, store the key again."
    )


def follow(provider: Provider, before: frozenset[str]) -> None:
    """The catalogue moved the provider: keys that were stored for where it was before, `before`, are now for where it is. Saves them."""
    now = destinations_of(provider)
    if now <= before:
        return
    for credential in Credential.objects.filter(provider=provider).exclude(encrypted_key=""):
        if before.issubset(credential.key_origins):
            credential.key_origins = sorted(now)
            credential.save(update_fields=["key_origins"])


def absolute(value: JSONValue) -> Iterator[str]:
    """The URLs of a `wire` that are not relative to the base URL."""
    if isinstance(value, list):
        for item in value:
            yield from absolute(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str):
                if name in ADDRESSES and ("://" in item or item.startswith("//")):
                    yield item
            else:
                yield from absolute(item)


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return f"{parts.scheme}://{parts.netloc}".lower()
