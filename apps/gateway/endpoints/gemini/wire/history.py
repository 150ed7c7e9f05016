"""A history in Google's contents -> messages in OpenAI's shape. What the wire of an upstream cannot carry, its adapter says.

What is left out on purpose: thoughts, which Google's API does not read either.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from typing import Any, Final

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.answering.pairing import Pairing
from apps.gateway.endpoints.gemini.wire import schema
from apps.gateway.endpoints.gemini.wire.signatures import signed_id
from apps.gateway.wire.errors import bad_request
from apps.providers.adapters.shared.media import canonical_type, standard_base64

RESULTS: Final = ("output", "result")
LEFT_BEHIND: Final = ("code", "output")
"""Members of what Google's own tools left that people would read."""
PDF: Final = "application/pdf"
ANSWERING: Final = "model"


def messages_of(body: schema.CountedBody) -> list[JSONObject]:
    """The conversation. Raises ApiError(400) that names the part which cannot be carried."""
    history = _History()
    made: list[JSONObject] = []
    if body.system_instruction is not None:
        made += _system(body.system_instruction)
    for at, content in enumerate(body.contents):
        path = f"contents[{at}].parts"
        if content.role == ANSWERING:
            made.append(history.answer(content.parts or (), path))
        elif content.role == "system":
            made += _system(content)
        else:
            made += history.user(content.parts or (), path)
    return made


def _system(content: schema.Content) -> list[JSONObject]:
    text = "\n\n".join(part.text for part in content.parts or () if part.text)
    return [{"role": "system", "content": text}] if text else []


class _History:
    """Turn by turn: which calls wait for their results."""

    def __init__(self) -> None:
        self._pairing = Pairing()

    def answer(self, parts: Any, path: str) -> JSONObject:
        """What was said and called."""
        text: list[str] = []
        calls: list[JSONObject] = []
        for at, part in enumerate(parts):
            if part.function_call is not None:
                calls.append(self._call(part))
            elif part.inline_data is not None or part.file_data is not None:
                raise bad_request(
                    f"`{path}[{at}]`: the model's own turns hold no files here.", param=f"{path}[{at}]"
                )
            elif part.thought is not True:
                text += _said(part)
        content = "".join(text)
        return (
            {"role": "assistant", "content": content or None, "tool_calls": calls}
            if calls
            else {
                "role": "assistant",
                "content": content,
            }
        )

    def user(self, parts: Any, path: str) -> Iterator[JSONObject]:
        """The results of tools first, what else is said behind them."""
        said: list[JSONObject] = []
        results = False
        for at, part in enumerate(parts):
            if (answered := part.function_response) is not None:
                results = True
                call_id = self._pairing.answered(answered.name, answered.id)
                yield {"role": "tool", "tool_call_id": call_id, "content": _result(answered.response)}
            else:
                said += _parts(part, f"{path}[{at}]")
        if said:
            alone = len(said) == 1 and said[0]["type"] == "text"
            yield {"role": "user", "content": said[0]["text"] if alone else said}
        elif not results:
            yield {"role": "user", "content": ""}

    def _call(self, part: schema.Part) -> JSONObject:
        call = part.function_call
        if call is None:
            raise TypeError("no call")
        call_id = self._pairing.called(call.name, signed_id(part.thought_signature) or call.id)
        function = {"name": call.name, "arguments": orjson.dumps(call.args or {}).decode()}
        return {"id": call_id, "type": "function", "function": function}


def _said(part: schema.Part) -> list[str]:
    """The texts of a part that is neither a file nor a call."""
    left = part.executable_code or part.code_execution_result
    if left is not None:
        return [str(left[name]) for name in LEFT_BEHIND if left.get(name)]
    return [part.text] if part.text else []


def _parts(part: schema.Part, path: str) -> list[JSONObject]:
    """As content parts. Raises ApiError(400)."""
    if part.inline_data is not None:
        return [_inline(part.inline_data, f"{path}.inlineData")]
    if part.file_data is not None:
        return [_linked(part.file_data, f"{path}.fileData")]
    if part.function_call is not None:
        raise bad_request(
            f"`{path}.functionCall`: only the model calls functions.", param=f"{path}.functionCall"
        )
    return [{"type": "text", "text": text} for text in _said(part)]


def _inline(blob: schema.Blob, path: str) -> JSONObject:
    data = standard_base64(blob.data)
    kind = canonical_type(blob.mime_type, data)
    family, _, name = kind.partition("/")
    uri = f"data:{kind};base64,{data}"
    match family:
        case "image":
            return {"type": "image_url", "image_url": {"url": uri}}
        case "video":
            return {"type": "video_url", "video_url": {"url": uri}}
        case "audio":
            return {"type": "input_audio", "input_audio": {"data": data, "format": name}}
        case "text":
            return {"type": "text", "text": _decoded(data, f"{path}.data")}
    if kind != PDF:
        raise bad_request(
            f"`{path}.mimeType`: files of this type are not read here.", param=f"{path}.mimeType"
        )
    return {"type": "file", "file": {"filename": blob.display_name or "document.pdf", "file_data": uri}}


def _decoded(data: str, path: str) -> str:
    try:
        return b64decode(data, validate=True).decode()
    except (Base64Error, UnicodeDecodeError, ValueError):
        raise bad_request(f"`{path}`: must be base64 of UTF-8.", param=path) from None


def _linked(file: schema.FileData, path: str) -> JSONObject:
    family = file.mime_type.partition("/")[0].lower()
    if file.file_uri.startswith(("http://", "https://")) and family in ("image", "video"):
        return {"type": f"{family}_url", f"{family}_url": {"url": file.file_uri}}
    raise bad_request(
        f"`{path}.fileUri`: there is no files API here; send the content itself, as inlineData.",
        param=f"{path}.fileUri",
    )


def _result(response: Any) -> str:
    """What a tool answered, as text: the one string in it, or its JSON."""
    if isinstance(response, dict) and len(response) == 1:
        ((name, only),) = response.items()
        if name in RESULTS and isinstance(only, str):
            return only
    if response is None:
        return ""
    return response if isinstance(response, str) else orjson.dumps(response).decode()
