"""Refusals in OpenAI's dialect, and errors inside of a 200."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from apps.providers.adapters.refusals.answers import classify, frame_error, upstream_error
from apps.providers.adapters.refusals.details import read_body, read_payload
from apps.providers.adapters.refusals.waits import retry_after_s, spent_windows
from apps.providers.adapters.shared.values import as_dict
from apps.providers.errors import UpstreamError
from apps.providers.types import Offer


def parse_error(status: int, headers: Mapping[str, str], body: bytes, offer: Offer) -> UpstreamError:
    """Classify an answer that is not 2xx. Header names are lower case."""
    details = read_body(body)
    hints = (headers.get("x-ratelimit-type", ""), headers.get("x-error-message", ""), *spent_windows(headers))
    finding = classify(status, details, " ".join(hints))
    if finding.window is not None and offer.preset.limit_scope == "account":
        finding = replace(finding, scope="account")
    return upstream_error(finding, details, offer, status, retry_after_s(headers, details))


def wrapped_error(payload: dict[str, Any], offer: Offer) -> UpstreamError | None:
    """The error that a 200 or one of its frames carries, None where it carries none."""
    if payload.get("error") or (payload.get("errors") and payload.get("success") is False):
        return frame_error(payload, offer)
    if payload.get("object") == "error" or _is_flat_error(payload):
        return frame_error(payload, offer)
    if reason := as_dict(payload.get("x_groq")).get("error"):
        return frame_error({"error": reason}, offer)
    return None


def _is_flat_error(payload: dict[str, Any]) -> bool:
    """Whether an error's text lies where an answer has its choices, as Cerebras and NVIDIA put it."""
    return "choices" not in payload and bool(read_payload(payload).message)
