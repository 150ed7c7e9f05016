"""Cloudflare Workers AI: POST …/ai/run/{model}, beside the …/ai/v1 that chat uses."""

from base64 import b64encode

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TranscriptionCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.audio import (
    MIME_TYPES,
    duration,
    numbered_segments,
    task_url,
    text_of,
    timed_words,
    words_of,
)
from apps.providers.adapters.shared.headers import bearer_headers
from apps.providers.adapters.shared.payloads import encoded, load_payload
from apps.providers.adapters.shared.urls import model_path
from apps.providers.adapters.shared.values import as_dict, as_text
from apps.providers.demands.transcription import Transcript, TranscriptionRequest
from apps.providers.types import Offer, UpstreamRequest

RAW_MODEL = "@cf/openai/whisper"  # takes the bytes as they are; its successors take JSON


def build(request: TranscriptionRequest, offer: Offer) -> UpstreamRequest:
    headers = bearer_headers(offer)
    body = request.audio
    if offer.model == RAW_MODEL and request.into_english:
        raise cannot_say("the model writes down what it hears in the language of the speaker", "model")
    if offer.model == RAW_MODEL:
        headers["content-type"] = MIME_TYPES[request.format]
    else:
        task = "translate" if request.into_english else "transcribe"
        payload: JSONObject = {"audio": b64encode(body).decode("ascii"), "task": task}
        if request.language:
            payload["language"] = request.language
        if request.prompt:
            payload["initial_prompt"] = request.prompt
        body = encoded(payload)
    return UpstreamRequest(url=task_url(offer, f"run/{model_path(offer.model)}"), headers=headers, body=body)


def parse(body: bytes, offer: Offer) -> Transcript:
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    result = as_dict(payload.get("result"))
    info = as_dict(result.get("transcription_info"))
    segments = result.get("segments")
    return Transcript(
        text=text_of(result),
        language=as_text(info.get("language")) or None,
        duration_s=duration(info.get("duration")),
        segments=numbered_segments(segments),
        words=timed_words(result.get("words")) or words_of(segments),
    )


def sends(name: str, request: TranscriptionRequest) -> bool:
    return name in ("language", "prompt")


CODEC = TranscriptionCodec(build=build, parse=parse, sends=sends, translates=True)
