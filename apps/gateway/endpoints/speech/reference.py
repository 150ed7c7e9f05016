"""Speech in the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

from apps.gateway.endpoints.speech.wire import CONTENT_TYPES, SpeechBody
from apps.gateway.wire.reference import ATTEMPTED, Operation, Route

OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", "/v1/audio/speech"): Operation(
        summary="Text to speech",
        body=SpeechBody,
        formats=tuple(CONTENT_TYPES.values()),
        errors=ATTEMPTED,
        sent={"input": "Hello world.", "voice": "alloy"},
    )
}
