"""openai for Python, strict, its answers in small pieces, on chat completions."""

from typing import Any

import cells
import httpx
import openai
from cells import CALLS, CITY, FORECAST, KEY, PIXEL, ROME, URL, WEATHER, Named
from pydantic import BaseModel

client = openai.OpenAI(
    base_url=f"{URL}/v1",
    api_key=KEY,
    max_retries=0,
    http_client=httpx.Client(transport=cells.in_pieces(), timeout=60),
    _strict_response_validation=True,
)
HELLO: Any = [{"role": "user", "content": "Hello"}]
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "description": text, "parameters": CITY}}
    for name, text in (WEATHER, FORECAST)
]


class City(BaseModel):
    city: str


def text(model: Named) -> None:
    answer = client.chat.completions.create(model=model("ok"), messages=HELLO)
    assert answer.choices[0].message.content
    assert answer.usage and answer.usage.total_tokens > 0


def stream(model: Named) -> None:
    chunks = list(
        client.chat.completions.create(
            model=model("ok"), messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage and chunks[-1].usage.total_tokens > 0


def _named(calls: Any) -> list[Any]:
    return [(call.function.name, cells.json.loads(call.function.arguments)) for call in calls]


def tools(model: Named) -> None:
    messages = list(HELLO)
    first = client.chat.completions.create(model=model("parallel_tools"), messages=messages, tools=TOOLS)
    calls = first.choices[0].message.tool_calls
    assert calls and _named(calls) == CALLS
    messages.append(first.choices[0].message)
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "Sunny"} for call in calls]
    assert (
        client.chat.completions.create(model=model("ok"), messages=messages, tools=TOOLS)
        .choices[0]
        .message.content
    )


def streamed_tools(model: Named) -> None:
    with client.chat.completions.stream(model=model("parallel_tools"), messages=HELLO, tools=TOOLS) as events:
        for _ in events:
            pass
        message = events.get_final_completion().choices[0].message
    assert message.tool_calls and _named(message.tool_calls) == CALLS


def structured(model: Named) -> None:
    answer = client.chat.completions.parse(
        model=model("echo"), messages=[{"role": "user", "content": ROME}], response_format=City
    )
    assert answer.choices[0].message.parsed == City(city="Rome")


def image(model: Named) -> None:
    content: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    answer = client.chat.completions.create(
        model=model("ok"), messages=[{"role": "user", "content": content}]
    )
    assert answer.choices[0].message.content


def errors(model: Named) -> None:
    with cells.raising(openai.NotFoundError):
        client.chat.completions.create(model=model("no-such-model"), messages=HELLO)
    with cells.raising(openai.BadRequestError):
        client.chat.completions.create(model=model("ok"), messages=HELLO, temperature=9)
    with cells.raising(openai.AuthenticationError):
        client.with_options(api_key=cells.WRONG_KEY).chat.completions.create(
            model=model("ok"), messages=HELLO
        )
    with cells.raising(openai.APIError):
        list(client.chat.completions.create(model=model("cut"), messages=HELLO, stream=True))


def retries(model: Named) -> None:
    again = client.with_options(max_retries=2)
    assert again.chat.completions.create(model=cells.flaky(model), messages=HELLO).choices[0].message.content


def leaving(model: Named) -> None:
    with client.chat.completions.create(model=model("frames_400_50"), messages=HELLO, stream=True) as stream:
        next(iter(stream))


if __name__ == "__main__":
    cells.run(
        ["openai"],
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
