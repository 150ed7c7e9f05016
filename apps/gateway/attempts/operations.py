"""What the attempt loop needs to know of an endpoint: what to reserve, what to send, and what of the answer to wait for."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol, Self, TypeVar

from msgspec import Struct

from apps.gateway.attempts.settlement import Attempt
from apps.providers.adapters.chat import codec_for
from apps.providers.adapters.contract import ChatStream
from apps.providers.image_fetch import ImageFetcher, RequestImages, prepare
from apps.providers.quotas import token_claim
from apps.providers.types import (
    ChatChunk,
    ChatRequest,
    ChatResult,
    Offer,
    UpstreamRequest,
    UpstreamResponse,
    Usage,
)
from apps.providers.verdict import StreamVerdict, judge_result

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class UpstreamCall(Protocol[T_co]):
    """One endpoint's side of an attempt. `prompt_tokens`: about what the call sends of the prompt."""

    prompt_tokens: int

    def claim(self, offer: Offer) -> int:
        """Tokens to reserve."""
        ...

    async def build(self, offer: Offer) -> UpstreamRequest:
        """The upstream call. Raises UpstreamError."""
        ...

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> T_co:
        """The answer, or as much of it as decides the attempt. Raises UpstreamError."""
        ...


class Operation(Protocol[T]):
    """What a client asked an endpoint for, as the upstream calls that it takes at a candidate."""

    stream: bool

    def calls(self, offer: Offer) -> Sequence[UpstreamCall[T]]:
        """The upstream calls, at least one; they are made in this order."""
        ...

    def join(self, answers: list[T]) -> T:
        """The one answer that the calls' answers make."""
        ...


class OpenStream(Struct):
    """A stream that has shown its first content: `first` are the chunks read so far, `chunks` the rest of the body.

    `over`: it ended without any, and rightly so (a tiny `max_tokens`); `first` is all there is.
    """

    attempt: Attempt
    response: UpstreamResponse
    parser: ChatStream
    chunks: AsyncIterator[bytes]
    first: list[ChatChunk]
    over: bool = False


class WholeAnswer(Struct, frozen=True):
    """A whole answer and its usage, estimated where the upstream gave none."""

    result: ChatResult
    usage: Usage


class _Chat:
    """What whole and streamed completions have in common: one upstream call, so the operation is its own call."""

    def __init__(self, chat: ChatRequest, images: ImageFetcher) -> None:
        self._chat = chat
        self._images = RequestImages(images)
        self.prompt_tokens = chat.prompt_tokens

    def calls(self, _offer: Offer) -> tuple[Self]:
        return (self,)

    def claim(self, offer: Offer) -> int:
        return token_claim(offer, self._chat.prompt_tokens, self._chat.max_tokens)

    async def build(self, offer: Offer) -> UpstreamRequest:
        chat = self._chat
        if "vision" in chat.needs:
            chat = await prepare(chat, offer, self._images)
        return codec_for(offer).build(chat, offer)


class ChatWhole(_Chat):
    """A chat completion in one piece; its attempt is settled when it is here."""

    stream = False

    def join(self, answers: list[WholeAnswer]) -> WholeAnswer:
        return answers[0]

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> WholeAnswer:
        body = await response.read()
        attempt.first_byte()
        result = judge_result(codec_for(attempt.offer).parse(body, attempt.offer))
        usage = result.usage or attempt.estimate(_answer_size(result))
        await attempt.succeed(usage)
        return WholeAnswer(result, usage)


class ChatStreamed(_Chat):
    """A streamed chat completion, up to its first content; the stream's reader settles the attempt."""

    stream = True

    def join(self, answers: list[OpenStream]) -> OpenStream:
        return answers[0]

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> OpenStream:
        parser = codec_for(attempt.offer).open_stream(attempt.offer)
        verdict = StreamVerdict()
        body = response.chunks()
        first: list[ChatChunk] = []
        async for data in body:
            chunks = parser.feed(data)
            first += chunks
            if "content" in {verdict.see(chunk) for chunk in chunks}:
                attempt.first_byte()
                return OpenStream(attempt, response, parser, body, first)
            if parser.done:
                break
        first += parser.finish()
        verdict.end()
        return OpenStream(attempt, response, parser, body, first, over=True)


def _answer_size(result: ChatResult) -> int:
    """Characters of an answer's texts and tool arguments."""
    size = 0
    for choice in result.choices:
        message = choice["message"]
        size += len(message.get("content") or "") + len(message.get("reasoning_content") or "")
        size += sum(len(call["function"]["arguments"]) for call in message.get("tool_calls") or ())
    return size
