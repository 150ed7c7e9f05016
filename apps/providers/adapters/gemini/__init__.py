"""Gemini's native wire (v1beta): generateContent and streamGenerateContent."""

from apps.providers.adapters.contract import Wire

from . import chat, embeddings, speech, transcription
from .headers import google_headers
from .refusals import parse_error

WIRE = Wire(
    headers=google_headers,
    parse_error=parse_error,
    chat=chat.CODEC,
    embeddings=embeddings.CODEC,
    transcription=transcription.CODEC,
    speech=speech.CODEC,
    inline_images=True,
)
