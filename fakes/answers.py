"""What a fake model says, in no wire format: text, reasoning, tool calls, the finish and the token counts.

Streamed and whole answers are rendered from the same `Answer`, so they cannot differ. Everything is a
function of the request: the same request, seed included, gets the same answer.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

import orjson

CHARS_PER_TOKEN = 4
BIG_EVENT_CHARS = 1 << 20
PIECES_OF_OK = 16

_SENTENCE = (
    "the quiet river carries every answer to a patient reader while small lamps keep watch over long roads"
    " and each careful question returns with bread and salt under open skies before morning"
)
_WORDS = _SENTENCE.split()
_WIDE_WORDS = ("naïve", "Žižkov", "日本語", "Ελλάδα", "🙂", "привет", "한국어", "👩‍🚀")
_CITIES = ("Rome", "Oslo", "Kyoto")
_DEFAULT_TOOL = "get_weather"
_CALL = re.compile(r"CALL (\w+) ([A-Za-z0-9+/]+={0,2})")
_RESULTS = ('"role":"tool"', '"functionResponse":')
"""What a history holds on one wire or another, once for each result of a tool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of a request decides its answer. `body` is carried for the checks, outside of equality.

    `task`: the next call that an agent's prompt asks for, if there is one. `verdict`: the JSON that answers a schema of yes and no.
    `inputs` and `dimensions` (0: the model's own) are of embeddings, `timed` ("segment", "word") of transcriptions.
    `document` is what a list answers. `cap`: the longest answer that is asked for, 0 where none is named.
    """

    family: str
    model: str
    digest: str = ""
    stream: bool = False
    include_usage: bool = False
    include_thoughts: bool = False
    seed: int = 0
    n: int = 1
    prompt_tokens: int = 0
    cached_tokens: int = 0
    cap: int = field(default=0, compare=False)
    last_user_text: str = ""
    tools: tuple[str, ...] = ()
    task: ToolCall | None = None
    verdict: str = ""
    inputs: tuple[str, ...] = ()
    dimensions: int = 0
    timed: frozenset[str] = frozenset()
    document: bytes = b""
    body: Any = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call of a declared tool; `arguments` is JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the n answers. `text` and `reasoning` are in the pieces in which they are streamed."""

    text: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All choices and the token counts; `completion_tokens` includes `reasoning_tokens`, `prompt_tokens` the `cached_tokens`."""

    choices: tuple[Choice, ...]
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int = 0


class Content(Enum):
    """What kind of thing the model says."""

    TEXT = auto()
    LONG = auto()
    WIDE_TEXT = auto()
    BIG = auto()
    ECHO = auto()
    EMPTY = auto()
    TRUNCATED = auto()
    FILTERED = auto()
    FILTERED_AFTER_CONTENT = auto()
    TASK = auto()
    TOOL_CALL = auto()
    PARALLEL_TOOLS = auto()
    TEXT_AND_TOOL = auto()
    REASONING = auto()
    THINK_TAGS = auto()


def build_answer(content: Content, asked: Asked, *, pieces: int = 0) -> Answer:
    """The answer to `asked`. `pieces` is the number of text pieces of `Content.LONG`."""
    choices = tuple(_choice(content, asked, seed=asked.seed + i, pieces=pieces) for i in range(asked.n))
    reasoning_tokens = sum(_tokens(*choice.reasoning) for choice in choices)
    spoken = sum(_tokens(*c.text, *(call.arguments for call in c.tool_calls)) for c in choices)
    return Answer(
        choices=choices,
        prompt_tokens=asked.prompt_tokens,
        completion_tokens=spoken + reasoning_tokens,
        reasoning_tokens=reasoning_tokens,
        cached_tokens=asked.cached_tokens,
    )


def words(seed: int, count: int) -> tuple[str, ...]:
    """`count` pieces of text of three words each, decided by `seed` alone."""
    return tuple(_piece(seed, i) for i in range(count))


def _piece(seed: int, position: int) -> str:
    start = seed * 7 + position * 3
    group = [_WORDS[(start + k) % len(_WORDS)] for k in range(3)]
    return " ".join(group) + " "


def _tokens(*texts: str) -> int:
    chars = sum(map(len, texts))
    return -(-chars // CHARS_PER_TOKEN)


def _choice(content: Content, asked: Asked, *, seed: int, pieces: int) -> Choice:
    if content is Content.ECHO:
        return Choice(text=tuple(asked.last_user_text.splitlines(keepends=True)))
    if content is Content.LONG:
        return Choice(text=words(seed, pieces))
    return _BUILDERS[content](asked, seed)


def _tool_calls(asked: Asked, count: int) -> tuple[ToolCall, ...]:
    names = asked.tools or (_DEFAULT_TOOL,)
    return tuple(
        ToolCall(name=names[i % len(names)], arguments=orjson.dumps({"city": _CITIES[i]}).decode())
        for i in range(count)
    )


def task_of(messages: Any) -> ToolCall | None:
    """What a conversation asks an agent's model to call next: a call a turn, in their order, until the last of them has a result.

    `CALL name arguments` in a prompt, the arguments as JSON in base64, since prompts travel inside of JSON. Clients may say a prompt twice:
    a call that is repeated word for word counts once.
    """
    text = orjson.dumps(messages).decode()
    calls = list(dict.fromkeys(_CALL.findall(text)))
    answered = sum(text.count(mark) for mark in _RESULTS)
    if answered >= len(calls):
        return None
    name, arguments = calls[answered]
    try:
        return ToolCall(name=name, arguments=b64decode(arguments).decode())
    except ValueError:
        return None


def _text(asked: Asked, seed: int) -> Choice:
    return Choice(text=(asked.verdict,) if asked.verdict else words(seed, PIECES_OF_OK))


def _task(asked: Asked, seed: int) -> Choice:
    if asked.task is None or asked.task.name not in asked.tools:
        return _text(asked, seed)
    return Choice(tool_calls=(asked.task,), finish="tool_calls")


def _tool_call(asked: Asked, seed: int) -> Choice:
    return Choice(tool_calls=_tool_calls(asked, 1), finish="tool_calls")


def _reasoning(asked: Asked, seed: int) -> Choice:
    return Choice(reasoning=words(seed + 1, 5), text=words(seed, 5))


def _think_tags(asked: Asked, seed: int) -> Choice:
    # The tags are split over pieces, as they are when a real model emits them token by token.
    return Choice(text=("<th", "ink>\n", *words(seed + 1, 5), "\n</thi", "nk>", "\n\n", *words(seed, 5)))


_BUILDERS: dict[Content, Callable[[Asked, int], Choice]] = {
    Content.TEXT: _text,
    Content.WIDE_TEXT: lambda asked, seed: Choice(text=tuple(word + " " for word in _WIDE_WORDS)),
    Content.BIG: lambda asked, seed: Choice(text=("x" * BIG_EVENT_CHARS,)),
    Content.EMPTY: lambda asked, seed: Choice(),
    Content.TRUNCATED: lambda asked, seed: replace(_text(asked, seed), finish="length"),
    Content.FILTERED: lambda asked, seed: Choice(finish="content_filter"),
    Content.FILTERED_AFTER_CONTENT: lambda asked, seed: replace(_text(asked, seed), finish="content_filter"),
    Content.TASK: _task,
    Content.TOOL_CALL: _tool_call,
    Content.PARALLEL_TOOLS: lambda asked, seed: replace(
        _tool_call(asked, seed), tool_calls=_tool_calls(asked, 2)
    ),
    Content.TEXT_AND_TOOL: lambda asked, seed: replace(_tool_call(asked, seed), text=words(seed, 4)),
    Content.REASONING: _reasoning,
    Content.THINK_TAGS: _think_tags,
}
