"""Gemini's answers in OpenAI's shapes.

One reader turns each GenerateContentResponse into a chunk; a whole answer is read by it and put together, so that
it says the same as a stream. Left out: bytes that a model makes (inlineData), which are never asked for, and
signatures of texts, which OpenAI's wire cannot carry and Gemini does not insist on.
"""

from typing import Any

from apps.core.json_types import JSONObject
from apps.core.redaction import scrub
from apps.providers.adapters.gemini.refusals import frame_error
from apps.providers.adapters.shared.bounds import MOST_CALLS, MOST_CHOICES, too_many
from apps.providers.adapters.shared.calls import CallIds
from apps.providers.adapters.shared.entries import arguments_of, is_call
from apps.providers.adapters.shared.finishes import native, read_finish
from apps.providers.adapters.shared.joining import join_chunks
from apps.providers.adapters.shared.missed import refuse_missed
from apps.providers.adapters.shared.payloads import load_json
from apps.providers.adapters.shared.usage import as_count
from apps.providers.adapters.shared.values import as_dict, as_index, as_list, as_text
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import ChatChunk, ChatResult, Offer, Usage

from .fields import calls_of, candidates_of, is_answer, parts_of, signature_of, text_of, unwrapped
from .signatures import signed_id

FILTERED = (
    "SAFETY RECITATION LANGUAGE BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT"
    " IMAGE_RECITATION"
)
FINISH_REASONS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(FILTERED.split(), "content_filter"),
}
ANSWERS = frozenset({"content", "tool_calls"})  # thoughts are none
# What others may mean; every other reason (MALFORMED_FUNCTION_CALL, OTHER, ...) means that the model failed: see `AnswerReader.check`.
OTHERWISE_KNOWN = frozenset({"stop", "length", "content_filter"})


def parse_chat(body: bytes, offer: Offer) -> ChatResult:
    """The answer in `body`. Raises UpstreamError: PARSING for what is not an answer, SERVER_ERROR where the model
    failed before it said anything, and what a wrapped error is classified as."""
    reader = AnswerReader(offer)
    chunks = [chunk for frame in load_frames(body, offer) if (chunk := reader.read(frame)) is not None]
    reader.check()
    return join_chunks(chunks)


def load_frames(body: bytes, offer: Offer) -> list[JSONObject]:
    """The answer objects in `body`: one, or those of the array that the stream endpoint sends without alt=sse.
    Raises UpstreamError(PARSING)."""
    payload = load_json(body, offer)
    frames = [unwrapped(frame) for frame in (payload if isinstance(payload, list) else [payload])]
    if not frames or not all(map(is_answer, frames)):
        raise UpstreamError(ErrorKind.PARSING, "the upstream's answer has neither candidates nor a reason")
    return frames


class _Candidate:
    """What is remembered of one candidate between frames."""

    __slots__ = ("_calls", "_ids", "_model", "finished", "index")

    def __init__(self, index: int, ids: CallIds, model: str) -> None:
        self.index = index
        self.finished: str | None = None
        self._ids = ids
        self._model = model
        self._calls = 0

    def read(self, candidate: JSONObject) -> JSONObject | None:
        """OpenAI's chunk choice; None where the frame says nothing."""
        delta = self._delta(parts_of(candidate))
        reason = as_text(candidate.get("finishReason"))
        finish = self.finish(reason)
        logprobs = logprobs_of(as_dict(candidate.get("logprobsResult")))
        if not delta and finish is None and logprobs is None:
            return None
        choice = {"index": self.index, "delta": delta, "finish_reason": finish}
        if finish is not None and finish_of(reason) is None:
            choice |= native(reason, read_finish(reason))
        return choice if logprobs is None else choice | {"logprobs": logprobs}

    def finish(self, reason: str) -> str | None:
        """OpenAI's finish reason for Gemini's. The first is passed on; behind a "stop" also one that says more, and calls."""
        if not reason and self.finished is None:
            return None
        finish = self.finished or "stop"
        if finish == "stop":
            finish = finish_of(reason) or finish
        if finish == "stop" and self._calls:
            finish = "tool_calls"
        if finish == self.finished:
            return None
        self.finished = finish
        return finish

    def _delta(self, parts: list[JSONObject]) -> JSONObject:
        texts: dict[str, str] = {"reasoning_content": "", "content": ""}
        made: list[JSONObject] = []
        for part in parts:
            text, calls = text_of(part), calls_of(part)
            if not text and not calls:
                refuse_missed(part)
            made += [self._call(call, signature_of(part)) for call in calls if is_call(call)]
            texts["reasoning_content" if part.get("thought") is True else "content"] += text
        delta: JSONObject = {field: text for field, text in texts.items() if text}
        return delta | {"tool_calls": made} if made else delta

    def _call(self, call: JSONObject, signature: str) -> JSONObject:
        index = self._calls
        if index >= MOST_CALLS:
            raise too_many("function calls")
        self._calls += 1
        name, call_id = as_text(call.get("name")), as_text(call.get("id"))
        self._ids.keep(name + call_id)
        call_id = call_id or self._ids.make(self.index, index)
        return {
            "index": index,
            "id": signed_id(call_id, signature, self._model) if signature else call_id,
            "type": "function",
            "function": {"name": name, "arguments": arguments_of(call) or "{}"},
        }


class AnswerReader:
    """Reads the frames of one answer, one or many."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._ids = CallIds()
        self._candidates: dict[int, _Candidate] = {}
        self._has_answer = False
        self._is_broken = False
        self._failure = ""

    @property
    def is_complete(self) -> bool:
        """Whether there are candidates and each has its finish reason."""
        return self.finished > 0

    @property
    def finished(self) -> int:
        """How many candidates are finished; 0 while one is open."""
        candidates = self._candidates.values()
        return len(candidates) if all(candidate.finished for candidate in candidates) else 0

    def read(self, frame: JSONObject) -> ChatChunk | None:
        """What `frame` says; None if nothing. Raises UpstreamError for a frame that is an error."""
        if frame.get("error"):
            raise frame_error(frame, self._offer)
        self._ids.learn(frame.get("responseId"))
        choices = []
        for position, candidate in enumerate(candidates_of(frame)):
            choice = self._candidate(candidate.get("index"), position).read(candidate)
            self._note_failure(candidate)
            if choice is not None:
                choices.append(choice)
        if as_text(as_dict(frame.get("promptFeedback")).get("blockReason")):
            choices += self._blocked()
        usage = usage_of(as_dict(frame.get("usageMetadata")), ends=self.is_complete)
        if not choices and usage is None:
            return None
        has_content = any(choice["delta"] for choice in choices)
        self._has_answer = self._has_answer or any(
            not ANSWERS.isdisjoint(choice["delta"]) for choice in choices
        )
        return ChatChunk(choices, has_content, usage)

    def check(self) -> None:
        """At the answer's end. Raises UpstreamError(SERVER_ERROR) when the model failed in the middle of it, or without any answer behind
        its thoughts."""
        if self._is_broken or (self._failure and not self._has_answer):
            without = "" if self._has_answer else " and no content"
            raise UpstreamError(ErrorKind.SERVER_ERROR, f"the model ended with {self._failure}{without}")

    def _candidate(self, index: Any, position: int) -> _Candidate:
        index = position if (given := as_index(index)) is None else given
        if index not in self._candidates:
            if len(self._candidates) >= MOST_CHOICES:
                raise too_many("candidates")
            self._candidates[index] = _Candidate(index, self._ids, self._offer.model)
        return self._candidates[index]

    def _note_failure(self, candidate: JSONObject) -> None:
        reason = as_text(candidate.get("finishReason"))
        if reason and finish_of(reason) is None:
            message = scrub(as_text(candidate.get("finishMessage")), self._offer.api_key)
            self._failure = f"{reason[:40]} ({message})" if message else reason[:40]
            self._is_broken = self._is_broken or read_finish(reason) == "failed"

    def _blocked(self) -> list[JSONObject]:
        """The prompt was blocked: what is not finished ends filtered, and if there is nothing, one empty choice."""
        if not self._candidates:
            self._candidate(0, 0)
        return [
            {"index": candidate.index, "delta": {}, "finish_reason": finish}
            for candidate in self._candidates.values()
            if (finish := candidate.finish("SAFETY")) is not None
        ]


def finish_of(reason: str) -> str | None:
    """OpenAI's word for a finish reason; None where it means that the model failed, and for ""."""
    if (known := FINISH_REASONS.get(reason)) is not None:
        return known
    other = read_finish(reason)
    return other if other in OTHERWISE_KNOWN else None


def usage_of(metadata: JSONObject, *, ends: bool) -> Usage | None:
    """Usage so far: every frame repeats the sum. A frame without output counts says nothing unless it ends the
    answer, which then had no output."""
    counted = "candidatesTokenCount" in metadata or "thoughtsTokenCount" in metadata
    if "promptTokenCount" not in metadata or not (counted or ends):
        return None
    said = metadata.get
    return Usage(
        prompt_tokens=as_count(said("promptTokenCount"), said("toolUsePromptTokenCount")),
        completion_tokens=as_count(said("candidatesTokenCount"), said("thoughtsTokenCount")),
        cached_tokens=as_count(said("cachedContentTokenCount")),
        reasoning_tokens=as_count(said("thoughtsTokenCount")),
    )


def logprobs_of(result: JSONObject) -> JSONObject | None:
    """OpenAI's logprobs of a logprobsResult: the chosen tokens, each with the most likely ones at its place."""
    chosen = [as_dict(token) for token in as_list(result.get("chosenCandidates"))]
    if not chosen:
        return None
    tops = [as_dict(step).get("candidates") for step in as_list(result.get("topCandidates"))]
    tops += [None] * (len(chosen) - len(tops))
    content = [
        _token(token) | {"top_logprobs": [_token(as_dict(other)) for other in as_list(top)]}
        for token, top in zip(chosen, tops, strict=False)
    ]
    return {"content": content, "refusal": None}


def _token(token: JSONObject) -> JSONObject:
    text = as_text(token.get("token"))
    encoded = list(text.encode("utf-8", "surrogatepass"))
    return {"token": text, "logprob": token.get("logProbability", 0.0), "bytes": encoded}
