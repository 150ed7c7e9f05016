"""POST …:generateContent: bytes -> a chat request, or a 400 that names the field in Google's words."""

from typing import Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.answering.efforts import effort_of
from apps.gateway.answering.routed import chat_request
from apps.gateway.answering.survey import cautious, survey
from apps.gateway.endpoints.gemini.wire import schema
from apps.gateway.endpoints.gemini.wire.history import messages_of
from apps.gateway.endpoints.gemini.wire.schemas import json_schema
from apps.gateway.endpoints.gemini.wire.spelling import camelised
from apps.gateway.endpoints.gemini.wire.tools import tools_of
from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import bad_request
from apps.gateway.wire.names import native_model
from apps.providers.types import ChatRequest

PREFIX: Final = "models/"
INNER: Final = "generateContentRequest"
ANSWER: Final = "answer"
JSON, PLAIN = "application/json", ("", "text/plain")
LEVELS: Final = {
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "THINKING_LEVEL_UNSPECIFIED": None,
}
AS_OPENAI_HAS_THEM: Final = {
    "max_output_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "stop_sequences": "stop",
    "candidate_count": "n",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}


class Asked(Struct, frozen=True, kw_only=True):
    """A request. `chat`: what it comes to; `model` as the client named it; `ignored`: what of it reaches no upstream. `shows_thinking`:
    whether the client asked to see it."""

    chat: ChatRequest
    model: str
    ignored: tuple[str, ...]
    shows_thinking: bool


class _Routed(Struct, frozen=True, kw_only=True):
    model: str | None
    stream: bool | None
    strategy: str | None
    preferred_provider: str | None
    fallback: bool | None


def model_name(named: str) -> str:
    """The model in a path or a body. Raises ApiError(400)."""
    return native_model(named.removeprefix(PREFIX)) or ""


def parse(named: str, body: bytes, *, stream: bool) -> Asked:
    """The validated request. Raises ApiError(400)."""
    known = validate(camelised(decode(body)), schema.GenerateBody)
    tools = tools_of(known)
    config = known.generation_config or schema.GenerationConfig()
    made: JSONObject = {"messages": messages_of(known), **_options(config), **tools.members}
    model = model_name(named)
    routed = _Routed(
        model=model,
        stream=stream,
        strategy=known.strategy,
        preferred_provider=known.preferred_provider,
        fallback=known.fallback,
    )
    thinking = config.thinking_config
    return Asked(
        chat=chat_request(
            routed, made, survey(made), include_usage=True, max_tokens=config.max_output_tokens
        ),
        model=model,
        ignored=tools.ignored,
        shows_thinking=thinking is not None and bool(thinking.include_thoughts),
    )


def count_tokens(body: bytes) -> int:
    """About how many tokens a request has, never too few by much. Raises ApiError(400)."""
    raw = camelised(decode(body))
    at = INNER if isinstance(raw.get(INNER), dict) else ""
    known = validate(raw[INNER] if at else raw, schema.CountedBody, at)
    _, tokens = survey({"messages": messages_of(known), **tools_of(known).members})
    return cautious(tokens)


def _options(config: schema.GenerationConfig) -> JSONObject:
    """Raises ApiError(400)."""
    given = {ours: getattr(config, name) for name, ours in AS_OPENAI_HAS_THEM.items()}
    made = {name: value for name, value in given.items() if value not in (None, [])}
    if "top_k" in made:
        made["top_k"] = int(made["top_k"])
    if effort := _effort(config.thinking_config):
        made["reasoning_effort"] = effort
    _refuse_other_modalities(config)
    return made | _response_format(config)


def _effort(thinking: schema.ThinkingConfig | None) -> str | None:
    """OpenAI's word for it; None where the client leaves it open. Raises ApiError(400)."""
    if thinking is None:
        return None
    if thinking.thinking_level is not None:
        level = thinking.thinking_level.upper()
        if level not in LEVELS:
            path = "generationConfig.thinkingConfig.thinkingLevel"
            raise bad_request(f"`{path}`: must be MINIMAL, LOW, MEDIUM or HIGH.", param=path)
        return LEVELS[level]
    budget = thinking.thinking_budget
    if budget is None or budget < 0:
        return None
    return effort_of(budget) if budget else "none"


def _response_format(config: schema.GenerationConfig) -> JSONObject:
    """Raises ApiError(400)."""
    kind = (config.response_mime_type or "").strip().lower()
    if kind not in (JSON, *PLAIN):
        path = "generationConfig.responseMimeType"
        raise bad_request(f"`{path}`: must be text/plain or application/json.", param=path)
    wanted = config.response_json_schema
    if wanted is None and config.response_schema is not None:
        wanted = json_schema(config.response_schema)
    if kind != JSON:
        return {}
    if wanted is None:
        return {"response_format": {"type": "json_object"}}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": ANSWER, "schema": wanted}}}


def _refuse_other_modalities(config: schema.GenerationConfig) -> None:
    """Raises ApiError(400) where the answer may hold no text."""
    wanted = {name.upper() for name in config.response_modalities or ()}
    if wanted and "TEXT" not in wanted:
        path = "generationConfig.responseModalities"
        raise bad_request(f"`{path}`: answers are texts here.", param=path)
