"""Google's native wire: :generateContent, :streamGenerateContent?alt=sse and :countTokens."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from fakes.answers import Answer, Asked, Choice, task_of
from fakes.behaviours import Deviation
from fakes.faults import Problem, Refused

from .base import (
    Call,
    Deviations,
    Event,
    json_object,
    positive_int,
    prompt_size_and_digest,
    require_objects,
    require_types,
)

SIGNATURE_PREFIX = "fake-signature:"

_FINISH = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_BLOCKED = {
    "blockReason": "SAFETY",
    "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH", "blocked": True}],
}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "contents": list,
    "generationConfig": dict,
    "tools": list,
    "systemInstruction": dict,
}
Part = dict[str, Any]


class GeminiChat:
    """generateContent, or streamGenerateContent if `streaming`: two endpoints of one format."""

    name = "chat"
    method = "POST"
    generates = True
    public = False
    line_end = b"\r\n"
    done = None

    def __init__(self, *, streaming: bool) -> None:
        self._streaming = streaming
        action = "streamGenerateContent" if streaming else "generateContent"
        self.path = f"/models/{{model:[^:]+}}:{action}"

    def read(self, call: Call) -> Asked:
        """What is asked. The array form of a stream (without alt=sse) is refused: no adapter asks for it."""
        body = canonical(json_object(call))
        if self._streaming and call.query.get("alt") != "sse":
            raise Refused(Problem(status=400, message="The fake streams with alt=sse only."))
        config = body.get("generationConfig") or {}
        contents = body.get("contents")
        if not contents:
            raise Refused(
                Problem(status=400, message="* GenerateContentRequest.contents: contents is not specified")
            )
        model = call.match["model"]
        prompt_tokens, digest = prompt_size_and_digest([contents, body.get("systemInstruction")], model)
        seed = config.get("seed")
        return Asked(
            family=self.name,
            model=model,
            digest=digest,
            stream=self._streaming,
            include_thoughts=bool((config.get("thinkingConfig") or {}).get("includeThoughts")),
            seed=seed if isinstance(seed, int) else 0,
            n=positive_int(config.get("candidateCount"), 1),
            prompt_tokens=prompt_tokens,
            last_user_text=_last_user_text(contents),
            task=task_of(contents),
            tools=_tool_names(body["tools"]),
            body=body,
        )

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """A GenerateContentResponse."""
        if Deviation.NO_CANDIDATES in deviations:
            return _blocked(asked, answer)
        candidates = [
            _candidate(index, merge_texts(_parts(asked, choice, deviations)), choice.finish)
            for index, choice in enumerate(answer.choices)
        ]
        return _document(asked, candidates, _usage(answer, deviations))

    def events(self, asked: Asked, answer: Answer, deviations: Deviations) -> Iterator[Event]:
        """GenerateContentResponse objects of one part each; a candidate's last one has its finish."""
        if Deviation.NO_CANDIDATES in deviations:
            yield Event(data=_blocked(asked, answer))
            return
        usage = _usage(answer, deviations)
        begun = {key: value for key, value in usage.items() if key == "promptTokenCount"}
        for index, choice in enumerate(answer.choices):
            parts = _parts(asked, choice, deviations)
            separate = not parts or choice.finish == "content_filter"
            for position, part in enumerate(parts):
                last = position == len(parts) - 1 and not separate
                candidate = _candidate(index, [part], choice.finish if last else None)
                yield Event(data=_document(asked, [candidate], usage if last else begun), content=True)
            if separate:
                yield Event(data=_document(asked, [_candidate(index, [], choice.finish)], usage))


class GeminiTokenCount:
    """countTokens."""

    name = "count"
    method = "POST"
    path = "/models/{model:[^:]+}:countTokens"
    generates = False
    public = False
    line_end = b"\r\n"
    done = None

    def read(self, call: Call) -> Asked:
        """The prompt whose tokens are counted."""
        tokens, digest = prompt_size_and_digest(json_object(call), call.match["model"])
        return Asked(family=self.name, model=call.match["model"], digest=digest, prompt_tokens=tokens)

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """A CountTokensResponse."""
        return orjson.dumps({"totalTokens": asked.prompt_tokens})

    def events(self, asked: Asked, answer: Answer, deviations: Deviations) -> Iterable[Event]:
        """No events: a count is never streamed."""
        return ()


def canonical(body: dict[str, Any]) -> dict[str, Any]:
    """The request with camelCase keys, since Google takes snake_case too. Raises Refused for wrong types.

    Keys that belong to the caller (arguments, results, schemas) stay as they are.
    """
    body = _camel_keys(body)
    require_types(body, _TYPES)
    if body.get("generationConfig"):
        body["generationConfig"] = _camel_keys(body["generationConfig"])
    for name in ("contents", "tools"):
        require_objects(body.get(name) or (), name)
        body[name] = [_camel_keys(value) for value in body.get(name) or ()]
    for position, content in enumerate(body["contents"]):
        require_types(content, {"parts": list}, f"contents.{position}.")
        require_objects(content.get("parts") or (), f"contents.{position}.parts")
        content["parts"] = [_camel_keys(part) for part in content.get("parts") or ()]
    for position, tool in enumerate(body["tools"]):
        require_types(tool, {"functionDeclarations": list}, f"tools.{position}.")
        require_objects(tool.get("functionDeclarations") or (), f"tools.{position}.functionDeclarations")
    return body


def _camel_keys(document: dict[str, Any]) -> dict[str, Any]:
    return {_camel(name): value for name, value in document.items()}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def merge_texts(parts: list[Part]) -> list[Part]:
    """The parts with neighbouring texts of one kind (thought or not) joined, as a whole answer has them."""
    merged: list[Part] = []
    for part in parts:
        previous = merged[-1] if merged else {}
        if "text" in part and "text" in previous and part.get("thought") == previous.get("thought"):
            merged[-1] = {**previous, "text": previous["text"] + part["text"]}
        else:
            merged.append(part)
    return merged


def _parts(asked: Asked, choice: Choice, deviations: Deviations) -> list[Part]:
    thoughts = choice.reasoning if asked.include_thoughts else ()
    parts: list[Part] = [{"text": piece, "thought": True} for piece in thoughts]
    parts += [{"text": piece} for piece in choice.text]
    for position, call in enumerate(choice.tool_calls):
        function: Part = {"name": call.name, "args": orjson.loads(call.arguments)}
        if Deviation.NO_ID not in deviations:
            function["id"] = f"fc-{position}-{asked.digest[:12]}"
        part: Part = {"functionCall": function}
        if position == 0:
            # Only the first call of a turn is signed, as by the real API.
            part["thoughtSignature"] = b64encode(f"{SIGNATURE_PREFIX}{asked.digest}".encode()).decode()
        parts.append(part)
    return parts


def _candidate(index: int, parts: list[Part], finish: str | None) -> Part:
    candidate: Part = {"content": {"parts": parts, "role": "model"}} if parts else {}
    if finish is not None:
        candidate["finishReason"] = _FINISH[finish]
    return {**candidate, "index": index}


def _usage(answer: Answer, deviations: Deviations) -> dict[str, int]:
    if Deviation.NO_USAGE in deviations:
        return {}
    spoken = answer.completion_tokens - answer.reasoning_tokens
    usage = {
        "promptTokenCount": answer.prompt_tokens,
        "candidatesTokenCount": spoken,
        "totalTokenCount": answer.prompt_tokens + answer.completion_tokens,
    }
    if answer.cached_tokens:
        usage["cachedContentTokenCount"] = answer.cached_tokens
    if answer.reasoning_tokens:
        usage["thoughtsTokenCount"] = answer.reasoning_tokens
    return usage


def _document(asked: Asked, candidates: list[Part], usage: dict[str, int]) -> bytes:
    metadata = {"usageMetadata": usage} if usage else {}
    tail = {"modelVersion": asked.model, "responseId": asked.digest}
    return orjson.dumps({"candidates": candidates, **metadata, **tail})


def _blocked(asked: Asked, answer: Answer) -> bytes:
    usage = {"promptTokenCount": answer.prompt_tokens, "totalTokenCount": answer.prompt_tokens}
    return orjson.dumps({"promptFeedback": _BLOCKED, "usageMetadata": usage, "modelVersion": asked.model})


def _last_user_text(contents: list[Part]) -> str:
    for content in reversed(contents):
        if content.get("role", "user") == "user":
            texts = [part.get("text") for part in content["parts"]]
            return "".join(text for text in texts if isinstance(text, str))
    return ""


def _tool_names(tools: list[Part]) -> tuple[str, ...]:
    declarations = [each for tool in tools for each in tool.get("functionDeclarations") or ()]
    return tuple(str(declaration.get("name")) for declaration in declarations)
