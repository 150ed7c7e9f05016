"""POST /v1/responses: bytes -> a chat request and what its answer repeats, or a 400 that names the field."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.answering.efforts import known_effort
from apps.gateway.answering.routed import chat_request
from apps.gateway.answering.survey import cautious, survey
from apps.gateway.endpoints.responses.wire import items, schema
from apps.gateway.endpoints.responses.wire.echo import echo_of
from apps.gateway.endpoints.responses.wire.history import messages_of
from apps.gateway.endpoints.responses.wire.items import Placed
from apps.gateway.endpoints.responses.wire.names import Declared
from apps.gateway.endpoints.responses.wire.tools import Tools, tools_of
from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import ApiError, bad_request
from apps.providers.types import ChatRequest

LOGPROBS: Final = "message.output_text.logprobs"
SEALED: Final = "reasoning.encrypted_content"
THOUGHT: Final = "rs_"
AS_THEY_ARE: Final = (
    *("temperature", "top_p", "user", "safety_identifier", "prompt_cache_key", "service_tier", "metadata"),
)


class Memory(Protocol):
    """What one client key may refer to."""

    def conversation(self, response_id: str) -> list[JSONObject] | None:
        """All items up to the end of an earlier answer, None where it is not known. Raises ApiError(413)."""
        ...

    def item(self, item_id: str) -> JSONObject | None:
        """One item of an earlier answer. Raises ApiError(413)."""
        ...

    def packed(self, conversation: list[JSONObject]) -> bytes | None:
        """All items of a request, to be kept with its answer; None where they are not."""
        ...

    def opened(self, token: object) -> str | None:
        """The thought in an `encrypted_content`; None for one that was not sealed here for this key."""
        ...


class Asked(Struct, frozen=True, kw_only=True):
    """A request. `chat`: what it comes to; `model` as the client named it; `ignored`: what of it reaches no upstream; `declared`: its
    tools by the name that upstreams hear; `echo`: what its answer repeats of it; `conversation`: all its items, what it refers to included,
    as they were sent. `shows_thinking`, `seals_thinking`: whether the client asked for what the model thought, in words or sealed."""

    chat: ChatRequest
    model: str | None
    ignored: tuple[str, ...]
    declared: Mapping[str, Declared]
    echo: JSONObject
    conversation: bytes | None
    shows_thinking: bool
    seals_thinking: bool


Body = TypeVar("Body", bound=schema.InputTokensBody)


class Sent(Struct, Generic[Body], frozen=True, kw_only=True):
    """A request as it was sent, and its own items, read. `previous`, `named`: to which earlier answer it is the next, and items of such
    answers that it may mean."""

    raw: JSONObject
    known: Body
    given: list[JSONObject]
    placed: list[Placed]
    previous: str | None
    named: list[str]


def read(body: bytes) -> Sent[schema.ResponsesBody]:
    """The validated request. Raises ApiError(400)."""
    raw = decode(body)
    known = validate(raw, schema.ResponsesBody)
    _refuse_what_is_not_there(known)
    return _sent(raw, known)


def read_to_count(body: bytes) -> Sent[schema.InputTokensBody]:
    """One of which only the tokens are asked. Raises ApiError(400)."""
    raw = decode(body)
    return _sent(raw, validate(raw, schema.InputTokensBody))


def _sent(raw: JSONObject, known: Body) -> Sent[Body]:
    if isinstance(known.input, str):
        given: list[JSONObject] = [{"type": "message", "role": "user", "content": known.input}]
    else:
        given = known.input or []
    placed = list(items.read(given, "input"))
    named = [name for each in placed if (name := _named(each.item)) is not None]
    return Sent(
        raw=raw,
        known=known,
        given=given,
        placed=placed,
        previous=known.previous_response_id,
        named=named,
    )


def _named(item: items.Item) -> str | None:
    """Which item of an earlier answer it may stand for."""
    if isinstance(item, items.ItemReference):
        return item.id
    if isinstance(item, items.Reasoning) and not item.encrypted_content and isinstance(item.id, str):
        return item.id
    return None


def parse(sent: Sent[schema.ResponsesBody], memory: Memory) -> Asked:
    """What it comes to, with what `memory` has of what it refers to. Raises ApiError(400, 413)."""
    raw, known = sent.raw, sent.known
    placed, conversation = _conversation(sent, memory)
    tools = tools_of(known, list(_found_tools(placed)))
    include = frozenset(known.include or ())
    made: JSONObject = {
        **_said(known, placed, tools, memory),
        **_options(known, logprobs=LOGPROBS in include),
    }
    chat = chat_request(known, made, survey(made), include_usage=True, max_tokens=known.max_output_tokens)
    ignored = (*tools.ignored, *(each.kind for each in placed if isinstance(each.item, items.Hosted)))
    reasoning = known.reasoning or schema.Reasoning()
    return Asked(
        chat=chat,
        model=known.model or None,
        ignored=tuple(dict.fromkeys(ignored)),
        declared=tools.declared,
        echo=echo_of(known, raw),
        conversation=None if known.store is False else memory.packed(conversation),
        shows_thinking=bool(reasoning.summary or reasoning.generate_summary),
        seals_thinking=SEALED in include,
    )


def count_tokens(sent: Sent[schema.InputTokensBody], memory: Memory) -> int:
    """About how many tokens the request has, never too few by much. Raises ApiError(400, 413)."""
    known = sent.known
    placed, _ = _conversation(sent, memory)
    return cautious(survey(_said(known, placed, tools_of(known, list(_found_tools(placed))), memory))[1])


def _said(
    known: schema.InputTokensBody, placed: Sequence[Placed], tools: Tools, memory: Memory
) -> JSONObject:
    """What of the request has a length, as chat says it."""
    messages = messages_of(known.instructions, placed, memory.opened)
    if not messages:
        raise bad_request("`input`: there is nothing to answer.", param="input")
    made: JSONObject = {"messages": messages, **tools.members}
    if known.reasoning is not None and (effort := known_effort(known.reasoning.effort)):
        made["reasoning_effort"] = effort
    if known.text is not None:
        if (form := known.text.format) is not None:
            made |= _response_format(form)
        if known.text.verbosity is not None:
            made["verbosity"] = known.text.verbosity
    return made


def _conversation(sent: Sent[Any], memory: Memory) -> tuple[list[Placed], list[JSONObject]]:
    """The items of the request and of what it refers to: read, and as they were written."""
    raw: list[JSONObject] = []
    placed: list[Placed] = []
    if (previous := sent.previous) is not None:
        earlier = memory.conversation(previous)
        if earlier is None:
            raise bad_request(
                f"Previous response with id '{previous}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        raw += earlier
        placed += items.read(earlier, "previous_response_id")
    for each, one in zip(sent.placed, sent.given, strict=True):
        if (found := _referred(each, one, memory)) is not None:
            raw.append(found)
            placed.append(items.read_one(found, each.path))
    return placed, raw


def _referred(placed: Placed, raw: JSONObject, memory: Memory) -> JSONObject | None:
    """The item, or the one that it stands for; None for a lost thought, without which a conversation goes on."""
    item, name = placed.item, _named(placed.item)
    if name is None:
        return raw
    if not isinstance(item, items.ItemReference):
        return memory.item(name) or raw
    found = memory.item(item.id)
    if found is None and not item.id.startswith(THOUGHT):
        raise bad_request(
            f"`{placed.path}.id`: there is no item `{item.id}` here, or no more. Send items themselves, which clients do where `store` is "
            "false.",
            param=f"{placed.path}.id",
        )
    return found


def _found_tools(placed: Sequence[Placed]) -> Iterator[tuple[str, schema.ResponseTool]]:
    for path, _, item in placed:
        if isinstance(item, items.MoreTools):
            for at, tool in enumerate(item.tools):
                yield f"{path}.tools[{at}]", tool


def _options(known: schema.ResponsesBody, *, logprobs: bool) -> JSONObject:
    given: JSONObject = {name: getattr(known, name) for name in AS_THEY_ARE}
    given["max_tokens"] = known.max_output_tokens
    if logprobs:
        given |= {"logprobs": True, "top_logprobs": known.top_logprobs}
    return {name: value for name, value in given.items() if value is not None}


def _response_format(form: schema.Format) -> JSONObject:
    if form.type == "text":
        return {}
    if form.type == "json_object":
        return {"response_format": {"type": "json_object"}}
    for name in ("name", "schema"):
        if getattr(form, name) is None:
            path = f"text.format.{name}"
            raise bad_request(f"`{path}`: Object missing required field `{name}`.", param=path)
    told = {name: getattr(form, name) for name in ("name", "description", "schema", "strict")}
    json_schema = {name: value for name, value in told.items() if value is not None}
    return {"response_format": {"type": "json_schema", "json_schema": json_schema}}


def _refuse_what_is_not_there(known: schema.ResponsesBody) -> None:
    """Raises ApiError(400)."""
    missing: tuple[tuple[str, Any, str], ...] = (
        ("conversation", known.conversation, "conversations are not kept here; send all items"),
        ("prompt", known.prompt, "there are no stored prompts here; send the texts themselves"),
        ("background", known.background or None, "answers are not made in the background here"),
    )
    for name, given, why in missing:
        if given is not None:
            raise _not_there(name, why)
    if known.input is None and known.previous_response_id is None:
        raise bad_request("`input`: Object missing required field `input`.", param="input")


def _not_there(name: str, why: str) -> ApiError:
    return bad_request(f"`{name}`: {why}.", param=name)
