"""Moderation on every wire; refusals are classified by the provider's own."""

from msgspec.structs import replace

from apps.providers.adapters import codecs
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.shared.posts import unsent
from apps.providers.demands.moderation import Moderation, ModerationRequest
from apps.providers.types import Offer

CODECS: dict[str, TaskCodec[ModerationRequest, Moderation]] = codecs(lambda wire: wire.moderation)


def codec_for(offer: Offer) -> TaskCodec[ModerationRequest, Moderation]:
    """The codec of the offer's moderation wire."""
    return CODECS[offer.preset.moderation.wire]


def dropped(request: ModerationRequest, offer: Offer) -> tuple[str, ...]:
    """Fields of the request that do not reach the upstream."""
    return unsent(request.extra, offer.preset.moderation.drops, codec_for(offer).sends)


def split(request: ModerationRequest, offer: Offer) -> list[ModerationRequest]:
    """The request in parts that the upstream takes, in the order of the inputs: a chat judges one at a time."""
    size = 1 if codec_for(offer).by_chat else offer.preset.moderation.batch
    starts = range(0, len(request.inputs), size)
    return [
        replace(request, inputs=request.inputs[at : at + size], tokens=request.tokens[at : at + size])
        for at in starts
    ]
