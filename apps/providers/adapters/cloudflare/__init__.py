"""What of Cloudflare Workers AI is not OpenAI's dialect."""

from apps.providers.adapters.contract import Wire

from . import images, rerank, transcription

WIRE = Wire(transcription=transcription.CODEC, images=images.CODEC, rerank=rerank.CODEC)
