"""Requests for the client API that miss it: a base URL without `/v1`, with too much of it, or with another server's prefix."""

import re
from typing import Final

ENDPOINTS: Final = (
    r"chat/completions|completions|responses|messages|embeddings|models|rerank|moderations"
    r"|audio/(?:transcriptions|translations|speech)|images/(?:generations|edits)"
)
MISSED: Final = re.compile(
    rf"/(?:(?:api|openai|v1)/v1/|openai/|v2/|api/v2/|v1beta/openai/)?(?:{ENDPOINTS})/?"
)
SLASHED: Final = re.compile(rf"/v1/(?:{ENDPOINTS})/+")

HINT: Final = (
    "The client API is under /v1: a client's base URL is this server's address with /v1 behind it and nothing else, such as "
    "http://127.0.0.1:8000/v1."
)


def hint(path: str) -> str:
    """What to tell who asked for `path`, "" where nothing suggests that it was meant for the client API."""
    if SLASHED.fullmatch(path):
        return "Leave out the slash at its end."
    return HINT if MISSED.fullmatch(path) else ""
