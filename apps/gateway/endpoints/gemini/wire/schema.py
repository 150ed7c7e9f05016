"""What a generateContent request may look like, in the one spelling of `spelling`: types and ranges of every known field. Unknown fields
are not looked at.

Sources: the Gemini API's reference of generateContent, types of google-genai 3.6.1, and requests of gemini-cli 0.61.0, 2026-11.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from apps.core.json_types import JSONObject

Name = Annotated[str, Meta(max_length=256)]
ToolName = Annotated[str, Meta(min_length=1, max_length=128)]
Text = Annotated[str, Meta(min_length=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
MAX_STOPS = 16
MAX_CANDIDATES = 8
MAX_TOOLS = 128
MAX_DIMENSIONS = 65_536


class Blob(Struct, rename="camel"):
    data: Text
    mime_type: Annotated[str, Meta(max_length=128)] = ""
    display_name: str | None = None


class FileData(Struct, rename="camel"):
    file_uri: Text
    mime_type: Annotated[str, Meta(max_length=128)] = ""


class CallPart(Struct):
    name: ToolName
    id: str | None = None
    args: JSONObject | None = None


class ResponsePart(Struct):
    name: str | None = None
    id: str | None = None
    response: Any = None


class Part(Struct, rename="camel"):
    """One of its members is there. `executable_code` and `code_execution_result`: what a tool of Google's own left in a history."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: CallPart | None = None
    function_response: ResponsePart | None = None
    executable_code: JSONObject | None = None
    code_execution_result: JSONObject | None = None


class Content(Struct):
    parts: list[Part] | None = None
    role: Literal["user", "model", "function", "system"] | None = None


class FunctionDeclaration(Struct, rename="camel"):
    name: ToolName
    description: str | None = None
    parameters: JSONObject | None = None
    parameters_json_schema: JSONObject | None = None


class ContentTool(Struct, rename="camel"):
    """Functions; every other member is a tool that Google runs itself."""

    function_declarations: Annotated[list[FunctionDeclaration], Meta(max_length=MAX_TOOLS)] | None = None
    google_search: JSONObject | None = None
    google_search_retrieval: JSONObject | None = None
    google_maps: JSONObject | None = None
    code_execution: JSONObject | None = None
    url_context: JSONObject | None = None
    computer_use: JSONObject | None = None
    file_search: JSONObject | None = None


class FunctionCallingConfig(Struct, rename="camel"):
    mode: str | None = None
    allowed_function_names: list[ToolName] | None = None


class ToolConfig(Struct, rename="camel"):
    function_calling_config: FunctionCallingConfig | None = None


class ThinkingConfig(Struct, rename="camel"):
    include_thoughts: bool | None = None
    thinking_budget: Annotated[int, Meta(ge=-1)] | None = None
    thinking_level: str | None = None


class GenerationConfig(Struct, rename="camel"):
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[float, Meta(ge=0)] | None = None
    stop_sequences: Annotated[list[Text], Meta(max_length=MAX_STOPS)] | None = None
    candidate_count: Annotated[int, Meta(ge=1, le=MAX_CANDIDATES)] | None = None
    seed: int | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    response_mime_type: str | None = None
    response_schema: JSONObject | None = None
    response_json_schema: JSONObject | None = None
    response_modalities: list[str] | None = None
    thinking_config: ThinkingConfig | None = None


class CountedBody(Struct, rename="camel"):
    """What of a request has a length."""

    contents: Annotated[list[Content], Meta(min_length=1)]
    system_instruction: Content | None = None
    tools: list[ContentTool] | None = None
    tool_config: ToolConfig | None = None
    generation_config: GenerationConfig | None = None


class GenerateBody(CountedBody, rename="camel", kw_only=True):
    """The request body: known fields, then FreeAI's own."""

    strategy: Name | None = None
    preferred_provider: Name | None = None
    fallback: bool | None = None


class EmbedBody(Struct, rename="camel"):
    """One text to embed."""

    content: Content
    model: Name | None = None
    output_dimensionality: Annotated[int, Meta(ge=1, le=MAX_DIMENSIONS)] | None = None
    preferred_provider: Name | None = None
    fallback: bool | None = None


class BatchBody(Struct, rename="camel"):
    """Several, of one model."""

    requests: Annotated[list[EmbedBody], Meta(min_length=1)]
    preferred_provider: Name | None = None
    fallback: bool | None = None
