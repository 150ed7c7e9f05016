"""LiteLLM as a library, on chat completions."""

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would load a list of prices from the network

from typing import Any

import cells
import litellm
from cells import CALLS, CITY, FORECAST, KEY, PIXEL, ROME, URL, WEATHER, Named
from pydantic import BaseModel

HELLO: Any = [{"role": "user", "content": "Hello"}]
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "description": text, "parameters": CITY}}
    for name, text in (WEATHER, FORECAST)
]


class City(BaseModel):
    city: str


def _ask(model: str, **more: Any) -> Any:
    asked = {
        "messages": HELLO,
        "api_base": f"{URL}/v1",
        "api_key": KEY,
        "num_retries": 0,
        "max_retries": 0,
        **more,
    }
    return litellm.completion(model=f"openai/{model}", **asked)


def text(model: Named) -> None:
    answer = _ask(model("ok"))
    assert answer.choices[0].message.content
    assert answer.usage.total_tokens > 0


def stream(model: Named) -> None:
    chunks = list(_ask(model("ok"), stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage.total_tokens > 0


def _named(calls: Any) -> list[Any]:
    return [(call.function.name, cells.json.loads(call.function.arguments)) for call in calls]


def tools(model: Named) -> None:
    first = _ask(model("parallel_tools"), tools=TOOLS).choices[0].message
    assert _named(first.tool_calls) == CALLS
    results = [{"role": "tool", "tool_call_id": call.id, "content": "Sunny"} for call in first.tool_calls]
    assert _ask(model("ok"), tools=TOOLS, messages=[*HELLO, first, *results]).choices[0].message.content


def streamed_tools(model: Named) -> None:
    chunks = list(_ask(model("parallel_tools"), tools=TOOLS, stream=True))
    whole: Any = litellm.stream_chunk_builder(chunks)
    assert _named(whole.choices[0].message.tool_calls) == CALLS


def structured(model: Named) -> None:
    answer = _ask(model("echo"), messages=[{"role": "user", "content": ROME}], response_format=City)
    assert City.model_validate_json(answer.choices[0].message.content) == City(city="Rome")


def image(model: Named) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    content = [{"type": "text", "text": "What is this?"}, picture]
    assert _ask(model("ok"), messages=[{"role": "user", "content": content}]).choices[0].message.content


def errors(model: Named) -> None:
    with cells.raising(litellm.NotFoundError):
        _ask(model("no-such-model"))
    with cells.raising(litellm.BadRequestError):
        _ask(model("ok"), temperature=9)
    with cells.raising(litellm.AuthenticationError):
        _ask(model("ok"), api_key=cells.WRONG_KEY)
    with cells.raising(Exception):
        list(_ask(model("cut"), stream=True))


def retries(model: Named) -> None:
    assert _ask(cells.flaky(model), num_retries=2).choices[0].message.content


def leaving(model: Named) -> None:
    chunks = _ask(model("frames_400_50"), stream=True)
    next(iter(chunks))
    chunks.completion_stream.close()


if __name__ == "__main__":
    litellm.suppress_debug_info = True
    cells.run(
        ["litellm"],
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
