"""Whether an answer says anything. Empty and filtered ones are failures, streamed or not, on every wire."""

from typing import Literal

from apps.core.json_types import JSONObject
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import ChatChunk, ChatResult

Verdict = Literal["waiting", "content"]
USABLE_FIELDS = ("content", "reasoning_content", "refusal", "audio", "tool_calls")


def judge_result(result: ChatResult) -> ChatResult:
    """`result`, if any of its choices holds something or was cut by its length limit.

    Raises UpstreamError: CONTENT_FILTERED, EMPTY_RESPONSE.
    """
    if not any(map(_is_usable, result.choices)):
        _refuse_silence({choice.get("finish_reason") for choice in result.choices})
    return result


class StreamVerdict:
    """The same judgement for a stream: show it every chunk until one has content; until then another
    candidate may take over."""

    __slots__ = ("_finishes", "_verdict")

    def __init__(self) -> None:
        self._verdict: Verdict = "waiting"
        self._finishes: set[str | None] = set()

    def see(self, chunk: ChatChunk) -> Verdict:
        """ "content" from the first chunk on that has any."""
        if chunk.has_content:
            self._verdict = "content"
        elif self._verdict == "waiting":
            self._finishes.update(choice.get("finish_reason") for choice in chunk.choices)
        return self._verdict

    def end(self) -> None:
        """The stream is over. Raises UpstreamError as `judge_result` does when no content came."""
        if self._verdict == "waiting":
            _refuse_silence(self._finishes)


def _is_usable(choice: JSONObject) -> bool:
    message = choice.get("message") or {}
    return any(message.get(name) for name in USABLE_FIELDS)


def _refuse_silence(finishes: set[str | None]) -> None:
    """Raise what an answer without content means. One that hit its length limit is what was asked for: a tiny
    `max_tokens`."""
    if "content_filter" in finishes:
        raise UpstreamError(ErrorKind.CONTENT_FILTERED, "the upstream's content filter withheld the answer")
    if "length" not in finishes:
        raise UpstreamError(ErrorKind.EMPTY_RESPONSE, "the upstream's answer was empty")
