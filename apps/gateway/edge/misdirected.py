"""Requests for the client API that miss it: a base URL without `/v1`, with too much of it, or with another server's prefix."""

import re
from typing import Final

LONGEST: Final = 500
# What stands at the end of nothing else that is served here, whatever is before it.
CALLS: Final = (
    r"chat/completions|embeddings|responses(?:/input_tokens)?|audio/(?:transcriptions|translations|speech)"
    r"|images/(?:generations|edits|variations)|messages/count_tokens"
)
ENDPOINTS: Final = rf"{CALLS}|completions|messages|models(?:/.+)?|rerank|moderations"
PREFIXES: Final = r"(?:api|openai|v1)/v1/|openai/|v2/|api/v2/|v1beta/openai/|v1beta/|v1/|openai/deployments/[^/]+/|v1/engines/[^/]+/"
SITE: Final = re.compile(r"/(?:admin|static)/.*")
MISSED: Final = re.compile(
    rf"/(?:{PREFIXES})?(?:{ENDPOINTS})|/(?:[^/]+/)*(?:{CALLS})|/v1(?:/v1)?|/openai(?:/v1)?"
)
SERVED: Final = re.compile(rf"/v1/(?:{ENDPOINTS})")
DEPLOYMENT: Final = re.compile(r"/(?:openai/deployments|v1/engines)/.*")

HINT: Final = (
    "The client API is under /v1: a client's base URL is this server's address with /v1 behind it and nothing else, such as "
    "http://127.0.0.1:8000/v1. Its library adds the rest, such as /chat/completions."
)
WITHOUT: Final = (
    "The Messages API is at /v1/messages, and its clients add the /v1 themselves: a base URL (ANTHROPIC_BASE_URL) is this server's address"
    " and nothing else, such as http://127.0.0.1:8000 instead of http://127.0.0.1:8000/v1."
)
OF_MESSAGES: Final = re.compile(r".*/messages(?:/count_tokens)?")
MODEL_IN_BODY: Final = " The model is named in the body, not in the path."
SLASHED: Final = "Leave out the slash at its end."


def hint(path: str) -> str:
    """What to tell who asked for `path`, "" where nothing suggests that it was meant for the client API."""
    if len(path) > LONGEST:
        return ""
    single = re.sub("/{2,}", "/", path)
    plain = single.rstrip("/")
    lowered = plain.lower()
    if SITE.fullmatch(lowered) or not MISSED.fullmatch(lowered):
        return ""
    if SERVED.fullmatch(plain):
        if plain == path:
            return ""  # it is no misdirection where it is served, and a model's own name where it is not
        return SLASHED if path.startswith(f"{plain}/") else f"Slashes are single: {plain}."
    if SERVED.fullmatch(lowered):
        return f"Paths are written small: {lowered}."
    if OF_MESSAGES.fullmatch(lowered):
        return WITHOUT
    return HINT + (MODEL_IN_BODY if DEPLOYMENT.fullmatch(lowered) else "")
