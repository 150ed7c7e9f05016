"""One upstream call of a task whose answer is read whole: what most tasks beside chat need of the loop."""

from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from msgspec.structs import replace

from apps.core.aside import aside
from apps.core.state.contract import Amounts
from apps.gateway.attempts.answers import Most, most_text, whole
from apps.gateway.attempts.counting import Counted, true_usage
from apps.gateway.attempts.settlement import Attempt
from apps.providers.adapters.contract import TaskCodec
from apps.providers.claims import Expected, Size, claim
from apps.providers.tasks import TaskAnswer, TaskRequest
from apps.providers.types import Offer, UpstreamRequest
from apps.providers.upstream import UpstreamResponse

R = TypeVar("R", bound=TaskRequest)
A = TypeVar("A", bound=TaskAnswer)


class OneCall(Generic[R, A]):
    """A request as one call through the codec of its task. `size`: how much there is to it, `prompts`: how many it holds that have the
    context window each for itself. `most`: what its answer may be; text, if that is not said."""

    def __init__(
        self,
        request: R,
        codec_for: Callable[[Offer], TaskCodec[R, A]],
        size: Size,
        *,
        prompts: int = 1,
        most: Most | None = None,
    ) -> None:
        self._request = request
        self._codec_for = codec_for
        self._size = size
        images = None if request.needs else size.images
        self._counted = Counted(prompts=prompts, repeats=prompts, images=images)
        self._most = most
        self.prompt_tokens = size.prompt_tokens

    def claim(self, offer: Offer, expected: Expected) -> Amounts:
        return claim(
            offer, replace(self._size, prompt_tokens=expected.prompt_tokens, usual=expected.answer_tokens)
        )

    async def build(self, offer: Offer) -> UpstreamRequest:
        return await aside(offer.user_id, partial(self._codec_for(offer).build, self._request, offer))

    async def receive(self, attempt: Attempt, response: UpstreamResponse) -> A:
        answer = await whole(
            response, self._most or most_text(), attempt.offer, partial(self._parsed, attempt.offer)
        )
        answer = await self.judged(answer, attempt.offer)
        usage = true_usage(attempt, answer.usage, self._counted)
        await attempt.succeed(usage)
        return replace(answer, usage=usage)

    def _parsed(self, offer: Offer, body: bytes) -> A:
        return self._codec_for(offer).parse(body, self._request, offer)

    async def judged(self, answer: A, offer: Offer) -> A:
        """The answer, if the client can be given it, as it can be. Raises UpstreamError: another candidate is asked."""
        return answer
