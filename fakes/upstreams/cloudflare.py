"""Cloudflare Workers AI: an envelope around errors, numeric codes, strings for content."""

from __future__ import annotations

from typing import Any

from fakes.answers import Asked
from fakes.families.dialect import Dialect
from fakes.families.embeddings import OpenAIEmbeddings
from fakes.families.images import WorkersAIImages
from fakes.families.listing import ModelList, numbered_pages
from fakes.families.openai import OpenAIChat
from fakes.families.rerank import WorkersAIRerank
from fakes.families.speech import WorkersAISpeech
from fakes.families.transcriptions import WorkersAI
from fakes.faults import Fault, Problem, Refused

from .base import Upstream, error_event, names
from .image_rules import check_cloudflare as check_images
from .openai_rules import Rules
from .rerank_rules import check_cloudflare as check_rerank
from .speech_rules import check_cloudflare as check_speech
from .task_rules import check_cloudflare_transcription

ACCOUNT_ID = "0123456789abcdef0123456789abcdef"
_INTERNAL = 8005
_ROLES = names("system user assistant tool")


def _coded(status: int, code: str, message: str) -> Problem:
    return Problem(status=status, code=code, message=message)


_MINUTE = _coded(429, "3021", "rate limited")
_SPENT = _coded(
    429,
    "4006",
    "you have used up your daily free allocation of 10,000 neurons, please upgrade to Cloudflare's Workers Paid plan if "
    "you would like to continue usage.",
)

PROBLEMS = {
    Fault.BAD_REQUEST: _coded(400, "3003", "Invalid or incomplete input for the model"),
    Fault.AUTH: _coded(401, "10000", "Authentication error"),
    Fault.PAYMENT: _SPENT,
    Fault.FORBIDDEN: _coded(403, "5018", "This account is not allowed to access this model"),
    Fault.PLAN: _coded(403, "5035", "Model {model} is only available on the Workers Paid plan"),
    Fault.GONE: _coded(410, "5028", "Model {model} has been deprecated"),
    Fault.NOT_FOUND: _coded(400, "5007", "No such model {model} or task"),
    Fault.TOO_LARGE: _coded(413, "3006", "Request is too large"),
    Fault.CONTEXT_LENGTH: _coded(413, "3006", "Request is too large"),
    Fault.UNSUPPORTED_PARAM: _coded(400, "5006", "Error: oneOf at '/' not met, 0 matches: stream_options"),
    Fault.RATE_MINUTE: _MINUTE,
    Fault.RATE_TOKENS: _MINUTE,
    Fault.RATE_PLAIN: _MINUTE,
    Fault.RATE_DAY: _SPENT,
    Fault.RATE_QUEUE: _coded(429, "3040", "Capacity temporarily exceeded, please try again."),
    Fault.INTERNAL: _coded(500, "8005", "Internal server error"),
    Fault.GATEWAY_TIMEOUT: _coded(408, "3007", "Request timeout"),
}


def shape(problem: Problem) -> dict[str, Any]:
    """Cloudflare's envelope."""
    code = problem.code or ""
    return {
        "result": None,
        "success": False,
        "errors": [
            {"code": int(code) if code.isdigit() else _INTERNAL, "message": f"AiError: {problem.message}"}
        ],
        "messages": [],
    }


def check(asked: Asked) -> None:
    """Content must be there, and a string wherever it holds nothing but text. Raises Refused."""
    for position, message in enumerate(asked.body["messages"]):
        content = message.get("content")
        if message.get("role") not in _ROLES:
            raise _schema(f"'/messages/{position}/role' value must be one of {', '.join(sorted(_ROLES))}")
        if content is None:
            raise _schema(f"Type mismatch of '/messages/{position}/content', 'string' not in 'null'")
        if isinstance(content, list) and all(part.get("type") == "text" for part in content):
            raise _schema(f"Type mismatch of '/messages/{position}/content', 'string' not in 'array'")
    _RULES.check(asked.body)


def _schema(text: str) -> Refused:
    return Refused(_coded(400, "5006", f"Error: oneOf at '/' not met, 0 matches: {text}"))


_RULES = Rules(refuse=lambda text, where: _schema(f"'/{where}' {text}"))


def _model(name: str, task: str, window: int, price_in: float, price_out: float) -> dict[str, Any]:
    prices = [
        {"unit": "per M input tokens", "price": price_in, "currency": "USD"},
        {"unit": "per M output tokens", "price": price_out, "currency": "USD"},
    ]
    return {
        "id": f"uuid-of-{name}",
        "source": 1,
        "name": name,
        "description": name,
        "task": {"id": "uuid-of-the-task", "name": task, "description": task},
        "tags": [],
        "properties": [
            {"property_id": "context_window", "value": str(window)},
            {"property_id": "price", "value": prices},
        ],
    }


# GET .../accounts/{account_id}/ai/models/search
MODELS = {
    "result": [
        _model("@cf/openai/gpt-oss-120b", "Text Generation", 128_000, 0.35, 0.75),
        _model("@cf/baai/bge-m3", "Text Embeddings", 8_192, 0.012, 0),
        _model("@cf/black-forest-labs/flux-1-schnell", "Text-to-Image", 0, 0, 0),
    ]
}

CLOUDFLARE = Upstream(
    slug="cloudflare",
    base_path=f"/client/v4/accounts/{ACCOUNT_ID}/ai/v1",
    families=(
        OpenAIChat(Dialect(whole_tool_calls=True, usage_chunk="last")),
        OpenAIEmbeddings(),
        WorkersAIImages(),
        WorkersAISpeech(),
        WorkersAIRerank(),  # of /run, what it does not know is a recording
        WorkersAI(),
        ModelList(MODELS, path="/../models/search", key="result", page=numbered_pages),
    ),
    shape=shape,
    problems=PROBLEMS,
    stream_error=error_event(
        {"errors": [{"code": 3040, "message": "AiError: out of capacity"}], "success": False}
    ),
    checks={
        "chat": check,
        "transcriptions": check_cloudflare_transcription,
        "rerank": check_rerank,
        "images": check_images,
        "speech": check_speech,
    },
)
