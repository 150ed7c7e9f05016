"""Which part of a conversation is read: what the user says now, and how the system prompt begins."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from apps.core.json_types import JSONObject

MAX_HEAD: Final = 700
MAX_TAIL: Final = 500
"""Of a long text its begin and its end are read: a question stands before or after what is pasted."""
MAX_SYSTEM: Final = 400
SHORT: Final = 120
"""After fewer characters than this ("make it shorter") the user's message before is read too."""
MAX_USER_MESSAGES: Final = 3
MAX_MESSAGES: Final = 50
"""So many messages are looked through for the user's."""
MAX_PARTS: Final = 16
"""Of a message in parts, the last so many are read."""

Message = JSONObject


def user_text(messages: Sequence[Message]) -> str:
    """The user's last words, oldest first, at most MAX_HEAD + MAX_TAIL characters and a few separators."""
    texts: list[str] = []
    length = 0
    for text in islice(_user_texts(messages), MAX_USER_MESSAGES):
        texts.append(text)
        length += len(text)
        if length >= SHORT:
            break
    return _ends("\n".join(reversed(texts)))


def system_text(messages: Sequence[Message]) -> str:
    """How the system prompt begins; "" where the conversation does not start with one."""
    if not messages or messages[0].get("role") not in {"system", "developer"}:
        return ""
    return _text(messages[0])[:MAX_SYSTEM]


def _user_texts(messages: Sequence[Message]) -> Iterator[str]:
    """The user's messages that hold text, newest first."""
    for message in islice(reversed(messages), MAX_MESSAGES):
        if message.get("role") == "user" and (text := _ends(_text(message))):
            yield text


def _text(message: Message) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(
        _ends(part.get("text") or "") for part in content[-MAX_PARTS:] if part.get("type") == "text"
    )


def _ends(text: str) -> str:
    return text if len(text) <= MAX_HEAD + MAX_TAIL else f"{text[:MAX_HEAD]}\n{text[-MAX_TAIL:]}"
