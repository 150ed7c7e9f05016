"""What of Hugging Face's inference host is not OpenAI's dialect."""

from apps.providers.adapters.contract import Wire

from . import embeddings, images, rerank, transcription

WIRE = Wire(
    embeddings=embeddings.CODEC, transcription=transcription.CODEC, images=images.CODEC, rerank=rerank.CODEC
)
