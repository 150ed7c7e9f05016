"""The contract of a wire: for each endpoint a codec, and what all its calls have in common. Adapters are pure: bytes and types in, bytes
and types out; no I/O, no clock, no Django.

A new endpoint is a record here, a field of `Wire`, and one codec file in each wire that has it."""

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from apps.providers.demands.embedding import EmbeddingRequest, EmbeddingResult
from apps.providers.demands.image import ImageRequest, Pictures
from apps.providers.demands.moderation import Moderation, ModerationRequest
from apps.providers.demands.rerank import Reranked, RerankRequest
from apps.providers.demands.speech import Speech, SpeechRequest
from apps.providers.demands.transcription import Transcript, TranscriptionRequest
from apps.providers.errors import UpstreamError
from apps.providers.tasks import TaskAnswer, TaskRequest
from apps.providers.types import ChatChunk, ChatRequest, ChatResult, Offer, UpstreamRequest
from apps.providers.wires import ToolNames

from .refusals.answers import parse_error
from .shared.headers import bearer_headers
from .shared.vectors import Batch


class ChatStream(Protocol):
    """Reads one streamed answer. Stateful; made new for each attempt.

    `done`: the answer is complete, whatever else the body may hold. `finished`: how many choices have ended, 0 while one is open: an answer
    to so many is complete, though more about it may follow. `skipped`: frames left out because nobody could read them.
    """

    @property
    def done(self) -> bool: ...
    @property
    def finished(self) -> int: ...
    @property
    def skipped(self) -> int: ...

    def feed(self, data: bytes) -> list[ChatChunk]:
        """The chunks that `data` completes, whatever its split. Raises UpstreamError: parsing (5 malformed frames in a row),
        server_error (an error frame), …"""
        ...

    def finish(self) -> list[ChatChunk]:
        """What is left at the end of the body. Raises UpstreamError(NETWORK) when the answer was cut short."""
        ...

    def break_off(self) -> list[ChatChunk]:
        """The same for a body that has no end, behind an answer that is `finished`."""
        ...


class ChatCodec(Struct, frozen=True, kw_only=True):
    """Chat completions on one wire.

    `build`: the upstream call; raises UpstreamError(REFUSED) when the wire cannot say the request.
    `parse`: a whole 200 answer; raises UpstreamError: parsing, server_error (a 200 that wraps an error). Content is not judged here:
    `apps.providers.verdict` finds empty and filtered answers for all wires.
    `dropped`: names of the request's fields that do not reach the upstream, in the request's order. A name may be the client's own and
    hold anything: what shows it, bounds and masks it. `tool_names`: what tools may be called on this wire; None where that is the preset's.
    """

    build: Callable[[ChatRequest, Offer], UpstreamRequest]
    parse: Callable[[bytes, Offer], ChatResult]
    open_stream: Callable[[Offer], ChatStream]
    dropped: Callable[[ChatRequest, Offer], tuple[str, ...]]
    tool_names: ToolNames | None = None


class EmbeddingCodec(Struct, frozen=True, kw_only=True):
    """Embeddings on one wire.

    `build`: the upstream call for a batch of the request's inputs. `parse`: the vectors of a 200 answer to so many inputs; raises
    UpstreamError: PARSING unless there is one for each, and what a wrapped error is classified as. `sends`: whether the wire has a
    place for the request's further field of this name.
    """

    build: Callable[[EmbeddingRequest, Batch, Offer], UpstreamRequest]
    parse: Callable[[bytes, int, Offer], EmbeddingResult]
    sends: Callable[[str], bool]


class TranscriptionCodec(Struct, frozen=True, kw_only=True):
    """Transcriptions on one wire.

    `build`: the upstream call. `parse`: a 200 answer; raises UpstreamError: PARSING, and what a wrapped error is classified as. Silence
    is an answer: text "". `sends`: whether the wire has a place for the form field of this name, in this request. `by_chat`: there is no
    endpoint for it; chat models that hear are asked. `translates`: whether it can ask for English, whatever is spoken.
    """

    build: Callable[[TranscriptionRequest, Offer], UpstreamRequest]
    parse: Callable[[bytes, Offer], Transcript]
    sends: Callable[[str, TranscriptionRequest], bool]
    by_chat: bool = False
    translates: bool = False


R = TypeVar("R", bound=TaskRequest)
A = TypeVar("A", bound=TaskAnswer)


class TaskCodec(Struct, Generic[R, A], frozen=True, kw_only=True):
    """A task on one wire whose requests are JSON and one call each.

    `build`: the upstream call; raises UpstreamError(REFUSED) when the wire cannot say the request. `parse`: a 200 answer to the request;
    raises UpstreamError: PARSING, and what a wrapped error is classified as. `sends`: whether the wire has a place for the request's
    further field of this name. `by_chat`: there is no endpoint for it; chat models are asked.
    """

    build: Callable[[R, Offer], UpstreamRequest]
    parse: Callable[[bytes, R, Offer], A]
    sends: Callable[[str], bool]
    by_chat: bool = False


class Wire(Struct, frozen=True, kw_only=True):
    """One wire: a codec for each endpoint of which it has a form of its own.

    `headers`: those of every call, with the offer's key; a new dict each time. `parse_error`: classifies an answer that is not 2xx
    (status, headers with lower-case names, body, offer) by documented codes and statuses, never by text where a code exists.
    `inline_images`: images are taken as data: URIs only; `image_fetch.prepare` puts them in before `build`.
    """

    headers: Callable[[Offer], dict[str, str]] = bearer_headers
    parse_error: Callable[[int, Mapping[str, str], bytes, Offer], UpstreamError] = parse_error
    chat: ChatCodec | None = None
    embeddings: EmbeddingCodec | None = None
    transcription: TranscriptionCodec | None = None
    speech: TaskCodec[SpeechRequest, Speech] | None = None
    rerank: TaskCodec[RerankRequest, Reranked] | None = None
    images: TaskCodec[ImageRequest, Pictures] | None = None
    moderation: TaskCodec[ModerationRequest, Moderation] | None = None
    inline_images: bool = False
