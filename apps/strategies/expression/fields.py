"""The fields that an expression may read: the schema, and the two structs that carry the values.

A value of None means "not known": a provider without samples has no latency yet, and a check over the
catalogue alone knows no live counters. Every number is finite. Nothing here reads a clock or a store:
whoever ranks candidates fills the structs, once per request.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

import msgspec

from apps.strategies.expression.types import BOOL, DOUBLE, INT, STRING, Type, list_of

REQUEST_PREFIX: Final = "request."


class Source(Enum):
    """Where a value comes from, which decides what a missing one means to a requirement."""

    CATALOGUE = "catalogue"
    """Set by the catalogue or the operator; changes only when somebody edits it."""
    MEASURED = "measured"
    """Learnt from finished attempts; missing until there was one."""
    LIVE = "live"
    """A counter of the quota and health state, read when the request is ranked."""
    REQUEST = "request"
    """Read from the request that is being routed."""


class CandidateFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of one candidate while one request is ranked. None: not known."""

    name: str | None = None
    model: str | None = None
    tags: tuple[str, ...] | None = None
    weight: float | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    latency_ema_ms: float | None = None
    last_latency_ms: float | None = None
    ttfb_ema_ms: float | None = None
    requests_today: int | None = None
    requests_this_minute: int | None = None
    tokens_today: int | None = None
    rpm_remaining: float | None = None
    rpd_remaining: float | None = None
    tpd_remaining: float | None = None
    success_rate: float | None = None
    in_flight: int | None = None
    price_input: float | None = None
    price_output: float | None = None
    free: bool | None = None
    vision: bool | None = None
    tools: bool | None = None
    json_schema: bool | None = None
    reasoning: bool | None = None


class RequestFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of the request that is being routed. None: not known."""

    prompt_tokens: int | None = None
    max_tokens: int | None = None
    has_images: bool | None = None
    has_tools: bool | None = None
    has_audio: bool | None = None
    json_schema: bool | None = None
    language: str | None = None
    stream: bool | None = None
    intent: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One readable name. ``unit`` is "-" where there is none."""

    name: str
    type: Type
    unit: str
    source: Source
    may_be_missing: bool
    meaning: str

    @property
    def of_request(self) -> bool:
        return self.source is Source.REQUEST

    @property
    def attribute(self) -> str:
        """The attribute of CandidateFacts or RequestFacts that holds the value."""
        return self.name.removeprefix(REQUEST_PREFIX)


def _catalogue(name: str, type_: Type, unit: str, meaning: str) -> Field:
    return Field(name, type_, unit, Source.CATALOGUE, False, meaning)


def _unsure(name: str, type_: Type, unit: str, meaning: str) -> Field:
    return Field(name, type_, unit, Source.CATALOGUE, True, meaning)


def _measured(name: str, unit: str, meaning: str) -> Field:
    return Field(name, DOUBLE, unit, Source.MEASURED, True, meaning)


def _live(name: str, type_: Type, unit: str, meaning: str) -> Field:
    return Field(name, type_, unit, Source.LIVE, False, meaning)


def _request(name: str, type_: Type, unit: str, meaning: str) -> Field:
    return Field(REQUEST_PREFIX + name, type_, unit, Source.REQUEST, False, meaning)


_PER_MILLION: Final = "USD per million tokens"

_SCHEMA: Final = (
    _catalogue("name", STRING, "-", "The provider's name in the catalogue"),
    _catalogue("model", STRING, "-", "The provider's own name of the model"),
    _catalogue("tags", list_of(STRING), "-", "The provider's tags"),
    _catalogue("weight", DOUBLE, "-", "The weight that the operator or user gave the provider"),
    _catalogue("context_window", INT, "tokens", "Prompt and answer together"),
    _unsure("max_output_tokens", INT, "tokens", "The longest answer"),
    _measured("latency_ema_ms", "ms", "Moving average of the latency"),
    _measured("last_latency_ms", "ms", "Latency of the last attempt"),
    _measured("ttfb_ema_ms", "ms", "Moving average of the time to the first byte"),
    _live("requests_today", INT, "requests", "Counted in the current day"),
    _live("requests_this_minute", INT, "requests", "Counted in the current minute"),
    _live("tokens_today", INT, "tokens", "Counted in the current day"),
    _live("rpm_remaining", DOUBLE, "0..1", "Share left of the requests per minute"),
    _live("rpd_remaining", DOUBLE, "0..1", "Share left of the requests per day"),
    _live("tpd_remaining", DOUBLE, "0..1", "Share left of the tokens per day"),
    _measured("success_rate", "0..1", "Share of the recent attempts that succeeded"),
    _live("in_flight", INT, "requests", "Attempts under way"),
    _unsure("price_input", DOUBLE, _PER_MILLION, "Price of the prompt"),
    _unsure("price_output", DOUBLE, _PER_MILLION, "Price of the answer"),
    _catalogue("free", BOOL, "-", "The model costs nothing"),
    _catalogue("vision", BOOL, "-", "The model takes images"),
    _catalogue("tools", BOOL, "-", "The model calls tools"),
    _catalogue("json_schema", BOOL, "-", "The model answers by a JSON schema"),
    _catalogue("reasoning", BOOL, "-", "The model reasons before it answers"),
    _request("prompt_tokens", INT, "tokens", "Estimated size of the prompt"),
    _request("max_tokens", INT, "tokens", "Longest answer that the client takes"),
    _request("has_images", BOOL, "-", "A message holds an image"),
    _request("has_tools", BOOL, "-", "The request offers tools"),
    _request("has_audio", BOOL, "-", "A message holds audio"),
    _request("json_schema", BOOL, "-", "The answer must follow a JSON schema"),
    _request("language", STRING, "-", '`"en"`, `"es"`, `"fr"`, `"de"`, `"pt"`, or `""` when not recognised'),
    _request("stream", BOOL, "-", "The client wants a stream"),
    _request("intent", STRING, "-", '`"chat"`, `"coding"`, `"reasoning"`, `"long_context"` or `"vision"`'),
    _request("model", STRING, "-", "The model that the client named"),
)

FIELDS: Final[dict[str, Field]] = {field.name: field for field in _SCHEMA}
"""Every readable field by the name that an expression writes, in the order of the documentation."""
