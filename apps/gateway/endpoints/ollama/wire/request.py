"""POST /ollama/api/chat and /api/generate: bytes -> a chat request, or a 400 that names the field."""

from collections.abc import Iterator
from typing import Final

import orjson
from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.answering.efforts import known_effort
from apps.gateway.answering.pairing import Pairing
from apps.gateway.answering.routed import chat_request
from apps.gateway.answering.survey import survey
from apps.gateway.endpoints.ollama.wire import schema
from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import bad_request
from apps.providers.adapters.shared.media import UNKNOWN, canonical_type, standard_base64
from apps.providers.types import ChatRequest

LATEST: Final = ":latest"
"""What clients put behind a name that has no tag."""
ANSWER: Final = "answer"
JSON: Final = "json"
AS_THEY_ARE: Final = (
    "temperature",
    "top_p",
    "top_k",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
)
NO_PARAMETERS: Final[JSONObject] = {"type": "object", "properties": {}}
PICTURES: Final = "image/"


class Asked(Struct, frozen=True, kw_only=True):
    """A request. `chat`: what it comes to, None for one that only loads the model; `model` as the client named it. `shows_thinking`:
    whether the client asked to see it."""

    chat: ChatRequest | None
    model: str
    stream: bool
    shows_thinking: bool


class _Routed(Struct, frozen=True, kw_only=True):
    model: str | None
    stream: bool | None
    strategy: str | None
    preferred_provider: str | None
    fallback: bool | None


def plain_name(model: str | None) -> str | None:
    """A model's name without the tag that clients add; None for none."""
    return (model or "").removesuffix(LATEST) or None


def parse_chat(body: bytes) -> Asked:
    """The validated request of /api/chat. Raises ApiError(400)."""
    known = validate(decode(body), schema.OllamaChatBody)
    made: JSONObject = {"messages": list(_messages(known.messages or []))}
    if known.tools:
        made["tools"] = [_function(tool) for tool in known.tools]
    return _asked(known, made)


def parse_generate(body: bytes) -> Asked:
    """The same of /api/generate. Raises ApiError(400)."""
    known = validate(decode(body), schema.OllamaGenerateBody)
    if known.suffix:
        raise bad_request("`suffix`: prompts with a hole in them are not served here.", param="suffix")
    messages: list[JSONObject] = []
    if known.prompt or known.images:
        if known.system:
            messages.append({"role": "system", "content": known.system})
        messages.append({"role": "user", "content": _content(known.prompt or "", known.images, "images")})
    return _asked(known, {"messages": messages})


def _asked(known: schema.AskedModel, made: JSONObject) -> Asked:
    """Raises ApiError(400)."""
    stream = known.stream is not False
    options = known.options or schema.Options()
    most = options.num_predict if options.num_predict is not None and options.num_predict > 0 else None
    made |= _options(options) | _effort(known.think) | _response_format(known.format)
    if most is not None:
        made["max_tokens"] = most
    routed = _Routed(
        model=plain_name(known.model),
        stream=stream,
        strategy=known.strategy,
        preferred_provider=known.preferred_provider,
        fallback=known.fallback,
    )
    return Asked(
        chat=chat_request(routed, made, survey(made), include_usage=True, max_tokens=most)
        if made["messages"]
        else None,
        model=known.model or "",
        stream=stream,
        shows_thinking=bool(known.think),
    )


def _options(options: schema.Options) -> JSONObject:
    given = {name: getattr(options, name) for name in AS_THEY_ARE}
    return {name: value for name, value in given.items() if value not in (None, [])}


def _effort(think: bool | schema.Effort | None) -> JSONObject:
    if think is None or think is True:
        return {}
    if think is False:
        return {"reasoning_effort": "none"}
    return {"reasoning_effort": known_effort(think)}


def _response_format(form: str | JSONObject | None) -> JSONObject:
    """Raises ApiError(400)."""
    if form is None or form == "":
        return {}
    if isinstance(form, dict):
        json_schema = {"name": ANSWER, "schema": form}
        return {"response_format": {"type": "json_schema", "json_schema": json_schema}}
    if form != JSON:
        raise bad_request("`format`: must be json, or a JSON schema.", param="format")
    return {"response_format": {"type": "json_object"}}


def _messages(given: list[schema.ChatMessage]) -> Iterator[JSONObject]:
    """Raises ApiError(400)."""
    pairing = Pairing()
    for at, message in enumerate(given):
        text = message.content or ""
        match message.role:
            case "assistant":
                yield _answer(message, text, pairing)
            case "tool":
                call_id = pairing.answered(message.tool_name, message.tool_call_id)
                yield {"role": "tool", "tool_call_id": call_id, "content": text}
                if message.images:
                    yield {"role": "user", "content": _content("", message.images, f"messages[{at}].images")}
            case role:
                yield {"role": role, "content": _content(text, message.images, f"messages[{at}].images")}


def _answer(message: schema.ChatMessage, text: str, pairing: Pairing) -> JSONObject:
    calls: list[JSONObject] = []
    for call in message.tool_calls or ():
        arguments = orjson.dumps(call.function.arguments or {}).decode()
        function = {"name": call.function.name, "arguments": arguments}
        call_id = pairing.called(call.function.name, call.id)
        calls.append({"id": call_id, "type": "function", "function": function})
    if not calls:
        return {"role": "assistant", "content": text}
    return {"role": "assistant", "content": text or None, "tool_calls": calls}


def _content(text: str, images: list[str] | None, path: str) -> str | list[JSONObject]:
    """A text as it is: the shape that every upstream takes. Raises ApiError(400)."""
    if not images:
        return text
    parts: list[JSONObject] = [{"type": "text", "text": text}] if text else []
    return parts + [_image(data, f"{path}[{at}]") for at, data in enumerate(images)]


def _image(data: str, path: str) -> JSONObject:
    """Of bare base64, which says of itself what it is; a data: URI is taken too."""
    if data.startswith("data:"):
        return {"type": "image_url", "image_url": {"url": data}}
    plain = standard_base64(data)
    kind = canonical_type(UNKNOWN, plain)
    if not kind.startswith(PICTURES):
        raise bad_request(f"`{path}`: must be an image in base64.", param=path)
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{plain}"}}


def _function(tool: schema.DeclaredTool) -> JSONObject:
    declared = tool.function
    said = {"description": declared.description} if declared.description else {}
    parameters = declared.parameters or dict(NO_PARAMETERS)
    return {"type": "function", "function": {"name": declared.name, **said, "parameters": parameters}}
