"""Hugging Face's inference host: POST models/{model} with the bytes of the file, and nothing said about them."""

from typing import Any

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.contract import TranscriptionCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.audio import MIME_TYPES, numbered_segments, task_url, text_of
from apps.providers.adapters.shared.headers import bearer_headers
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.urls import model_path
from apps.providers.adapters.shared.values import as_dict, as_list
from apps.providers.demands.transcription import Transcript, TranscriptionRequest
from apps.providers.types import Offer, UpstreamRequest


def build(request: TranscriptionRequest, offer: Offer) -> UpstreamRequest:
    headers = bearer_headers(offer)
    headers["content-type"] = MIME_TYPES[request.format]
    url = task_url(offer, f"models/{model_path(offer.model)}")
    return UpstreamRequest(url=url, headers=headers, body=request.audio)


def parse(body: bytes, offer: Offer) -> Transcript:
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    return Transcript(text=text_of(payload), segments=_segments(payload.get("chunks")))


def sends(name: str, request: TranscriptionRequest) -> bool:
    return False


def _segments(chunks: Any) -> list[JSONObject] | None:
    """Segments of `[{"text", "timestamp": [start, end]}]`; the last end may be null."""
    if not isinstance(chunks, list):
        return None
    values = []
    for chunk in map(as_dict, chunks):
        times: JSONArray = [*as_list(chunk.get("timestamp")), None, None]
        values.append({"start": times[0], "end": times[1], "text": chunk.get("text")})
    return numbered_segments(values)


CODEC = TranscriptionCodec(build=build, parse=parse, sends=sends)
