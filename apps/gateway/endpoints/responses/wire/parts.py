"""Content parts of the Responses API -> chat's."""

from typing import Final

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.responses.wire import items
from apps.gateway.wire.errors import ApiError, bad_request

DETAILS: Final = {"auto": "auto", "low": "low", "high": "high", "original": "high"}
FILE: Final = "file"


def text_of(content: items.Content, path: str) -> str:
    """Where nothing but text is taken. Raises ApiError(400)."""
    if isinstance(content, str):
        return content
    return "\n".join(_text(part, f"{path}[{at}]") for at, part in enumerate(content))


def content_of(content: items.Content, path: str) -> str | list[JSONObject]:
    """What a user says; one text as it is: the shape that every upstream takes. Raises ApiError(400)."""
    if isinstance(content, str):
        return content
    parts = [_part(part, f"{path}[{at}]") for at, part in enumerate(content)]
    if len(parts) == 1 and parts[0]["type"] == "text":
        return str(parts[0]["text"])
    return parts or ""


def output_of(content: items.Content, path: str) -> tuple[str, list[JSONObject]]:
    """The text of a call's result, and what of it is none. Raises ApiError(400)."""
    made = content_of(content, path)
    if isinstance(made, str):
        return made, []
    texts = [part["text"] for part in made if part["type"] == "text"]
    return "\n".join(texts), [part for part in made if part["type"] != "text"]


def _text(part: items.Part, path: str) -> str:
    made = _part(part, path)
    if made["type"] != "text":
        raise bad_request(f"`{path}.type`: nothing but text can be said in this role.", param=f"{path}.type")
    return str(made["text"])


def _part(part: items.Part, path: str) -> JSONObject:
    match part:
        case items.InputText(text=text) | items.PlainText(text=text) | items.OutputText(text=text):
            return {"type": "text", "text": text}
        case items.Refusal(refusal=text):
            return {"type": "text", "text": text}
        case items.InputImage():
            return _image(part, path)
        case items.InputFile():
            return _file(part, path)
        case items.InputAudio(input_audio=audio):
            return {"type": "input_audio", "input_audio": {"data": audio.data, "format": audio.format}}
    raise TypeError(type(part).__name__)


def _image(part: items.InputImage, path: str) -> JSONObject:
    if part.image_url is None:
        raise _no_files(f"{path}.file_id") if part.file_id else _missing(path, "image_url")
    detail = DETAILS.get(part.detail or "")
    return {
        "type": "image_url",
        "image_url": {"url": part.image_url, **({"detail": detail} if detail else {})},
    }


def _file(part: items.InputFile, path: str) -> JSONObject:
    if part.file_data is None:
        if part.file_url:
            raise bad_request(
                f"`{path}.file_url`: documents are not fetched; send `file_data`.", param=f"{path}.file_url"
            )
        raise _no_files(f"{path}.file_id") if part.file_id else _missing(path, "file_data")
    return {"type": FILE, FILE: {"filename": part.filename or FILE, "file_data": part.file_data}}


def _no_files(path: str) -> ApiError:
    return bad_request(f"`{path}`: there is no files API here; send the content itself.", param=path)


def _missing(path: str, name: str) -> ApiError:
    return bad_request(f"`{path}.{name}`: Object missing required field `{name}`.", param=f"{path}.{name}")
