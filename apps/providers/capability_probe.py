"""What a model of a server that nobody knows can do, found out by asking it: one small call each, over OpenAI's wire.

A capability is proven by an answer that shows it, never by a status alone: servers take fields that they ignore. Every call costs a few
tokens, and none is counted in a window: the server is in no pool yet.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal

import orjson
from msgspec import Struct

from apps.core import clock
from apps.core.json_types import JSONObject
from apps.core.redaction import scrub
from apps.core.state.contract import Subject
from apps.core.state.keys import candidate_key, credential_key
from apps.providers.adapters import wire_for
from apps.providers.adapters.chat import codec_for
from apps.providers.blocking_calls import Answer, call
from apps.providers.errors import UpstreamError
from apps.providers.listing.fetching import fetch_list
from apps.providers.listing.reading import Listed, read
from apps.providers.presets import parse_preset
from apps.providers.types import ChatRequest, Offer, Secret, Usage

Test = Literal["answers", "streams", "tools", "forced_tools", "json_schema", "vision"]
TIMEOUT_S: Final = 30.0
MOST_BYTES: Final = 1024 * 1024
MOST_TOKENS: Final = 200
RED: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAAKElEQVR42u3NQQkAAAgAseuf0TCm8CEM9l9TpxIIBAKBQCAQ"
    "CARfggW09XAu+IMdsgAAAABJRU5ErkJggg=="
)
"""A red square."""
TOOL: Final = "get_weather"
TOOLS: Final = [
    {
        "type": "function",
        "function": {
            "name": TOOL,
            "description": "The weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]
SCHEMA: Final[JSONObject] = {
    "type": "object",
    "properties": {"number": {"type": "integer"}},
    "required": ["number"],
    "additionalProperties": False,
}
BODIES: Final[Mapping[Test, JSONObject]] = {
    "answers": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1},
    "streams": {"messages": [{"role": "user", "content": "Say hi."}], "max_tokens": 8},
    "tools": {
        "messages": [{"role": "user", "content": "What is the weather in Oslo? Call the tool."}],
        "tools": TOOLS,
        "max_tokens": MOST_TOKENS,
    },
    "forced_tools": {
        "messages": [{"role": "user", "content": "Hello."}],
        "tools": TOOLS,
        "tool_choice": "required",
        "max_tokens": MOST_TOKENS,
    },
    "json_schema": {
        "messages": [{"role": "user", "content": "Choose a number from 1 to 9."}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "choice", "strict": True, "schema": SCHEMA},
        },
        "max_tokens": MOST_TOKENS,
    },
    "vision": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Which colour is this? One word, in English."},
                    {"type": "image_url", "image_url": {"url": RED}},
                ],
            }
        ],
        "max_tokens": MOST_TOKENS,
    },
}
CAPABILITIES: Final[frozenset[Test]] = frozenset({"tools", "forced_tools", "json_schema", "vision"})
"""Those of the tests that prove one."""
NOT_SHOWN: Final = "Taken, but "
"""How it is told that a field was taken and did nothing."""


class Proof(Struct, frozen=True, kw_only=True):
    """What a call showed. `status` 0: there was no answer. `words`: what was seen, or what stood against it. `tokens`: that the server
    says it took, None where it says nothing."""

    test: Test
    is_proven: bool
    status: int
    took_ms: int
    words: str
    tokens: int | None = None


class Found(Struct, frozen=True):
    """The server's list of models."""

    models: tuple[Listed, ...]
    took_ms: int


def draft(base_url: str, key: str, model: str, user_id: int) -> Offer:
    """A model of a server that is not stored."""
    account = credential_key(user_id, "draft")
    return Offer(
        provider="draft",
        model=model,
        task="chat",
        subject=Subject(account, candidate_key(account, model)),
        preset=parse_preset({}),
        base_url=base_url,
        api_key=Secret(key),
        user_id=user_id,
        capabilities=frozenset(CAPABILITIES),
    )


def models_of(offer: Offer) -> Found:
    """What `GET models` lists. Blocks as long as the listing's bound allows. Raises UpstreamError, its text scrubbed."""
    started = clock.monotonic()
    try:
        pages = fetch_list(offer)
    except UpstreamError as error:
        raise UpstreamError(error.kind, scrub(error.message, offer.api_key)) from error
    listing = offer.preset.listing
    return Found(read(pages.pages, listing, is_whole=pages.is_whole).models, _since(started))


def prove(offer: Offer, test: Test) -> Proof:
    """One call. Blocks up to TIMEOUT_S; never raises for what the server does."""
    started, status = clock.monotonic(), 0
    streams = test == "streams"
    request = ChatRequest(
        model=offer.model,
        body=BODIES[test],
        stream=streams,
        include_usage=streams,
        prompt_tokens=1,
        max_tokens=MOST_TOKENS,
    )
    try:
        answer = call(codec_for(offer).build(request, offer), TIMEOUT_S, MOST_BYTES)
        status = answer.status
        if not answer.is_ok:
            raise wire_for(offer).parse_error(status, answer.headers, answer.body, offer)
        words, tokens = (_streamed if streams else _whole)(answer, offer, test)
        took_ms = _since(started)
    except UpstreamError as error:
        against = scrub(error.message, offer.api_key)
        return Proof(test=test, is_proven=False, status=status, took_ms=_since(started), words=against)
    is_proven = not words.startswith(NOT_SHOWN)
    return Proof(test=test, is_proven=is_proven, status=status, took_ms=took_ms, words=words, tokens=tokens)


def _whole(answer: Answer, offer: Offer, test: Test) -> tuple[str, int | None]:
    """Raises UpstreamError."""
    result = codec_for(offer).parse(answer.body, offer)
    message = next((choice.get("message") or {} for choice in result.choices), {})
    return SEEN[test](message), _tokens(result.usage)


def _streamed(answer: Answer, _offer: Offer, _test: Test) -> tuple[str, int | None]:
    """An answer in more than one piece, or with an end mark."""
    events = [line[5:].strip() for line in answer.body.splitlines() if line.startswith(b"data:")]
    pieces = [piece for event in events if isinstance(piece := _json(event), dict)]
    if not any("choices" in piece for piece in pieces):
        return f"{NOT_SHOWN}nothing was streamed.", None
    usages = [piece["usage"] for piece in pieces if isinstance(piece.get("usage"), dict)]
    total = usages[-1].get("total_tokens") if usages else None
    ended = "an end mark" if b"[DONE]" in events else "no end mark"
    return f"{len(pieces)} events, {ended}.", total if isinstance(total, int) else None


def _answered(message: JSONObject) -> str:
    return "It answers." if message else f"{NOT_SHOWN}the answer has no message."


def _called(message: JSONObject) -> str:
    for each in message.get("tool_calls") or []:
        function = each.get("function") or {}
        if function.get("name") == TOOL and isinstance(_json(function.get("arguments") or ""), dict):
            return "The tool was called, with arguments."
    return f"{NOT_SHOWN}no tool was called."


def _kept_to_schema(message: JSONObject) -> str:
    content = message.get("content")
    document = _json(content) if isinstance(content, str) else None
    if isinstance(document, dict) and set(document) == {"number"} and isinstance(document["number"], int):
        return "The answer keeps to the schema."
    return f"{NOT_SHOWN}the answer does not keep to the schema."


def _saw(message: JSONObject) -> str:
    said = message.get("content")
    if isinstance(said, str) and "red" in said.lower().split(".")[0].replace(",", " ").split():
        return "It told the colour of a picture."
    return f"{NOT_SHOWN}it did not see that the picture is red."


SEEN: Final[Mapping[Test, Callable[[JSONObject], str]]] = {
    "answers": _answered,
    "tools": _called,
    "forced_tools": _called,
    "json_schema": _kept_to_schema,
    "vision": _saw,
}


def _tokens(usage: Usage | None) -> int | None:
    return None if usage is None else usage.total_tokens


def _json(text: bytes | str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _since(started: float) -> int:
    return round((clock.monotonic() - started) * 1000)
