"""Chat completions in the attempt loop, whole and streamed: one upstream call each."""

from typing import Self

from msgspec import Struct

from apps.core.state.contract import Amounts
from apps.gateway.attempts.counting import true_usage
from apps.gateway.attempts.settlement import Attempt
from apps.gateway.config import CONFIG
from apps.gateway.endpoints.chat.chunks import ChunkStream, Patience
from apps.providers.adapters.chat import codec_for, open_stream, parse
from apps.providers.errors import UpstreamError
from apps.providers.image_fetch import ImageFetcher, RequestImages, prepare
from apps.providers.quotas import amounts, token_claim
from apps.providers.types import ChatRequest, ChatResult, Offer, UpstreamRequest, Usage
from apps.providers.upstream import UpstreamResponse
from apps.providers.verdict import judge_result


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

    def dropped(self, offer: Offer) -> tuple[str, ...]:
        return codec_for(offer).dropped(self._chat, offer)

    def claim(self, offer: Offer) -> Amounts:
        return amounts(token_claim(offer, self._chat.prompt_tokens, self._chat.max_tokens))

    async def build(self, offer: Offer) -> UpstreamRequest:
        chat = self._chat
        if "vision" in chat.needs:
            chat = await prepare(chat, offer, self._images)
        return codec_for(offer).build(chat, offer)


class ChatWhole(_Chat):
    """A chat completion in one piece; its attempt is settled when it is here."""

    def join(self, answers: list[WholeAnswer]) -> WholeAnswer:
        return answers[0]

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> WholeAnswer:
        result = judge_result(parse(await response.read(), self._chat, attempt.offer))
        usage = true_usage(attempt, result.usage, _answer_size(result), answers=answers_of(self._chat))
        await attempt.succeed(usage)
        return WholeAnswer(result, usage)


class ChatStreamed(_Chat):
    """A streamed chat completion, up to its first content; the stream's reader settles the attempt."""

    def join(self, answers: list[ChunkStream]) -> ChunkStream:
        return answers[0]

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> ChunkStream:
        patience = Patience(attempt.call.deadline, CONFIG.value.stream_idle_timeout_s, answers_of(self._chat))
        stream = ChunkStream(response, open_stream(self._chat, attempt.offer), patience)
        try:
            if await stream.reach_content():
                attempt.first_byte()
        except UpstreamError:
            stream.close()
            raise
        return stream


def answers_of(chat: ChatRequest) -> int:
    """How many answers the client asked for."""
    n = chat.body.get("n")
    return n if type(n) is int and n > 0 else 1


def _answer_size(result: ChatResult) -> int:
    """Characters of an answer's texts and tool arguments."""
    size = 0
    for choice in result.choices:
        message = choice["message"]
        size += len(message.get("content") or "") + len(message.get("reasoning_content") or "")
        size += sum(len(call["function"]["arguments"]) for call in message.get("tool_calls") or ())
    return size
