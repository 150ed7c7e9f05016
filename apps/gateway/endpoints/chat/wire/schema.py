"""What OpenAI's chat request may look like: types and ranges of every known field. Unknown fields are not looked at.

Source: OpenAI's API reference and SDK schema, 2026-08; Responses-only shapes are refused with a pointed message elsewhere.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from apps.core.json_types import JSONObject

Text = str
Count = Annotated[int, Meta(ge=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Name = Annotated[str, Meta(max_length=256)]


class TextPart(Struct, tag_field="type", tag="text"):
    text: str


class LoneTextPart(Struct):
    """Where nothing but text is taken. A tag alone would do: msgspec asks for it only where it has to choose."""

    type: Literal["text"]
    text: str


class RefusalPart(Struct, tag_field="type", tag="refusal"):
    refusal: str


class ImageUrl(Struct):
    url: Annotated[str, Meta(min_length=1)]
    detail: str | None = None


class ImagePart(Struct, tag_field="type", tag="image_url"):
    image_url: ImageUrl


class Audio(Struct):
    data: str
    format: str


class AudioPart(Struct, tag_field="type", tag="input_audio"):
    input_audio: Audio


class File(Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class FilePart(Struct, tag_field="type", tag="file"):
    file: File


class VideoPart(Struct, tag_field="type", tag="video_url"):
    video_url: JSONObject


class ThinkingPart(Struct, tag_field="type", tag="thinking"):
    thinking: str | list[JSONObject]


UserPart = TextPart | ImagePart | AudioPart | FilePart | VideoPart
TextContent = str | list[LoneTextPart]


class FunctionCall(Struct):
    name: str
    arguments: str


class CustomCall(Struct):
    name: str
    input: str


class ToolCall(Struct):
    id: str
    type: Literal["function", "custom"] = "function"
    function: FunctionCall | None = None
    custom: CustomCall | None = None


class SystemMessage(Struct, tag_field="role", tag="system"):
    content: TextContent
    name: str | None = None


class DeveloperMessage(Struct, tag_field="role", tag="developer"):
    content: TextContent
    name: str | None = None


class UserMessage(Struct, tag_field="role", tag="user"):
    content: str | list[UserPart]
    name: str | None = None


class AssistantMessage(Struct, tag_field="role", tag="assistant"):
    content: str | list[TextPart | RefusalPart | ThinkingPart] | None = None
    refusal: str | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: FunctionCall | None = None


class ToolMessage(Struct, tag_field="role", tag="tool"):
    content: str | list[TextPart | ImagePart] | None
    tool_call_id: str


class FunctionMessage(Struct, tag_field="role", tag="function"):
    content: str | None
    name: str


Message = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage


class Function(Struct):
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    description: str | None = None
    parameters: JSONObject | None = None
    strict: bool | None = None


class FunctionTool(Struct, tag_field="type", tag="function"):
    function: Function


class Custom(Struct):
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    description: str | None = None
    format: JSONObject | None = None


class CustomTool(Struct, tag_field="type", tag="custom"):
    custom: Custom


class JsonSchema(Struct):
    name: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]{1,64}$")]
    description: str | None = None
    schema: JSONObject | None = None
    strict: bool | None = None


class TextFormat(Struct, tag_field="type", tag="text"):
    pass


class JsonObjectFormat(Struct, tag_field="type", tag="json_object"):
    pass


class JsonSchemaFormat(Struct, tag_field="type", tag="json_schema"):
    json_schema: JsonSchema


class NamedFunction(Struct):
    name: str


class FunctionChoice(Struct, tag_field="type", tag="function"):
    function: NamedFunction


class CustomChoice(Struct, tag_field="type", tag="custom"):
    custom: NamedFunction


class AllowedTools(Struct):
    mode: Literal["auto", "required"]
    tools: list[JSONObject]


class AllowedToolsChoice(Struct, tag_field="type", tag="allowed_tools"):
    allowed_tools: AllowedTools


class StreamOptions(Struct):
    include_usage: bool | None = None


class ChatBody(Struct):
    """The request body: known fields, in the order of OpenAI's reference, then FreeAI's own."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    model: Name | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    stop: str | Annotated[list[str], Meta(max_length=16)] | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    seed: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: TextFormat | JsonObjectFormat | JsonSchemaFormat | None = None
    tools: Annotated[list[FunctionTool | CustomTool], Meta(max_length=128)] | None = None
    tool_choice: (
        Literal["none", "auto", "required"] | FunctionChoice | CustomChoice | AllowedToolsChoice | None
    ) = None
    parallel_tool_calls: bool | None = None
    functions: list[Function] | None = None
    function_call: Literal["none", "auto"] | NamedFunction | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    modalities: list[Literal["text", "audio"]] | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    strategy: Name | None = None
    preferred_provider: Name | None = None
    fallback: bool | None = None
