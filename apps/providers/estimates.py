"""About how many tokens something has, where nobody has counted: before a call, and after an answer without usage. Pure."""

CHARS_PER_TOKEN = 4
# Speech at 128 kbit/s and 32 tokens a second; 16-bit speech at 16 kHz comes to twice the bytes.
AUDIO_BYTES_PER_TOKEN = 500


def text_tokens(text: str) -> int:
    """Of a text, by its bytes of UTF-8: right for English, a little high for scripts with three bytes a character."""
    return (len(text) if text.isascii() else len(text.encode())) // CHARS_PER_TOKEN


def size_tokens(size: int) -> int:
    """Of a part of a prompt with so many characters or bytes."""
    return size // CHARS_PER_TOKEN


def answer_tokens(characters: int) -> int:
    """Of an answer; rounded up, since one that said anything cost something."""
    return -(-characters // CHARS_PER_TOKEN)


def audio_tokens(size_bytes: int) -> int:
    """Of a recording, where an upstream counts it so."""
    return size_bytes // AUDIO_BYTES_PER_TOKEN


def base64_bytes(encoded: str) -> int:
    """About how many bytes a base64 text holds."""
    return len(encoded) * 3 // 4
