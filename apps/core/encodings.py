"""How a request says that its body is written. Bodies are taken as they are, and as UTF-8: nothing is unpacked, so that none can be a
bomb, and none of Python's codecs decodes what a client names, since some of them take minutes over a megabyte and others make no text."""

from collections.abc import Mapping
from typing import Any, Final

MAX_SHOWN = 40
"""Characters of an encoding in an error."""
UTF_8: Final = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})
"""What a charset may be called: all of it is UTF-8."""


def encoding_of(meta: Mapping[str, Any]) -> str:
    """The encoding named in a request's META, "" where its body is plain."""
    named = str(meta.get("HTTP_CONTENT_ENCODING", "")).strip().lower()
    return "" if named == "identity" else named


def not_decoded(encoding: str) -> str:
    """The refusal, in words."""
    return f"The body has the Content-Encoding {encoding[:MAX_SHOWN]!a}: bodies are taken uncompressed only."


def charset_of(parameters: Mapping[str, str]) -> str:
    """The charset among the parameters of a `Content-Type`, "" where it is UTF-8."""
    named = parameters.get("charset", "").strip().lower()
    return "" if named in UTF_8 else named


def not_utf8(charset: str) -> str:
    """The refusal, in words."""
    return f"The body has the charset {charset[:MAX_SHOWN]!a}: bodies are taken as UTF-8 only."
