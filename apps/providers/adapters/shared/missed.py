"""What would be missed of an answer if that were left out which nobody can read."""

import re
from typing import Any

from apps.providers.errors import ErrorKind, UpstreamError

MAX_DEPTH = 30
MAX_EMPTY_BYTES = 64 * 1024
SAYING = (
    "content text reasoning reasoning_content thinking refusal arguments args tool_plan partial_json delta message response output"
    " output_text completion answer reply generated_text value parts choices candidates"
)
# In bytes that are no JSON: text that has begun, a call, an error, or that the answer was cut. Quotes may be single, escaped, or missing.
MISSED = re.compile(
    rb'\b(?:%s)\\*["\']?\s*:[\s\[]*(\\*["\'])(?!\1)'
    rb'|\b(?:tool_?calls?|function_?calls?|args|arguments)\\*["\']?\s*:\s*[\[{]+\s*[^\]}\s]'
    rb'|\berror\\*["\']?\s*:\s*\\*["\'{]'
    rb'|\bfinish_?reason\\*["\']?\s*:\s*\\*["\'](?!stop\b)[^"\'\\]' % SAYING.replace(" ", "|").encode(),
    re.IGNORECASE,
)
# JSON that is a bare text, or begins with one, and no keep-alive.
BARE_TEXT = re.compile(
    rb'[\s\[]*"(?!\W*(?:(?:ping|pong|keep.?alive|heartbeat|processing|done|ok)\W*)?$)', re.IGNORECASE
)

# In JSON: names whose text is an answer's, those whose numbers are, those of calls, and those that only hold others.
SAYS = frozenset(SAYING.split())
COUNTS = frozenset({"content", "text", "response", "output"})
CALLING = "tool_call tool_calls toolcall toolcalls function_call function_calls functioncall functioncalls"
HOLDING = (
    "block body candidate choice chunk content_block data event function generations item items messages outputs part payload result"
    " results token"
)
CALLS = frozenset(CALLING.split())
HOLDS = frozenset(HOLDING.split())
# What tells an answer under a name that nobody knows.
ENVELOPES = frozenset({"candidates", "choices", "delta", "function", "parts"})


def lost() -> UpstreamError:
    """The error for a part of an answer that cannot be read."""
    return UpstreamError(ErrorKind.PARSING, "the upstream sent a part of its answer that cannot be read")


def has_missed(data: bytes) -> bool:
    """Whether there is something of an answer in `data`. What is that large is not looked through: it has."""
    return len(data) > MAX_EMPTY_BYTES or MISSED.search(data) is not None


def is_missed(data: bytes) -> bool:
    """Whether `data`, which is no frame, has something of an answer in it."""
    return has_missed(data) or BARE_TEXT.match(data) is not None


def refuse_missed(value: Any, name: str = "") -> None:
    """For what gave nothing when it was read. Raises UpstreamError(PARSING) where JSON, which stands under `name`, has something of an
    answer in it. Metadata has not: only names that answers have are looked under."""
    if _speaks(value, name, 0):
        raise lost()


def _speaks(value: Any, name: str, depth: int) -> bool:
    if depth > MAX_DEPTH:
        return True
    if isinstance(value, str):
        return bool(value) and name in SAYS
    if isinstance(value, list):
        return any(_speaks(item, name, depth + 1) for item in value)
    if isinstance(value, dict):
        return any(_member_speaks(key.lower(), inner, depth + 1) for key, inner in value.items())
    return type(value) in (int, float) and name in COUNTS


def _member_speaks(name: str, value: Any, depth: int) -> bool:
    if name in CALLS:
        return _holds_anything(value, depth)
    if name in SAYS or name in HOLDS or (isinstance(value, dict) and not ENVELOPES.isdisjoint(value)):
        return _speaks(value, name, depth)
    return False


def _holds_anything(value: Any, depth: int) -> bool:
    if depth > MAX_DEPTH:
        return True
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return any(_holds_anything(item, depth + 1) for item in value)
    return value not in (None, "", False)
