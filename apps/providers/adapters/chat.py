"""Chat completions on every wire, and what holds on all of them: answers call tools by the names that the client knows."""

from apps.providers.types import ChatChunk, ChatRequest, ChatResult, Offer

from . import codecs
from .contract import ChatCodec, ChatStream
from .shared.names import fitter, restore

CODECS: dict[str, ChatCodec] = codecs(lambda wire: wire.chat)


def codec_for(offer: Offer) -> ChatCodec:
    """The codec of the offer's wire."""
    return CODECS[offer.preset.wire]


def parse(body: bytes, request: ChatRequest, offer: Offer) -> ChatResult:
    """The whole answer to `request`. Raises UpstreamError as the codec's `parse`."""
    result = codec_for(offer).parse(body, offer)
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

    def feed(self, data: bytes) -> list[ChatChunk]:
        return self._restored(self._stream.feed(data))

    def finish(self) -> list[ChatChunk]:
        return self._restored(self._stream.finish())

    def _restored(self, chunks: list[ChatChunk]) -> list[ChatChunk]:
        for chunk in chunks:
            restore(chunk, self._names)
        return chunks
