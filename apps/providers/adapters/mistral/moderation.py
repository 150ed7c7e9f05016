"""Mistral's POST /moderations: categories of its own, and no word on whether an input is flagged (Mistral API reference, 2026-11)."""

from typing import Final

from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.posts import json_post
from apps.providers.adapters.shared.usage import prompt_usage
from apps.providers.adapters.shared.verdicts import read_verdicts
from apps.providers.demands.moderation import Moderation, ModerationRequest
from apps.providers.types import Offer, UpstreamRequest

# Advice on health, money and law, and personal data, are no harm in themselves: they flag nothing.
WORDS: Final = {
    "sexual": "sexual",
    "hate_and_discrimination": "hate",
    "violence_and_threats": "violence",
    "selfharm": "self-harm",
    "dangerous_and_criminal_content": "illicit",
    "dangerous": "illicit",
    "criminal": "illicit",
}


def build(request: ModerationRequest, offer: Offer) -> UpstreamRequest:
    payload = {"model": offer.model, "input": request.inputs}
    return json_post(offer, offer.preset.moderation.base_url, "moderations", payload)


def parse(body: bytes, request: ModerationRequest, offer: Offer) -> Moderation:
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    return Moderation(
        verdicts=read_verdicts(payload.get("results"), len(request.inputs), WORDS),
        usage=prompt_usage(payload, offer),
    )


def sends(name: str) -> bool:
    return False


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
