"""What providers refuse of speech requests."""

from __future__ import annotations

from fakes.answers import Asked

from .base import Check, invalid, names

_ENGLISH = names("autumn diana hannah austin daniel troy")
_MOST_CHARS = 200


def only(text: str) -> Check:
    """Raises Refused for other fields than these."""
    taken = names(text)

    def check(asked: Asked) -> None:
        for name in asked.body:
            if name not in taken:
                raise invalid(f"property '{name}' is unsupported", param=name)

    return check


def check_groq(asked: Asked) -> None:
    """Raises Refused for unknown fields and voices, and for long texts."""
    only("model input voice response_format sample_rate speed")(asked)
    if len(asked.last_user_text) > _MOST_CHARS:
        raise invalid(f"input must be at most {_MOST_CHARS} characters", param="input")
    if asked.body.get("voice") not in _ENGLISH:
        raise invalid(f"voice must be one of {sorted(_ENGLISH)}", param="voice")


check_openai = only("model input voice response_format speed instructions stream_format")
check_mistral = only("model input voice_id ref_audio response_format stream")
check_cloudflare = only("prompt lang text speaker")
check_gemini = only("contents generationConfig")
