"""One question to a judge, and the text of its answer."""

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.openai import chat
from apps.providers.demands.moderation import ModerationRequest
from apps.providers.types import ChatRequest, Offer, UpstreamRequest, Usage
from apps.providers.verdict import judge_result


def ask(request: ModerationRequest, offer: Offer, before: JSONArray, options: JSONObject) -> UpstreamRequest:
    """The chat: the messages `before`, then what is to be judged as the user's. Raises UpstreamError(REFUSED)."""
    (text,) = request.inputs
    content: str | JSONArray = text
    if request.images:
        content = [*([{"type": "text", "text": text}] if text else []), *request.images]
    body: JSONObject = {"messages": [*before, {"role": "user", "content": content}], "temperature": 0.0}
    return chat.CODEC.build(ChatRequest(model=None, body=body | options, needs=request.needs), offer)


def answer(body: bytes, offer: Offer) -> tuple[str, Usage | None]:
    """What the judge said. Raises UpstreamError: also for an empty or filtered answer."""
    result = judge_result(chat.CODEC.parse(body, offer))
    return result.choices[0]["message"].get("content") or "", result.usage


def sends(name: str) -> bool:
    """A chat has no place for further fields of a moderation request."""
    return False
