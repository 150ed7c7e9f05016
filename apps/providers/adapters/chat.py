"""Chat completions on every wire."""

from apps.providers.sse import BOM
from apps.providers.types import ChatResult, Offer

from . import codecs
from .contract import ChatCodec
from .shared.joining import join_chunks

CODECS: dict[str, ChatCodec] = codecs(lambda wire: wire.chat)
EVENTS = (b"data:", b"event:", b"id:", b"retry:", b":")


def codec_for(offer: Offer) -> ChatCodec:
    """The codec of the offer's wire."""
    return CODECS[offer.preset.wire]


def parse(body: bytes, offer: Offer) -> ChatResult:
    """The whole answer in `body`, also where it came as the events of a stream that nobody asked for. Raises UpstreamError: what the
    codec's `parse` and its streams raise."""
    codec = codec_for(offer)
    if not body[:64].removeprefix(BOM).lstrip().startswith(EVENTS):
        return codec.parse(body, offer)
    stream = codec.open_stream(offer)
    return join_chunks([*stream.feed(body), *stream.finish()])
