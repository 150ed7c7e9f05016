"""What Gemini refuses: unknown keys, wrong turns, unmatched tool results, missing signatures."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import Any

from fakes.answers import Asked
from fakes.families.gemini import SIGNATURE_PREFIX

from .base import invalid, names
from .gemini_schema import check_schema, unknown_name

_TOP = names(
    "contents systemInstruction generationConfig tools toolConfig safetySettings cachedContent model"
)
_CONFIG = names(
    "temperature topP topK maxOutputTokens stopSequences candidateCount seed presencePenalty frequencyPenalty"
    " responseMimeType responseSchema responseJsonSchema responseLogprobs logprobs responseModalities "
    "speechConfig"
    " mediaResolution thinkingConfig"
)
_PART = names(
    "text inlineData fileData functionCall functionResponse thought thoughtSignature videoMetadata"
    " executableCode codeExecutionResult"
)
_TOOL = names("functionDeclarations googleSearch googleSearchRetrieval codeExecution urlContext")
_DECLARATION = names("name description parameters parametersJsonSchema response behavior")
_SENTINELS = frozenset({"context_engineering_is_the_way_to_go", "skip_thought_signature_validator"})
_FUNCTION_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
_NO_MINIMAL = ("gemini-3.7-flash", "gemini-3.8-flash")
_MAX_STOPS = 5
_COUNT_MISMATCH = (
    "Please ensure that the number of function response parts is equal to the number of function call "
    "parts of the "
    "function call turn."
)
_NOT_AFTER_CALL = "Please ensure that function response turn comes immediately after a function call turn."


def check_chat(asked: Asked) -> None:
    """Raises Refused for a body that Gemini does not take."""
    body = asked.body
    _check_keys(body, _TOP, "")
    _check_config(body.get("generationConfig") or {})
    _check_level(asked.model, body.get("generationConfig") or {})
    _check_tools(body["tools"])
    if asked.model.startswith("gemma-3-"):
        _check_gemma(asked.model, body)
    _check_turns(body["contents"])
    _check_tool_results(body["contents"])
    if asked.model.startswith("gemini-3"):
        _check_signatures(body["contents"])


def _check_keys(document: dict[str, Any], allowed: frozenset[str], where: str) -> None:
    for name in document:
        if name not in allowed:
            raise unknown_name(name, where)


def _check_config(config: dict[str, Any]) -> None:
    _check_keys(config, _CONFIG, "generation_config")
    if len(config.get("stopSequences") or ()) > _MAX_STOPS:
        raise invalid("* GenerateContentRequest.generation_config.stop_sequences: at most 5 are allowed")
    if "responseSchema" in config and "responseJsonSchema" in config:
        raise invalid("Only one of response_schema and response_json_schema may be set.")
    if "responseSchema" in config:
        check_schema(config["responseSchema"], "generation_config.response_schema")


def _check_level(model: str, config: dict[str, Any]) -> None:
    level = (config.get("thinkingConfig") or {}).get("thinkingLevel")
    if level == "MINIMAL" and model.startswith(_NO_MINIMAL):
        raise invalid("Thinking level MINIMAL is not supported for this model.")


def _check_tools(tools: list[dict[str, Any]]) -> None:
    for i, tool in enumerate(tools):
        _check_keys(tool, _TOOL, f"tools[{i}]")
        for j, declaration in enumerate(tool.get("functionDeclarations") or ()):
            where = f"tools[{i}].function_declarations[{j}]"
            _check_keys(declaration, _DECLARATION, where)
            if not _FUNCTION_NAME.fullmatch(str(declaration.get("name"))):
                raise invalid(f"* GenerateContentRequest.{where}.name: Invalid function name.")
            if "parameters" in declaration:
                check_schema(declaration["parameters"], f"{where}.parameters")


def _check_gemma(model: str, body: dict[str, Any]) -> None:
    if body.get("systemInstruction"):
        raise invalid(f"Developer instruction is not enabled for models/{model}")
    if body.get("tools"):
        raise invalid(f"Function calling is not enabled for models/{model}")
    if (body.get("generationConfig") or {}).get("responseMimeType") == "application/json":
        raise invalid(f"JSON mode is not enabled for models/{model}")


def _check_turns(contents: list[dict[str, Any]]) -> None:
    previous = "model"
    for i, content in enumerate(contents):
        _check_keys(content, names("role parts"), f"contents[{i}]")
        role = content.get("role", "user")
        if role not in ("user", "model", "function"):
            raise invalid("Please use a valid role: user, model.")
        side = "model" if role == "model" else "user"
        if side == previous:
            raise invalid("Please ensure that multiturn requests alternate between user and model.")
        previous = side
        _check_parts(content["parts"], i)
    if previous == "model":
        raise invalid("Requests ending with a model turn are not supported.")


def _check_parts(parts: list[dict[str, Any]], position: int) -> None:
    where = f"contents[{position}].parts"
    if not parts:
        raise invalid(f"* GenerateContentRequest.{where}: must not be empty.")
    for j, part in enumerate(parts):
        _check_keys(part, _PART, f"{where}[{j}]")
        if not (part.keys() - {"thought", "thoughtSignature", "videoMetadata"}):
            raise invalid(
                f"* GenerateContentRequest.{where}[{j}].data: required oneof field 'data' must be set"
            )
        response = part.get("functionResponse")
        if response is not None and not isinstance(_field(response, "response"), dict):
            raise invalid(f"Invalid value at '{where}[{j}].function_response.response' (Struct)")
        call = part.get("functionCall")
        if call is not None and not isinstance(_field(call, "args", {}), dict):
            raise invalid(f"Invalid value at '{where}[{j}].function_call.args' (Struct)")


def _field(document: Any, name: str, default: Any = None) -> Any:
    return document.get(name, default) if isinstance(document, dict) else None


def _check_tool_results(contents: list[dict[str, Any]]) -> None:
    """Each turn of calls is followed by one turn with as many responses, to the same names and ids."""
    calls: list[dict[str, Any]] = []
    for content in contents:
        responses = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        if responses and not calls:
            raise invalid(_NOT_AFTER_CALL)
        if len(responses) != len(calls):
            raise invalid(_COUNT_MISMATCH)
        if sorted(map(_identity, responses)) != sorted(map(_identity, calls)):
            raise invalid(
                "Function response parts do not match the function call parts of the function call turn."
            )
        calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]


def _identity(call_or_response: dict[str, Any]) -> tuple[str, str]:
    return str(call_or_response.get("name")), str(call_or_response.get("id") or "")


def _check_signatures(contents: list[dict[str, Any]]) -> None:
    for i, content in enumerate(contents):
        first = next((part for part in content["parts"] if "functionCall" in part), None)
        if first is None:
            continue
        signature = first.get("thoughtSignature")
        if not signature:
            name = first["functionCall"].get("name")
            raise invalid(
                "Function call is missing a thought_signature in functionCall parts. This is required "
                "for tools to "
                f"work correctly. Additional data, function call `default_api:{name}`, position {i}."
            )
        if not _was_issued(signature):
            raise invalid("Corrupted thought signature.")


def _was_issued(signature: str) -> bool:
    if signature in _SENTINELS:
        return True
    try:
        return b64decode(signature, validate=True).startswith(SIGNATURE_PREFIX.encode())
    except binascii.Error:
        return False
