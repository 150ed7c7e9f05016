"""The fields of Gemini's answers, where they stand and where its imitators put them. All raise UpstreamError(PARSING) for what cannot be
read and has something of the answer in it."""

from typing import Any

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.shared.missed import lost, refuse_missed
from apps.providers.adapters.shared.values import as_dict, as_text, is_nothing, split_content

ANSWER_FIELDS = ("candidates", "promptFeedback", "usageMetadata", "error")
CALL_FIELDS = ("functionCall", "function_call")
SIGNATURE_FIELDS = ("thoughtSignature", "thought_signature")


def is_answer(frame: Any) -> bool:
    return isinstance(frame, dict) and any(field in frame for field in ANSWER_FIELDS)


def unwrapped(frame: Any) -> Any:
    """`frame`, taken out of the `response` that some of Google's endpoints wrap around it."""
    inner = frame.get("response") if isinstance(frame, dict) else None
    return inner if is_answer(inner) and not is_answer(frame) else frame


def candidates_of(frame: JSONObject) -> list[JSONObject]:
    candidates = frame.get("candidates")
    if is_nothing(candidates):
        refuse_missed(frame)
        return []
    listed = _listed(candidates)
    for candidate in listed:
        if type(candidate) is not dict:
            refuse_missed(candidate, "candidates")
    return [as_dict(candidate) for candidate in listed]


def parts_of(candidate: JSONObject) -> list[JSONObject]:
    """The parts of a candidate's content; what stands bare in the place of one is its text."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else content
    if is_nothing(parts):
        refuse_missed(candidate)
        return []
    return [
        part if isinstance(part, dict) else {"text": part} for part in _listed(parts) if not is_nothing(part)
    ]


def calls_of(part: JSONObject) -> list[JSONObject]:
    calls = [call for name in CALL_FIELDS for call in _listed(part.get(name)) if not is_nothing(call)]
    if not all(isinstance(call, dict) for call in calls):
        raise lost()
    return calls


def text_of(part: JSONObject) -> str:
    text = part.get("text")
    return text if isinstance(text, str) else "".join(split_content(text))


def signature_of(part: JSONObject) -> str:
    """The signature of a call, which has to come back with it."""
    return next(filter(None, (as_text(part.get(name)) for name in SIGNATURE_FIELDS)), "")


def _listed(value: Any) -> JSONArray:
    return value if isinstance(value, list) else [value]
