"""Gemini's native wire: generateContent, answered by audio: bare samples of 16 bits, which a head makes a WAV file of. What a voice is
to sound like is said in front of the text (Gemini API reference, 2026-08)."""

import re
from typing import Final
from urllib.parse import quote

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.gemini.chat.response import usage_of
from apps.providers.adapters.gemini.headers import google_headers
from apps.providers.adapters.gemini.refusals import frame_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.posts import json_post
from apps.providers.adapters.shared.spoken import decoded, pcm_form, spoken, unreadable, write_wav
from apps.providers.adapters.shared.values import as_dict, as_list, as_text
from apps.providers.demands.speech import Speech, SpeechRequest
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer, UpstreamRequest

RATE: Final = re.compile(r"rate=(\d{4,6})\b")
USUAL_RATE: Final = 24_000
FILTERED: Final = frozenset({"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "RECITATION", "SPII"})


def build(request: SpeechRequest, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.speech
    text = f"{request.instructions}: {request.text}" if request.instructions else request.text
    voice = {"prebuiltVoiceConfig": {"voiceName": wire.voices.get(request.voice, request.voice)}}
    payload: JSONObject = {
        "contents": [{"role": "user", "parts": [{"text": text}]}],
        "generationConfig": {"responseModalities": ["AUDIO"], "speechConfig": {"voiceConfig": voice}},
    }
    path = f"models/{quote(offer.model, safe='')}:generateContent"
    return json_post(offer, wire.base_url, path, payload, google_headers(offer))


def parse(body: bytes, request: SpeechRequest, offer: Offer) -> Speech:
    payload = load_payload(body, offer)
    if payload.get("error"):
        raise frame_error(payload, offer)
    samples, rate = _samples(payload)
    usage = usage_of(as_dict(payload.get("usageMetadata")), ends=True)
    if request.format == "pcm":
        if rate != USUAL_RATE:
            raise unreadable(f"the upstream's samples are {rate} a second")
        return Speech(audio=samples, format="pcm", usage=usage)
    return spoken(write_wav(pcm_form(rate), samples), request, offer, usage)


def _samples(payload: JSONObject) -> tuple[bytes, int]:
    """(samples, how many a second) of all parts. Raises UpstreamError: CONTENT_FILTERED, PARSING."""
    candidate = as_dict(next(iter(as_list(payload.get("candidates"))), None))
    parts = as_list(as_dict(candidate.get("content")).get("parts"))
    sounds = [sound for part in parts if (sound := as_dict(as_dict(part).get("inlineData")))]
    if not sounds and (candidate.get("finishReason") in FILTERED or payload.get("promptFeedback")):
        raise UpstreamError(ErrorKind.CONTENT_FILTERED, "The provider's filter refused the text.")
    samples = b"".join(decoded(sound.get("data")) for sound in sounds)
    if not samples:
        raise unreadable("the upstream sent no sound")
    found = RATE.search(as_text(sounds[0].get("mimeType")))
    return samples, int(found[1]) if found else USUAL_RATE


def sends(name: str) -> bool:
    return False


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
