"""What of Cloudflare Workers AI is not OpenAI's dialect."""

from apps.providers.adapters.contract import Wire

from . import images, rerank, speech, transcription

WIRE = Wire(transcription=transcription.CODEC, speech=speech.CODEC, images=images.CODEC, rerank=rerank.CODEC)
