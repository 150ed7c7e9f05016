"""Chat completions on every wire."""

from apps.providers.types import Offer

from . import codecs
from .contract import ChatCodec

CODECS: dict[str, ChatCodec] = codecs(lambda wire: wire.chat)


def codec_for(offer: Offer) -> ChatCodec:
    """The codec of the offer's wire."""
    return CODECS[offer.preset.wire]
