"""A history in Anthropic's blocks -> messages in OpenAI's shape. What the wire of an upstream cannot carry, its adapter says.

What is left out on purpose: thinking that this installation did not sign for this user, and what only Anthropic's own servers can read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeGuard

import orjson

from apps.core.json_types import JSONObject
from apps.gateway.endpoints.messages.wire import schema
from apps.gateway.wire.errors import ApiError, bad_request

# Claude Code's first block of every system prompt: it differs between requests, and is for a bill that nobody writes here.
BILLING: Final = "x-anthropic-billing-header:"
ERROR: Final = "Error: "
SAYING: Final = ("title", "url", "text", "stdout", "stderr", "content", "data")
"""Members of what Anthropic's own tools left that people would read, in this order."""
MOST_TEXTS: Final = 1000
DATA_URI: Final = "data:{};base64,{}"

Verify = Callable[[str, str], bool]
"""Whether a thinking text and its signature are of this installation, for this user."""


def system_text(system: str | Sequence[schema.LoneTextBlock] | None) -> str:
    """The system prompt; "" for none."""
    if system is None or isinstance(system, str):
        return system or ""
    return "\n\n".join(block.text for block in system if block.text and not block.text.startswith(BILLING))


def messages_of(body: schema.TokensBody, verify: Verify) -> list[JSONObject]:
    """The conversation. Raises ApiError(400) that names the block which cannot be carried."""
    made: list[JSONObject] = []
    if instructions := system_text(body.system):
        made.append({"role": "system", "content": instructions})
    for at, message in enumerate(body.messages):
        match message:
            case schema.SystemTurn(content=content):
                if text := system_text(content):
                    made.append({"role": "system", "content": text})
            case schema.AssistantTurn(content=content):
                made.append(_assistant(content, verify))
            case schema.UserTurn(content=content):
                made += _user(content, f"messages[{at}].content")
    return made


def _assistant(content: str | list[schema.AssistantBlock], verify: Verify) -> JSONObject:
    """What was said, thought (where that was signed here) and called. What nobody but Anthropic can read is left out."""
    if isinstance(content, str):
        return {"role": "assistant", "content": content}
    message: JSONObject = {
        "role": "assistant",
        "content": "\n\n".join(text for block in content for text in _texts(block) if text),
    }
    if thoughts := [block.thinking for block in content if _is_own_thought(block, verify)]:
        message["reasoning_content"] = "\n".join(thoughts)
    if calls := [_call(block) for block in content if isinstance(block, schema.ToolUseBlock)]:
        message |= {"content": message["content"] or None, "tool_calls": calls}
    return message


def _texts(block: schema.AssistantBlock) -> list[str]:
    match block:
        case schema.TextBlock(text=text):
            return [text]
        case schema.SearchResultBlock():
            return [_search_result(block)]
        case schema.Hosted(content=left):
            return _texts_of(left)
    return []


def _is_own_thought(block: schema.AssistantBlock, verify: Verify) -> TypeGuard[schema.ThinkingBlock]:
    if not isinstance(block, schema.ThinkingBlock) or not block.thinking or not block.signature:
        return False
    return verify(block.thinking, block.signature)


def _call(block: schema.ToolUseBlock) -> JSONObject:
    function = {"name": block.name, "arguments": orjson.dumps(block.input).decode()}
    return {"id": block.id, "type": "function", "function": function}


def _user(content: str | list[schema.UserBlock], path: str) -> Iterator[JSONObject]:
    """The results of tools first, whatever stands before them, each once, the last one given; what else is said behind them. Images and
    documents among the results come before that: not every upstream takes them in a result."""
    if isinstance(content, str):
        yield {"role": "user", "content": content}
        return
    results: dict[str, JSONObject] = {}
    media: list[JSONObject] = []
    parts: list[JSONObject] = []
    for at, block in enumerate(content):
        if isinstance(block, schema.ToolResultBlock):
            text, attached = _result(block, f"{path}[{at}].content")
            results[block.tool_use_id] = {
                "role": "tool",
                "tool_call_id": block.tool_use_id,
                "content": text,
            }
            media += attached
        else:
            parts += _parts(block, f"{path}[{at}]")
    yield from results.values()
    if parts := media + parts:
        yield {"role": "user", "content": _joined(parts)}
    elif not results:
        yield {"role": "user", "content": ""}


def _joined(parts: list[JSONObject]) -> str | list[JSONObject]:
    """One text as it is: the shape that every upstream takes."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return str(parts[0]["text"])
    return parts


def _result(block: schema.ToolResultBlock, path: str) -> tuple[str, list[JSONObject]]:
    """The text of a tool's result, and what of it is none."""
    content = block.content or ""
    prefix = ERROR if block.is_error else ""
    if isinstance(content, str):
        return prefix + content, []
    texts: list[str] = []
    media: list[JSONObject] = []
    for at, part in enumerate(content):
        if isinstance(part, schema.ToolReferenceBlock):
            texts.append(f"Tool: {part.tool_name}")
            continue
        for made in _parts(part, f"{path}[{at}]"):
            if made["type"] == "text":
                texts.append(made["text"])
            else:
                media.append(made)
    return prefix + "\n".join(texts), media


def _parts(block: Any, path: str) -> list[JSONObject]:
    """A block as content parts. Raises ApiError(400)."""
    match block:
        case schema.TextBlock(text=text):
            return [_text(text)]
        case schema.ImageBlock(source=source):
            return [_image(source, path)]
        case schema.DocumentBlock():
            return _document(block, path)
        case schema.SearchResultBlock():
            return [_text(_search_result(block))]
        case schema.Hosted(content=left):
            return [_text(text) for text in _texts_of(left)]
    raise TypeError(type(block).__name__)


def _text(text: str) -> JSONObject:
    return {"type": "text", "text": text}


def _image(source: schema.Base64Source | schema.UrlSource | schema.FileSource, path: str) -> JSONObject:
    match source:
        case schema.Base64Source(media_type=kind, data=data):
            url = DATA_URI.format(kind, data)
        case schema.UrlSource(url=url):
            pass
        case _:
            raise _no_files(path)
    return {"type": "image_url", "image_url": {"url": url}}


def _document(block: schema.DocumentBlock, path: str) -> list[JSONObject]:
    """A text as text, under its title; a PDF as a file, for models that read them."""
    about = [text for text in (block.title, block.context) if text]
    match block.source:
        case schema.PlainTextSource(data=data):
            return [_text("\n".join([*about, data]))]
        case schema.ContentSource(content=str() as content):
            return [_text("\n".join([*about, content]))]
        case schema.ContentSource(content=list() as content):
            held = [part for item in content for part in _parts(item, f"{path}.source.content")]
            return [*map(_text, about), *held]
        case schema.Base64Source(media_type=kind, data=data):
            file = {"filename": block.title or "document.pdf", "file_data": DATA_URI.format(kind, data)}
            return [*map(_text, about[1:] if block.title else about), {"type": "file", "file": file}]
        case schema.UrlSource():
            raise bad_request(
                f"`{path}.source`: documents are not fetched; send them in base64.", param=f"{path}.source"
            )
    raise _no_files(path)


def _no_files(path: str) -> ApiError:
    return bad_request(
        f"`{path}.source`: there is no files API here; send the content itself.", param=f"{path}.source"
    )


def _search_result(block: schema.SearchResultBlock) -> str:
    return "\n".join([block.title, block.source, *(part.text for part in block.content)])


def _texts_of(value: Any) -> list[str]:
    """What people would read of a result in one of many shapes."""
    found: list[str] = []
    waiting: list[Any] = [value]
    while waiting and len(found) < MOST_TEXTS:
        item = waiting.pop()
        if isinstance(item, str):
            found += [item] if item else []
        elif isinstance(item, list):
            waiting += reversed(item)
        elif isinstance(item, dict):
            waiting += reversed(_saying(item))
    return found


def _saying(item: JSONObject) -> Sequence[Any]:
    # `data` of a base64 source is no text
    names: Iterable[str] = SAYING if item.get("type") != "base64" else ()
    return [item[name] for name in names if name in item]
