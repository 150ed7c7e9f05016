"""Cohere's native wire (v2): POST /chat, /embed and /rerank. Sources: Cohere API reference and SDK, 2026-08."""

from apps.providers.adapters.contract import Wire

from . import chat, embeddings, rerank
from .refusals import parse_error

WIRE = Wire(parse_error=parse_error, chat=chat.CODEC, embeddings=embeddings.CODEC, rerank=rerank.CODEC)
