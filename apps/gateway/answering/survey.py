"""What a chat request in OpenAI's shape demands, whichever surface it came by: what a candidate must be able to do, and its length."""

from typing import Any

import orjson

from apps.core.json_types import JSONObject
from apps.providers.estimates import audio_tokens, base64_bytes, size_tokens, text_tokens
from apps.providers.types import Capability

TOKENS_PER_MESSAGE = 4
TOKENS_PER_IMAGE = 800
MARGIN_PERCENT = 15


def survey(raw: JSONObject) -> tuple[frozenset[Capability], int]:
    """What a candidate must be able to do, and about how many prompt tokens the request has."""
    needs: set[Capability] = set()
    tokens = 0
    for message in raw["messages"]:
        tokens += TOKENS_PER_MESSAGE + _content_tokens(message.get("content"), needs)
        if (
            message["role"] in {"tool", "function"}
            or message.get("tool_calls")
            or message.get("function_call")
        ):
            needs.add("tools")
            tokens += size_tokens(sum(len(str(call)) for call in message.get("tool_calls") or ()))
    if tools := raw.get("tools") or raw.get("functions"):
        needs.add("tools")
        tokens += size_tokens(len(orjson.dumps(tools)))
    if len(raw) > 1 + ("model" in raw):  # more than model and messages
        _add_options(raw, needs)
    return frozenset(needs), tokens


def cautious(tokens: int) -> int:
    """An estimate for clients that ask for one: too low ones make them shorten a conversation too late."""
    return tokens + tokens * MARGIN_PERCENT // 100


def _content_tokens(content: Any, needs: set[Capability]) -> int:
    if content is None:
        return 0
    if isinstance(content, str):
        return text_tokens(content)
    tokens = 0
    for part in content:
        match part["type"]:
            case "text":
                tokens += text_tokens(part["text"])
            case "image_url" | "video_url" | "file" as kind:
                needs.update(("vision", "files") if kind == "file" else ("vision",))
                tokens += TOKENS_PER_IMAGE
            case "input_audio":
                needs.add("audio")
                tokens += audio_tokens(base64_bytes(part["input_audio"]["data"]))
    return tokens


def _add_options(raw: JSONObject, needs: set[Capability]) -> None:
    response_format = raw.get("response_format")
    if response_format is not None and response_format["type"] != "text":
        needs.add(response_format["type"])
    if (raw.get("n") or 1) > 1:
        needs.add("n")
    if raw.get("logprobs"):
        needs.add("logprobs")
    if "audio" in (raw.get("modalities") or ()):
        needs.add("audio_output")
    if "tools" in needs and _forces_a_tool(raw.get("tool_choice") or raw.get("function_call")):
        needs.add("forced_tools")


def _forces_a_tool(choice: object) -> bool:
    """Whether the answer must be a call: "required", a named function, or `allowed_tools` in that mode."""
    if not isinstance(choice, dict):
        return choice == "required"
    allowed = choice.get("allowed_tools")
    return allowed is None or bool(allowed["mode"] == "required")
