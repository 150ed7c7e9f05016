"""Errors that come with status 200, whole or as a frame: a code or a sentence that proves something counts, and the rest is a failure."""

from typing import Any

import orjson
import pytest

from apps.providers.adapters.chat import CODECS, parse
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer
from tests.factories import make_request

from .test_nearly_json import COHERE, GEMINI, OPENAI, event

KEY_IS_BAD = "Invalid API key provided."


def kinds(offer: Offer, error: Any) -> set[ErrorKind]:
    """What `error` means in a whole answer, and in a stream that has begun."""
    body = orjson.dumps(error)
    stream = CODECS[offer.preset.wire].open_stream(offer)
    with pytest.raises(UpstreamError) as whole:
        parse(body, make_request(), offer)
    with pytest.raises(UpstreamError) as streamed:
        stream.feed(event(offer, b"a") + b"data: " + body + b"\n\n")
    assert (whole.value.status, streamed.value.status) == (200, 200)
    return {whole.value.kind, streamed.value.kind}


@pytest.mark.parametrize("offer", [OPENAI, COHERE])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "No.", "code": "invalid_api_key"}, ErrorKind.AUTH),
        ({"message": "No.", "type": "authentication_error"}, ErrorKind.AUTH),
        ({"message": KEY_IS_BAD}, ErrorKind.AUTH),
        ({"message": "No.", "code": 401}, ErrorKind.AUTH),
        ({"message": "No.", "code": "invalid_api_key", "status": 500}, ErrorKind.SERVER_ERROR),
        ({"message": "Not for model x.", "code": "unauthorized"}, ErrorKind.SERVER_ERROR),
        ({"message": "You wrote: the API key is invalid"}, ErrorKind.SERVER_ERROR),
        ({"message": "No.", "code": "model_not_found"}, ErrorKind.MODEL_GONE),
        ({"message": "No.", "code": "rate_limit_exceeded"}, ErrorKind.RATE_LIMITED),
        ({"message": "messages must not be empty."}, ErrorKind.REFUSED),
        ({"message": "No."}, ErrorKind.SERVER_ERROR),
    ],
)
def test_what_an_error_inside_of_an_answer_means(offer: Offer, error: dict[str, Any], kind: ErrorKind):
    assert kinds(offer, {"error": error}) == {kind}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "No.", "status": "UNAUTHENTICATED"}, ErrorKind.AUTH),
        ({"message": KEY_IS_BAD}, ErrorKind.AUTH),
        ({"message": "No.", "status": "NOT_FOUND"}, ErrorKind.MODEL_GONE),
        ({"message": "No.", "status": "INVALID_ARGUMENT", "code": 400}, ErrorKind.REFUSED),
        ({"message": "No.", "status": "UNAUTHENTICATED", "code": 503}, ErrorKind.SERVER_ERROR),
        ({"message": "No.", "status": "INTERNAL"}, ErrorKind.SERVER_ERROR),
        ({"message": "No."}, ErrorKind.SERVER_ERROR),
    ],
)
def test_what_an_error_inside_of_geminis_answers_means(error: dict[str, Any], kind: ErrorKind):
    assert kinds(GEMINI, {"error": error}) == {kind}
