"""Mistral's POST /audio/transcriptions: near OpenAI's, JSON answers only, no prompt (Mistral API reference, 2026-08).

Timestamps and `language` exclude each other upstream; the timestamps are what was asked for.
"""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TranscriptionCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.audio import duration, form_call, numbered_segments, text_of
from apps.providers.adapters.shared.forms import Field
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.usage import usage_of
from apps.providers.adapters.shared.values import as_dict, as_text
from apps.providers.demands.transcription import Transcript, TranscriptionRequest
from apps.providers.types import Offer, UpstreamRequest

OWN_FIELDS = frozenset({"diarize", "context_bias"})


def build(request: TranscriptionRequest, offer: Offer) -> UpstreamRequest:
    fields: list[Field] = [("model", offer.model)]
    if request.language and sends("language", request):
        fields.append(("language", request.language))
    if request.temperature is not None:
        fields.append(("temperature", f"{request.temperature:g}"))
    if request.needs:
        fields.append(("timestamp_granularities", "segment"))
    fields += [field for field in request.extra if field[0] in OWN_FIELDS]
    return form_call(offer, fields, request)


def parse(body: bytes, offer: Offer) -> Transcript:
    payload: JSONObject = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    return Transcript(
        text=text_of(payload),
        language=as_text(payload.get("language")) or None,
        duration_s=duration(as_dict(payload.get("usage")).get("prompt_audio_seconds")),
        segments=numbered_segments(payload.get("segments")),
        usage=usage_of(payload, offer),
    )


def sends(name: str, request: TranscriptionRequest) -> bool:
    if name == "language":
        return not request.needs
    return name == "temperature" or name in OWN_FIELDS


CODEC = TranscriptionCodec(build=build, parse=parse, sends=sends)
