"""The OpenAI dialect, spoken by most providers. How they differ is data: see `Preset`."""

from apps.providers.adapters.contract import Wire

from . import chat, embeddings, images, moderation, rerank, speech, transcription

WIRE = Wire(
    chat=chat.CODEC,
    embeddings=embeddings.CODEC,
    transcription=transcription.CODEC,
    speech=speech.CODEC,
    moderation=moderation.CODEC,
    images=images.CODEC,
    rerank=rerank.CODEC,
)
