"""POST /v1/messages: bytes -> a chat request, or a 400 that names the field in Anthropic's words."""

from typing import Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.answering.efforts import effort_of, known_effort
from apps.gateway.answering.routed import chat_request
from apps.gateway.answering.survey import cautious, survey
from apps.gateway.endpoints.messages.wire.history import Verify, messages_of
from apps.gateway.endpoints.messages.wire.schema import MessagesBody, TokensBody
from apps.gateway.endpoints.messages.wire.tools import tools_of
from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import ApiError, bad_request
from apps.providers.types import ChatRequest

SHOWN: Final = frozenset({"enabled", "adaptive", "between_tools"})
ANSWER: Final = "answer"
OWN_FIELDS = ("strategy", "preferred_provider", "fallback")


class Asked(Struct, frozen=True, kw_only=True):
    """A request. `chat`: what it comes to; `model` as the client named it; `ignored`: what of it reaches no upstream. `shows_thinking`:
    whether the client asked to see it. `is_warm_up`: it wants no answer."""

    chat: ChatRequest
    model: str | None
    ignored: tuple[str, ...]
    shows_thinking: bool
    is_warm_up: bool


def parse(body: bytes, verify: Verify) -> Asked:
    """The validated request. Raises ApiError(400)."""
    raw = decode(body)
    known = validate(raw, MessagesBody)
    if known.thread is not None:
        raise _no_threads()
    tools = tools_of(known)
    made: JSONObject = {
        "messages": messages_of(known, verify),
        **_options(known),
        **_said_of_the_answer(known),
        **tools.members,
    }
    chat = chat_request(known, made, survey(made), include_usage=True, max_tokens=known.max_tokens or None)
    return Asked(
        chat=chat,
        model=known.model or None,
        ignored=tools.ignored,
        shows_thinking=known.thinking is not None and known.thinking.type in SHOWN,
        is_warm_up=known.max_tokens == 0,
    )


def count_tokens(body: bytes, verify: Verify) -> int:
    """About how many tokens the request has, never too few by much. Raises ApiError(400)."""
    known = validate(decode(body), TokensBody)
    made: JSONObject = {
        "messages": messages_of(known, verify),
        **_said_of_the_answer(known),
        **tools_of(known).members,
    }
    _, tokens = survey(made)
    return cautious(tokens)


def _options(known: MessagesBody) -> JSONObject:
    given = {
        "max_tokens": known.max_tokens,
        "temperature": known.temperature,
        "top_p": known.top_p,
        "top_k": known.top_k,
        "stop": known.stop_sequences or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _said_of_the_answer(known: TokensBody) -> JSONObject:
    """How hard to think, and in which form to answer."""
    made: JSONObject = {}
    if effort := _effort(known):
        made["reasoning_effort"] = effort
    if known.output_config is not None and known.output_config.format is not None:
        json_schema = {"name": ANSWER, "schema": known.output_config.format.schema, "strict": True}
        made["response_format"] = {"type": "json_schema", "json_schema": json_schema}
    return made


def _effort(known: TokensBody) -> str | None:
    """OpenAI's word for it; None where the client leaves it open."""
    thinking = known.thinking
    if thinking is not None and thinking.type == "disabled":
        return "none"
    if thinking is not None and thinking.budget_tokens is not None:
        return effort_of(thinking.budget_tokens)
    effort = known.output_config.effort if known.output_config is not None else None
    return known_effort(effort)


def _no_threads() -> ApiError:
    """The words by which Anthropic's SDK sends the whole history instead."""
    error = bad_request("`thread`: conversations are not kept here; send all messages.", param="thread")
    error.extra["details"] = {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    return error
