"""What of Hugging Face's inference host is not OpenAI's dialect."""

from apps.providers.adapters.contract import Wire

from . import embeddings, rerank, transcription

WIRE = Wire(embeddings=embeddings.CODEC, transcription=transcription.CODEC, rerank=rerank.CODEC)
