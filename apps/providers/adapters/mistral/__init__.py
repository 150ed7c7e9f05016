"""What of Mistral's is not OpenAI's dialect."""

from apps.providers.adapters.contract import Wire

from . import moderation, speech, transcription

WIRE = Wire(transcription=transcription.CODEC, speech=speech.CODEC, moderation=moderation.CODEC)
