"""Transcriptions, and translations of speech, in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from apps.gateway.endpoints.transcriptions.wire import (
    FIELD_NAME,
    FORMATS,
    GRANULARITIES,
    GRANULARITY_FIELDS,
    NOT_OF_TRANSLATIONS,
)
from apps.gateway.wire.multipart import MAX_FIELD_CHARS
from apps.gateway.wire.names import MODEL_SCHEMA
from apps.gateway.wire.reference import ATTEMPTED, Operation, Route


class Transcription(Struct):
    """`response_format` json; verbose_json has more beside it."""

    text: str
    provider: str
    model: str
    latency_ms: int
    fallback_position: int


TEXT: Final = {"type": "string", "maxLength": MAX_FIELD_CHARS}
FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        "model": {"type": "string", **MODEL_SCHEMA},
        "language": {"type": "string", "pattern": "^([A-Za-z]{2})?$"},
        "prompt": TEXT,
        "preferred_provider": TEXT,
        "temperature": {"type": "number", "minimum": 0, "maximum": 1},
        "response_format": {"type": "string", "enum": list(FORMATS)},
        GRANULARITY_FIELDS[0]: {
            "type": "array",
            "items": {"type": "string", "enum": list(GRANULARITIES)},
        },
        "stream": {"type": "string", "enum": ["false"]},
        "fallback": {"type": "string", "enum": ["true", "false"]},
    },
    "propertyNames": {"pattern": f"^{FIELD_NAME.pattern}$"},
    "additionalProperties": TEXT,
}
IN_ENGLISH: Final = FORM | {
    "properties": {
        name: schema for name, schema in FORM["properties"].items() if name not in NOT_OF_TRANSLATIONS
    },
    "propertyNames": {"allOf": [FORM["propertyNames"], {"not": {"enum": sorted(NOT_OF_TRANSLATIONS)}}]},
}
EXAMPLE: Final = {
    "text": "Hello world...",
    "provider": "groq",
    "model": "whisper-large-v3-turbo",
    "latency_ms": 1230,
    "fallback_position": 1,
}
OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", "/v1/audio/transcriptions"): Operation(
        summary="Speech to text",
        form=FORM,
        answer=Transcription,
        formats=("text/plain",),
        errors=ATTEMPTED,
        example=EXAMPLE,
    ),
    ("POST", "/v1/audio/translations"): Operation(
        summary="Speech to English text",
        form=IN_ENGLISH,
        answer=Transcription,
        formats=("text/plain",),
        errors=ATTEMPTED,
        example=EXAMPLE | {"model": "whisper-large-v3"},
    ),
}
