"""langchain-openai, or langchain-anthropic where FREEAI_CLIENT names it: the same cells by LangChain's own interface."""

from typing import Any

import cells
from cells import CALLS, CITY, FORECAST, KEY, NAME, PIXEL, ROME, URL, WEATHER, Named
from langchain_core.messages import HumanMessage, ToolMessage
from pydantic import BaseModel

IS_ANTHROPIC = "anthropic" in NAME
if IS_ANTHROPIC:
    from anthropic import APIStatusError, AuthenticationError, BadRequestError, NotFoundError
    from langchain_anthropic import ChatAnthropic

    PACKAGE = "langchain-anthropic"
else:
    from langchain_openai import ChatOpenAI
    from openai import APIError as APIStatusError
    from openai import AuthenticationError, BadRequestError, NotFoundError

    PACKAGE = "langchain-openai"

TOOLS: Any = [
    {"type": "function", "function": {"name": name, "description": text, "parameters": CITY}}
    for name, text in (WEATHER, FORECAST)
]


class City(BaseModel):
    """A city."""

    city: str


def _chat(model: str, **more: Any) -> Any:
    own: dict[str, Any] = {"api_key": KEY, "max_retries": 0, "model": model, **more}
    if IS_ANTHROPIC:
        return ChatAnthropic(base_url=URL, max_tokens=1000, **own)
    return ChatOpenAI(base_url=f"{URL}/v1", stream_usage=True, **own)


def text(model: Named) -> None:
    answer = _chat(model("ok")).invoke("Hello")
    assert answer.text
    assert answer.usage_metadata["total_tokens"] > 0


def stream(model: Named) -> None:
    whole = None
    for chunk in _chat(model("ok")).stream("Hello"):
        whole = chunk if whole is None else whole + chunk
    assert whole is not None and whole.text
    assert whole.usage_metadata["total_tokens"] > 0


def _named(calls: Any) -> list[Any]:
    return [(call["name"], call["args"]) for call in calls]


def tools(model: Named) -> None:
    first = _chat(model("parallel_tools")).bind_tools(TOOLS).invoke("Hello")
    assert _named(first.tool_calls) == CALLS
    results = [ToolMessage("Sunny", tool_call_id=call["id"]) for call in first.tool_calls]
    assert _chat(model("ok")).bind_tools(TOOLS).invoke([HumanMessage("Hello"), first, *results]).text


def streamed_tools(model: Named) -> None:
    whole: Any = None
    for chunk in _chat(model("parallel_tools")).bind_tools(TOOLS).stream("Hello"):
        whole = chunk if whole is None else whole + chunk
    assert _named(whole.tool_calls) == CALLS


def structured(model: Named) -> None:
    made = _chat(model("echo")).with_structured_output(City, method="json_schema").invoke(ROME)
    assert made == City(city="Rome")


def image(model: Named) -> None:
    picture = {"type": "image", "base64": PIXEL, "mime_type": "image/png"}
    assert (
        _chat(model("ok")).invoke([HumanMessage([{"type": "text", "text": "What is this?"}, picture])]).text
    )


def errors(model: Named) -> None:
    with cells.raising(NotFoundError):
        _chat(model("no-such-model")).invoke("Hello")
    with cells.raising(BadRequestError):
        _chat(model("ok"), temperature=9).invoke("Hello")
    with cells.raising(AuthenticationError):
        _chat(model("ok"), api_key=cells.WRONG_KEY).invoke("Hello")
    with cells.raising(APIStatusError):
        list(_chat(model("cut")).stream("Hello"))


def retries(model: Named) -> None:
    assert _chat(cells.flaky(model), max_retries=2).invoke("Hello").text


def leaving(model: Named) -> None:
    chunks = _chat(model("frames_400_50")).stream("Hello")
    next(chunks)
    chunks.close()


if __name__ == "__main__":
    cells.run(
        [PACKAGE],
        {
            "text": text,
            "stream": stream,
            "tools": tools,
            "streamed tools": streamed_tools,
            "structured": structured,
            "image": image,
            "errors": errors,
            "retries": retries,
            "leaving": leaving,
        },
    )
