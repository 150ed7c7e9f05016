"""What Anthropic's messages request may look like: types and ranges of every known field. Unknown fields are not looked at.

Sources: types of the anthropic SDK 2.14, and requests of Claude Code 2.1.197 and of the AI SDK, 2026-11.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from apps.core.json_types import JSONObject

Name = Annotated[str, Meta(max_length=256)]
MAX_STOPS = 16
MAX_TOOLS = 128


class TextBlock(Struct, tag_field="type", tag="text"):
    text: str


class Base64Source(Struct, tag_field="type", tag="base64"):
    media_type: Annotated[str, Meta(min_length=1, max_length=128)]
    data: Annotated[str, Meta(min_length=1)]


class UrlSource(Struct, tag_field="type", tag="url"):
    url: Annotated[str, Meta(min_length=1)]


class FileSource(Struct, tag_field="type", tag="file"):
    file_id: str


class PlainTextSource(Struct, tag_field="type", tag="text"):
    data: str


class ImageBlock(Struct, tag_field="type", tag="image"):
    source: Base64Source | UrlSource | FileSource


class ContentSource(Struct, tag_field="type", tag="content"):
    content: str | list[TextBlock | ImageBlock]


class DocumentBlock(Struct, tag_field="type", tag="document"):
    source: Base64Source | UrlSource | FileSource | PlainTextSource | ContentSource
    title: str | None = None
    context: str | None = None


class LoneTextBlock(Struct):
    """Where nothing but text is taken. A tag alone would do: msgspec asks for it only where it has to choose."""

    type: Literal["text"]
    text: str


class SearchResultBlock(Struct, tag_field="type", tag="search_result"):
    source: str
    title: str
    content: list[LoneTextBlock]


class ToolReferenceBlock(Struct, tag_field="type", tag="tool_reference"):
    tool_name: str


ResultBlock = TextBlock | ImageBlock | DocumentBlock | SearchResultBlock | ToolReferenceBlock


class ToolResultBlock(Struct, tag_field="type", tag="tool_result"):
    tool_use_id: Annotated[str, Meta(min_length=1)]
    content: str | list[ResultBlock] | None = None
    is_error: bool | None = None


class ToolUseBlock(Struct, tag_field="type", tag="tool_use"):
    id: Annotated[str, Meta(min_length=1)]
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    input: JSONObject


class ThinkingBlock(Struct, tag_field="type", tag="thinking"):
    thinking: str
    signature: str | None = None


class RedactedThinkingBlock(Struct, tag_field="type", tag="redacted_thinking"):
    data: str | None = None


class Hosted(Struct, tag_field="type"):
    """What a tool of Anthropic's own left in a history: read for its texts."""

    content: Any = None


class ServerToolUse(Hosted, tag="server_tool_use"):
    pass


class WebSearchResult(Hosted, tag="web_search_tool_result"):
    pass


class WebFetchResult(Hosted, tag="web_fetch_tool_result"):
    pass


class CodeExecutionResult(Hosted, tag="code_execution_tool_result"):
    pass


class BashExecutionResult(Hosted, tag="bash_code_execution_tool_result"):
    pass


class TextEditorExecutionResult(Hosted, tag="text_editor_code_execution_tool_result"):
    pass


class ToolSearchResult(Hosted, tag="tool_search_tool_result"):
    pass


class McpToolUse(Hosted, tag="mcp_tool_use"):
    pass


class McpToolResult(Hosted, tag="mcp_tool_result"):
    pass


class ContainerUpload(Hosted, tag="container_upload"):
    pass


class Compaction(Hosted, tag="compaction"):
    pass


HostedBlock = (
    ServerToolUse
    | WebSearchResult
    | WebFetchResult
    | CodeExecutionResult
    | BashExecutionResult
    | TextEditorExecutionResult
    | ToolSearchResult
    | McpToolUse
    | McpToolResult
    | ContainerUpload
    | Compaction
)
UserBlock = TextBlock | ImageBlock | DocumentBlock | SearchResultBlock | ToolResultBlock | HostedBlock
AssistantBlock = (
    TextBlock | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock | SearchResultBlock | HostedBlock
)


class UserTurn(Struct, tag_field="role", tag="user"):
    content: str | list[UserBlock]


class AssistantTurn(Struct, tag_field="role", tag="assistant"):
    content: str | list[AssistantBlock]


class SystemTurn(Struct, tag_field="role", tag="system"):
    content: str | list[LoneTextBlock]


Turn = UserTurn | AssistantTurn | SystemTurn


class Tool(Struct):
    """A function of the client's (`type` absent or "custom"), or by a dated type one that Anthropic has written out or runs itself."""

    name: Annotated[str, Meta(max_length=128)] | None = None
    type: Annotated[str, Meta(max_length=128)] | None = None
    description: str | None = None
    input_schema: JSONObject | None = None
    strict: bool | None = None


class AutoChoice(Struct, tag_field="type", tag="auto"):
    disable_parallel_tool_use: bool | None = None


class AnyChoice(Struct, tag_field="type", tag="any"):
    disable_parallel_tool_use: bool | None = None


class ToolChoice(Struct, tag_field="type", tag="tool"):
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    disable_parallel_tool_use: bool | None = None


class NoneChoice(Struct, tag_field="type", tag="none"):
    pass


Choice = AutoChoice | AnyChoice | ToolChoice | NoneChoice


class Thinking(Struct):
    type: Literal["enabled", "adaptive", "disabled", "between_tools"]
    budget_tokens: Annotated[int, Meta(ge=1)] | None = None


class OutputFormat(Struct):
    type: Literal["json_schema"]
    schema: JSONObject


class OutputConfig(Struct):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None


class TokensBody(Struct):
    """The body of count_tokens: what of a request has a length. In the order of Anthropic's reference."""

    messages: Annotated[list[Turn], Meta(min_length=1)]
    model: Name | None = None
    system: str | list[LoneTextBlock] | None = None
    tools: Annotated[list[Tool], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: Choice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None


class MessagesBody(TokensBody, kw_only=True):
    """The request body: known fields, then FreeAI's own."""

    max_tokens: Annotated[int, Meta(ge=0)]
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0)] | None = None
    stop_sequences: Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(max_length=MAX_STOPS)] | None = (
        None
    )
    stream: bool | None = None
    strategy: Name | None = None
    preferred_provider: Name | None = None
    fallback: bool | None = None
    thread: JSONObject | None = None
