"""What a request of OpenAI's Responses API may look like: types and ranges of every known field. Unknown fields are not looked at.

Items of `input` are checked one by one, by `items`: their types overlap in ways that one schema cannot say. Sources: types of the openai
SDK 3.57, and requests of Codex 0.171, the AI SDK 6, openai-agents 0.24, LangChain and opencode, 2026-11.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from apps.core.json_types import JSONObject

Name = Annotated[str, Meta(max_length=256)]
ToolName = Annotated[str, Meta(min_length=1, max_length=256)]
MAX_TOOLS = 128
MAX_NAMESPACE = 128


class ResponseTool(Struct):
    """A function or custom tool of the client's, a namespace of such, or by any other type one that somebody would have to host."""

    type: Annotated[str, Meta(min_length=1, max_length=128)]
    name: ToolName | None = None
    description: str | None = None
    parameters: JSONObject | None = None
    strict: bool | None = None
    format: JSONObject | None = None
    tools: Annotated[list["ResponseTool"], Meta(max_length=MAX_NAMESPACE)] | None = None


class ChosenTool(Struct):
    """A named tool, `allowed_tools`, or by any other type a hosted tool."""

    type: Annotated[str, Meta(min_length=1, max_length=128)]
    name: ToolName | None = None
    namespace: ToolName | None = None
    mode: Literal["auto", "required"] | None = None
    tools: Annotated[list["ChosenTool"], Meta(max_length=MAX_TOOLS)] | None = None


class Reasoning(Struct):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: str | None = None
    generate_summary: str | None = None


class Format(Struct):
    type: Literal["text", "json_object", "json_schema"]
    name: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]{1,64}$")] | None = None
    schema: JSONObject | None = None
    description: str | None = None
    strict: bool | None = None


class Text(Struct):
    format: Format | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class InputTokensBody(Struct):
    """The body of `input_tokens`: what of a request has a length. In the order of OpenAI's reference."""

    input: str | list[JSONObject] | None = None
    model: Name | None = None
    instructions: str | None = None
    tools: Annotated[list[ResponseTool], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | ChosenTool | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    text: Text | None = None
    previous_response_id: Name | None = None
    conversation: str | JSONObject | None = None
    truncation: Literal["auto", "disabled"] | None = None


class ResponsesBody(InputTokensBody, kw_only=True):
    """The request body: known fields, then FreeAI's own."""

    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    include: list[Name] | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None
    stream: bool | None = None
    background: bool | None = None
    prompt: JSONObject | None = None
    strategy: Name | None = None
    preferred_provider: Name | None = None
    fallback: bool | None = None
