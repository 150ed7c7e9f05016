"""JSON calls of the tasks beside chat, and which fields of a request they carry."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from apps.core.json_types import JSONObject
from apps.providers.adapters.shared.headers import bearer_headers
from apps.providers.adapters.shared.payloads import encoded
from apps.providers.adapters.shared.urls import resolve_base
from apps.providers.types import Offer, UpstreamRequest


def json_post(
    offer: Offer, base_url: str, path: str, payload: Any, headers: dict[str, str] | None = None
) -> UpstreamRequest:
    """POST `payload` to `path` below the task's `base_url`, which is relative to the provider's. Raises UpstreamError(REFUSED) for what no
    JSON can say."""
    return UpstreamRequest(
        url=f"{resolve_base(offer.base_url, base_url)}/{path}",
        headers=bearer_headers(offer) if headers is None else headers,
        body=encoded(payload),
    )


def fitted(fields: JSONObject, renames: Mapping[str, str], drops: Collection[str]) -> JSONObject:
    """`fields` by the upstream's names, without those that are None or that it does not take."""
    return {
        renames.get(name, name): value
        for name, value in fields.items()
        if name not in drops and value is not None
    }


def unsent(extra: JSONObject, drops: Collection[str], sends: Callable[[str], bool]) -> tuple[str, ...]:
    """The further fields of a request that do not reach the upstream."""
    return tuple(
        name for name, value in extra.items() if value is not None and (name in drops or not sends(name))
    )
