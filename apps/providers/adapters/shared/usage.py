"""Token counts as upstreams state them. Whether they can be true is judged later, for all wires: `apps.providers.plausibility`."""

import math
from typing import Any

from apps.core.json_types import JSONObject
from apps.providers.types import Offer, Usage

from .values import as_dict


def usage_of(payload: JSONObject, offer: Offer) -> Usage | None:
    """Usage of an answer or a frame in OpenAI's dialect, wherever the upstream puts it; None where it says nothing."""
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


def prompt_usage(payload: JSONObject, offer: Offer) -> Usage | None:
    """Usage of an answer that has no tokens of its own: some tell the total alone."""
    usage = as_dict(payload.get("usage"))
    told = usage.get("prompt_tokens") or usage.get("total_tokens")
    return usage_of(payload, offer) if told is None else Usage(as_count(told), 0)


def as_count(*values: Any) -> int:
    """A number of tokens, the sum of `values`: whole and not negative. What is no number counts as 0."""
    return sum(map(_count, values))


def _count(value: Any) -> int:
    if type(value) is float and math.isfinite(value):
        value = int(value)
    return max(value, 0) if type(value) is int else 0
