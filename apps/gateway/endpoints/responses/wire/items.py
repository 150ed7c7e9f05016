"""The items of `input`: what was said, thought, called and answered. Each is told by its `type`; what has none but a role is a message."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple

from msgspec import Meta, Struct

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.responses.wire.schema import ResponseTool, ToolName
from apps.gateway.wire.body import validate
from apps.gateway.wire.errors import bad_request

CallId = Annotated[str, Meta(min_length=1)]


class InputText(Struct, tag_field="type", tag="input_text"):
    text: str


class PlainText(Struct, tag_field="type", tag="text"):
    """OpenAI's own type is one of the other two; some clients say this for both."""

    text: str


class OutputText(Struct, tag_field="type", tag="output_text"):
    text: str


class Refusal(Struct, tag_field="type", tag="refusal"):
    refusal: str


class InputImage(Struct, tag_field="type", tag="input_image"):
    image_url: Annotated[str, Meta(min_length=1)] | None = None
    file_id: str | None = None
    detail: str | None = None


class InputFile(Struct, tag_field="type", tag="input_file"):
    file_data: Annotated[str, Meta(min_length=1)] | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None


class Audio(Struct):
    data: str
    format: str


class InputAudio(Struct, tag_field="type", tag="input_audio"):
    input_audio: Audio


Part = InputText | PlainText | OutputText | Refusal | InputImage | InputFile | InputAudio
Content = str | list[Part]


class Message(Struct):
    role: Literal["user", "assistant", "system", "developer"]
    content: Content
    id: Any = None


class FunctionCall(Struct):
    call_id: CallId
    name: ToolName
    arguments: str
    namespace: ToolName | None = None
    id: Any = None


class CustomCall(Struct):
    call_id: CallId
    name: ToolName
    input: str
    namespace: ToolName | None = None
    id: Any = None


class CallOutput(Struct):
    """Of either kind of call."""

    call_id: CallId
    output: Content


class Reasoning(Struct):
    """Whoever wrote it: what is not this installation's own is left out, and never an error."""

    id: Any = None
    encrypted_content: Any = None


class ItemReference(Struct):
    id: Annotated[str, Meta(min_length=1, max_length=256)]


class MoreTools(Struct):
    """Tools that were found on the way."""

    tools: list[ResponseTool]


class Hosted(Struct):
    """What a tool that somebody hosts left in a history: nobody here can read it."""


Item = Message | FunctionCall | CustomCall | CallOutput | Reasoning | ItemReference | MoreTools | Hosted
KINDS: Final[Mapping[str, type[Item]]] = {
    "message": Message,
    "function_call": FunctionCall,
    "function_call_output": CallOutput,
    "custom_tool_call": CustomCall,
    "custom_tool_call_output": CallOutput,
    "reasoning": Reasoning,
    "item_reference": ItemReference,
    "additional_tools": MoreTools,
    "tool_search_output": MoreTools,
    **dict.fromkeys(
        (
            *("tool_search_call", "web_search_call", "file_search_call", "code_interpreter_call"),
            *("computer_call", "computer_call_output", "image_generation_call", "mcp_list_tools", "mcp_call"),
            *("mcp_approval_request", "mcp_approval_response", "local_shell_call", "local_shell_call_output"),
            *("shell_call", "shell_call_output", "apply_patch_call", "apply_patch_call_output"),
            *("program", "program_output", "configuration_update"),
        ),
        Hosted,
    ),
}
COMPACTED: Final = frozenset({"compaction", "compaction_trigger"})


class Placed(NamedTuple):
    """An item, where it stands in the request, and its type as it was written."""

    path: str
    kind: str
    item: Item


def read(raw: Iterable[JSONObject], path: str) -> Iterator[Placed]:
    """The items below `path`. Raises ApiError(400) that names the first wrong one."""
    for at, each in enumerate(raw):
        yield read_one(each, f"{path}[{at}]")


def read_one(raw: JSONObject, path: str) -> Placed:
    """One item. Raises ApiError(400)."""
    kind = raw.get("type")
    if kind is None and "role" in raw:
        kind = "message"
    if not isinstance(kind, str) or kind not in KINDS:
        raise _unknown(kind, path)
    return Placed(path, kind, validate(raw, KINDS[kind], path))


def _unknown(kind: object, path: str) -> Exception:
    if isinstance(kind, str) and kind in COMPACTED:
        return bad_request(
            f"`{path}.type`: histories are not compacted here; send the items themselves.",
            param=f"{path}.type",
        )
    said = f"Invalid value {kind[:100]!r}" if isinstance(kind, str) else "Missing or no string"
    return bad_request(f"`{path}.type`: {said}.", param=f"{path}.type")
