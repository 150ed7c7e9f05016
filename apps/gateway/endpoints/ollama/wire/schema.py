"""What requests of Ollama's API may look like: types and ranges of every known field. Unknown fields are not looked at.

Sources: Ollama's API reference, and types of ollama 0.6.3 for Python, 2026-11.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from apps.core.json_types import JSONObject

Name = Annotated[str, Meta(max_length=256)]
ToolName = Annotated[str, Meta(min_length=1, max_length=128)]
Image = Annotated[str, Meta(min_length=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
MAX_STOPS = 16
MAX_TOOLS = 128
MAX_INPUTS = 10_000
MAX_DIMENSIONS = 65_536

Effort = Literal["minimal", "low", "medium", "high", "max"]


class CalledTool(Struct):
    name: ToolName
    arguments: JSONObject | None = None


class MadeCall(Struct):
    function: CalledTool
    id: str | None = None


class ChatMessage(Struct):
    """One message. `tool_name`, `tool_call_id`: of whose call it is the result."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    images: list[Image] | None = None
    tool_calls: list[MadeCall] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    thinking: str | None = None


class DeclaredFunction(Struct):
    name: ToolName
    description: str | None = None
    parameters: JSONObject | None = None


class DeclaredTool(Struct):
    function: DeclaredFunction
    type: Literal["function"] | None = None


class Options(Struct):
    """Those that mean something here. `num_predict`: below 1 for any number of tokens."""

    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0)] | None = None
    num_predict: int | None = None
    stop: str | Annotated[list[str], Meta(max_length=MAX_STOPS)] | None = None
    seed: int | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None


class AskedModel(Struct, kw_only=True):
    """What both ways to ask a model have in common, FreeAI's own fields last."""

    model: Name | None = None
    stream: bool | None = None
    format: str | JSONObject | None = None
    options: Options | None = None
    think: bool | Effort | None = None
    strategy: Name | None = None
    preferred_provider: Name | None = None
    fallback: bool | None = None


class OllamaChatBody(AskedModel, kw_only=True):
    """The body of /api/chat."""

    messages: list[ChatMessage] | None = None
    tools: Annotated[list[DeclaredTool], Meta(max_length=MAX_TOOLS)] | None = None


class OllamaGenerateBody(AskedModel, kw_only=True):
    """The body of /api/generate."""

    prompt: str | None = None
    system: str | None = None
    suffix: str | None = None
    images: list[Image] | None = None


class OllamaEmbedBody(Struct, kw_only=True):
    """The body of /api/embed."""

    input: str | Annotated[list[str], Meta(min_length=1, max_length=MAX_INPUTS)]
    model: Name | None = None
    dimensions: Annotated[int, Meta(ge=1, le=MAX_DIMENSIONS)] | None = None
    preferred_provider: Name | None = None
    fallback: bool | None = None


class OllamaEmbeddingsBody(Struct, kw_only=True):
    """The body of /api/embeddings, the older form."""

    prompt: str
    model: Name | None = None
    preferred_provider: Name | None = None
    fallback: bool | None = None


class OllamaShowBody(Struct):
    """The body of /api/show; `name` is the older word."""

    model: Name | None = None
    name: Name | None = None
    verbose: Any = None
