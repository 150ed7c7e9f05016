"""LlamaIndex's OpenAILike on chat completions."""

from typing import Any

import cells
from cells import CALLS, KEY, PIXEL, ROME, URL, Named
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from openai import APIError, AuthenticationError, BadRequestError, NotFoundError
from pydantic import BaseModel


class City(BaseModel):
    """A city."""

    city: str


def get_weather(city: str) -> str:
    """Weather of a city"""
    return "Sunny"


def get_forecast(city: str) -> str:
    """Forecast for a city"""
    return "Sunny"


TOOLS: Any = [FunctionTool.from_defaults(get_weather), FunctionTool.from_defaults(get_forecast)]
HELLO = [ChatMessage(role="user", content="Hello")]


def _llm(model: str, **more: Any) -> OpenAILike:
    own: dict[str, Any] = {"api_base": f"{URL}/v1", "api_key": KEY, "max_retries": 0, **more}
    return OpenAILike(
        model=model, is_chat_model=True, is_function_calling_model=True, context_window=131072, **own
    )


def text(model: Named) -> None:
    answer = _llm(model("ok")).chat(HELLO)
    assert answer.message.content
    assert answer.raw.usage.total_tokens > 0


def stream(model: Named) -> None:
    asked = {"stream_options": {"include_usage": True}}
    pieces = list(_llm(model("ok"), additional_kwargs=asked).stream_chat(HELLO))
    assert "".join(piece.delta or "" for piece in pieces)
    assert pieces[-1].raw.usage.total_tokens > 0


def _named(llm: OpenAILike, answer: Any) -> list[Any]:
    calls = llm.get_tool_calls_from_response(answer, error_on_no_tool_call=True)
    return [(call.tool_name, call.tool_kwargs) for call in calls]


def tools(model: Named) -> None:
    llm = _llm(model("parallel_tools"))
    first = llm.chat_with_tools(TOOLS, user_msg="Hello", allow_parallel_tool_calls=True)
    assert _named(llm, first) == CALLS
    calls = llm.get_tool_calls_from_response(first)
    results = [
        ChatMessage(role="tool", content="Sunny", additional_kwargs={"tool_call_id": call.tool_id})
        for call in calls
    ]
    history = [*HELLO, first.message, *results]
    assert _llm(model("ok")).chat_with_tools(TOOLS, chat_history=history).message.content


def streamed_tools(model: Named) -> None:
    llm = _llm(model("parallel_tools"))
    *_, last = llm.stream_chat_with_tools(TOOLS, user_msg="Hello", allow_parallel_tool_calls=True)
    assert _named(llm, last) == CALLS


def structured(model: Named) -> None:
    llm = _llm(model("echo"), should_use_structured_outputs=True)
    answer = llm.as_structured_llm(City).chat([ChatMessage(role="user", content=ROME)])
    assert answer.raw == City(city="Rome")


def image(model: Named) -> None:
    from base64 import b64decode

    picture = ImageBlock(image=b64decode(PIXEL), image_mimetype="image/png")
    asked = ChatMessage(role="user", blocks=[TextBlock(text="What is this?"), picture])
    assert _llm(model("ok")).chat([asked]).message.content


def errors(model: Named) -> None:
    with cells.raising(NotFoundError):
        _llm(model("no-such-model")).chat(HELLO)
    with cells.raising(BadRequestError):
        _llm(model("ok"), additional_kwargs={"top_p": 9}).chat(HELLO)
    with cells.raising(AuthenticationError):
        _llm(model("ok"), api_key=cells.WRONG_KEY).chat(HELLO)
    with cells.raising(APIError):
        list(_llm(model("cut")).stream_chat(HELLO))


def retries(model: Named) -> None:
    assert _llm(cells.flaky(model), max_retries=2).chat(HELLO).message.content


def leaving(model: Named) -> None:
    pieces: Any = _llm(model("frames_400_50")).stream_chat(HELLO)
    next(pieces)
    pieces.close()


if __name__ == "__main__":
    cells.run(
        ["llama-index-llms-openai-like"],
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
