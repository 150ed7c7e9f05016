"""Usage as OpenAI's dialect states it."""

from apps.core.json_types import JSONObject
from apps.providers.types import Offer, Usage

from .values import as_count, as_dict


def usage_of(payload: JSONObject, offer: Offer) -> Usage | None:
    """Usage of an answer or a frame, wherever the upstream puts it; None where it says nothing."""
    usage = payload.get("usage") or as_dict(payload.get(offer.preset.annex)).get("usage")
    if not isinstance(usage, dict) or (
        usage.get("prompt_tokens") is None and usage.get("completion_tokens") is None
    ):
        return None
    return Usage(
        prompt_tokens=as_count(usage.get("prompt_tokens")),
        completion_tokens=as_count(usage.get("completion_tokens")),
        cached_tokens=as_count(as_dict(usage.get("prompt_tokens_details")).get("cached_tokens")),
        reasoning_tokens=as_count(as_dict(usage.get("completion_tokens_details")).get("reasoning_tokens")),
    )
