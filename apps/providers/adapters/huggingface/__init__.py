"""What of Hugging Face's inference host is not OpenAI's dialect."""

from apps.providers.adapters.contract import Wire

from . import embeddings, transcription

WIRE = Wire(embeddings=embeddings.CODEC, transcription=transcription.CODEC)
