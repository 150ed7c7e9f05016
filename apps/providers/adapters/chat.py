"""Chat completions on every wire, and what holds on all of them: answers call tools by the names that the client knows."""

import re

from apps.providers.sse import BOM
from apps.providers.types import ChatChunk, ChatRequest, ChatResult, Offer

from . import codecs
from .contract import ChatCodec, ChatStream
from .shared.joining import join_chunks
from .shared.names import fitter, restore

CODECS: dict[str, ChatCodec] = codecs(lambda wire: wire.chat)
EVENTS = re.compile(rb"\s*(?:data|event|id|retry)?\s*:", re.IGNORECASE)


def codec_for(offer: Offer) -> ChatCodec:
    """The codec of the offer's wire."""
    return CODECS[offer.preset.wire]


def parse(body: bytes, request: ChatRequest, offer: Offer) -> ChatResult:
    """The whole answer to `request`, also where it came as the events of a stream that nobody asked for. Raises UpstreamError: what
    the codec's `parse` and its streams raise."""
    codec = codec_for(offer)
    if EVENTS.match(body[:64].removeprefix(BOM)):
        stream = codec.open_stream(offer)
        result = join_chunks([*stream.feed(body), *stream.finish()])
    else:
        result = codec.parse(body, offer)
    if renamed := _renamed(request, offer):
        restore(result, renamed)
    return result


def open_stream(request: ChatRequest, offer: Offer) -> ChatStream:
    """A reader of the streamed answer to `request`."""
    stream = codec_for(offer).open_stream(offer)
    renamed = _renamed(request, offer)
    return _Renamed(stream, renamed) if renamed else stream


def _renamed(request: ChatRequest, offer: Offer) -> dict[str, str]:
    """Names of tools as this upstream was told them -> the client's, where they differ."""
    if "tools" not in request.needs:
        return {}
    return fitter(codec_for(offer).tool_names or offer.preset.tool_names).originals(request.body)


class _Renamed:
    """A stream whose tool calls get the client's names back."""

    def __init__(self, stream: ChatStream, names: dict[str, str]) -> None:
        self._stream = stream
        self._names = names

    @property
    def done(self) -> bool:
        return self._stream.done

    @property
    def finished(self) -> int:
        return self._stream.finished

    @property
    def skipped(self) -> int:
        return self._stream.skipped

    def feed(self, data: bytes) -> list[ChatChunk]:
        return self._restored(self._stream.feed(data))

    def finish(self) -> list[ChatChunk]:
        return self._restored(self._stream.finish())

    def break_off(self) -> list[ChatChunk]:
        return self._restored(self._stream.break_off())

    def _restored(self, chunks: list[ChatChunk]) -> list[ChatChunk]:
        for chunk in chunks:
            restore(chunk, self._names)
        return chunks
