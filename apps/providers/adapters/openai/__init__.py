"""The OpenAI dialect, spoken by most providers. How they differ is data: see `Preset`."""

from apps.providers.adapters.contract import Wire

from . import chat, embeddings, moderation, rerank, transcription

WIRE = Wire(
    chat=chat.CODEC,
    embeddings=embeddings.CODEC,
    transcription=transcription.CODEC,
    moderation=moderation.CODEC,
    rerank=rerank.CODEC,
)
