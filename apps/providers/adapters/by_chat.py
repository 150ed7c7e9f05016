"""Where chat models do what is no chat, because the wire has no endpoint for it."""

from collections.abc import Callable, Mapping
from typing import Final

from apps.providers.adapters import transcription
from apps.providers.types import Preset, Task

BY_CHAT: Final[Mapping[Task, Callable[[Preset], bool]]] = {
    "transcription": lambda preset: transcription.CODECS[preset.transcription.wire].by_chat,
    "translation": lambda preset: transcription.CODECS[preset.transcription.wire].by_chat,
}


def is_by_chat(task: Task, preset: Preset) -> bool:
    """Whether the provider's wire asks chat models for `task`."""
    return task in BY_CHAT and BY_CHAT[task](preset)
