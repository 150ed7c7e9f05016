"""Translations of speech in the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

from apps.gateway.endpoints.transcriptions.reference import FORM, Transcription
from apps.gateway.endpoints.transcriptions.wire import NOT_OF_TRANSLATIONS
from apps.gateway.wire.reference import ATTEMPTED, Operation, Route

FIELDS: Final = {
    name: schema for name, schema in FORM["properties"].items() if name not in NOT_OF_TRANSLATIONS
}
NAMES: Final = {"allOf": [FORM["propertyNames"], {"not": {"enum": sorted(NOT_OF_TRANSLATIONS)}}]}
OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", "/v1/audio/translations"): Operation(
        summary="Speech to English text",
        form=FORM | {"properties": FIELDS, "propertyNames": NAMES},
        answer=Transcription,
        formats=("text/plain",),
        errors=ATTEMPTED,
        example={
            "text": "Hello world...",
            "provider": "groq",
            "model": "whisper-large-v3",
            "latency_ms": 1230,
            "fallback_position": 1,
        },
    )
}
