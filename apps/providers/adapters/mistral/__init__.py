"""What of Mistral's is not OpenAI's dialect."""

from apps.providers.adapters.contract import Wire

from . import moderation, transcription

WIRE = Wire(transcription=transcription.CODEC, moderation=moderation.CODEC)
