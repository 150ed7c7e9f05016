"""What of Cloudflare Workers AI is not OpenAI's dialect."""

from apps.providers.adapters.contract import Wire

from . import rerank, transcription

WIRE = Wire(transcription=transcription.CODEC, rerank=rerank.CODEC)
