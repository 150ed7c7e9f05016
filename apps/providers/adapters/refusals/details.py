"""Finding the facts in an error body, be it nested, flat, a `detail`, a string, an array or HTML.

The shapes are those of providers' documentation and of measurements with live keys, July-August 2026.
"""

import re
from typing import Any

import orjson
from msgspec import Struct

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.shared.values import as_dict, as_list, as_text

MAX_BODY = 64 * 1024
MAX_TEXT = 4000
TITLE = re.compile(r"<title[^>]{0,200}>\s*([^<]{1,200})", re.IGNORECASE)


class Details(Struct, frozen=True, kw_only=True):
    """What an error body says. `signals` are its machine-readable words in lower case, the most exact first.

    `is_page`: the body was a web page, of which `message` is the title. `hints` is further text that tells which limit was met; `status` an
    HTTP status inside the body; `wait` and `reset` the values of the body's own retry fields, as they came.
    """

    message: str = ""
    code: str = ""
    param: str | None = None
    signals: tuple[str, ...] = ()
    hints: str = ""
    status: int | None = None
    wait: Any = None
    reset: Any = None
    is_page: bool = False


def read_body(body: bytes) -> Details:
    """The facts in `body`; only the text where it is no JSON."""
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body[:MAX_BODY].decode("utf-8", "replace").strip()
        return (
            Details(message=_page_title(text), is_page=True)
            if text.startswith("<")
            else Details(message=text[:MAX_TEXT])
        )
    return read_payload(payload)


def read_payload(payload: Any) -> Details:
    """The facts in a decoded body."""
    if isinstance(payload, list):
        payload = payload[0] if payload else None
    if not isinstance(payload, dict):
        return Details(message=as_text(payload)[:MAX_TEXT])
    error = _inner(payload)
    metadata = as_dict(error.get("metadata"))
    message, param = _message(error)
    code, kind, sub = (
        _word(value) for value in (error.get("code"), error.get("type"), metadata.get("error_type"))
    )
    hints = (_limits(error), as_text(metadata.get("limit_source")), as_text(metadata.get("raw")))
    return Details(
        message=message[:MAX_TEXT],
        code=code,
        param=error["param"] if isinstance(error.get("param"), str) else param,
        signals=tuple(word.lower() for word in (code, sub, kind) if word),
        hints=" ".join(hint for hint in hints if hint)[:MAX_TEXT],
        status=_status(payload, error),
        wait=_first(
            error.get("retry_after"),
            payload.get("retry_after"),
            metadata.get("retry_after"),
            _retry_info(error),
        ),
        reset=as_dict(metadata.get("headers")).get("X-RateLimit-Reset"),
    )


def _inner(payload: JSONObject) -> JSONObject:
    """The object that describes the error: inside `error`, the first of `errors` (Cloudflare), or the payload
    itself (flat)."""
    error = payload.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str) and error:
        return payload | {"message": error}
    if (errors := as_list(payload.get("errors"))) and isinstance(errors[0], dict):
        return errors[0]
    return payload


def _message(error: JSONObject) -> tuple[str, str | None]:
    """(text, parameter that it is about). Mistral and FastAPI list `detail`s; NVIDIA has `title` and
    `detail`."""
    message = error.get("message")
    if isinstance(message, str) and message:
        return message, None
    detail = _first(as_dict(message).get("detail"), error.get("detail"), error.get("title"))
    if isinstance(detail, dict):
        detail = _first(detail.get("error"), detail.get("message"))
    if isinstance(detail, list):
        return _listed(detail)
    return as_text(detail), None


def _listed(items: JSONArray) -> tuple[str, str | None]:
    """A list of validation errors: {"type", "loc": ["body", "field"], "msg"} each."""
    texts, param = [], None
    for item in map(as_dict, items):
        path = ".".join(str(step) for step in as_list(item.get("loc")) if step != "body")
        param = param or path or None
        texts.append(f"{path}: {as_text(item.get('msg'))}" if path else as_text(item.get("msg")))
    return "; ".join(texts), param


def _limits(error: JSONObject) -> str:
    """Names of the quotas that Google's `details` list, its OpenAI-compatible endpoint included."""
    details = map(as_dict, as_list(error.get("details")))
    violations = [as_dict(item) for detail in details for item in as_list(detail.get("violations"))]
    return " ".join(as_text(violation.get("quotaId")) for violation in violations)


def _retry_info(error: JSONObject) -> Any:
    details = map(as_dict, as_list(error.get("details")))
    return _first(*(detail.get("retryDelay") for detail in details))


def _status(payload: JSONObject, error: JSONObject) -> int | None:
    """An HTTP status in the body: Groq's, Cerebras's and NVIDIA's fields, or a `code` that is one
    (OpenRouter, vLLM)."""
    for value in (
        error.get("status_code"),
        payload.get("status_code"),
        error.get("status"),
        error.get("code"),
    ):
        if isinstance(value, int) and 400 <= value <= 599:  # noqa: PLR2004
            return value
    return None


def _word(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _page_title(page: str) -> str:
    """What the title of an HTML page says."""
    title = TITLE.search(page)
    return f"HTML page: {title[1].strip()}" if title else "HTML page"
