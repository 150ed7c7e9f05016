"""anthropic for Python, strict, its answers in small pieces, on the Messages API."""

from typing import Any

import anthropic
import cells
import httpx2
from cells import CALLS, CITY, FORECAST, KEY, PIXEL, ROME, URL, WEATHER, Named
from pydantic import BaseModel

client = anthropic.Anthropic(
    base_url=URL,
    api_key=KEY,
    max_retries=0,
    http_client=httpx2.Client(transport=cells.in_pieces(httpx2), timeout=60),
    _strict_response_validation=True,
)
HELLO: Any = [{"role": "user", "content": "Hello"}]
TOOLS: Any = [{"name": name, "description": text, "input_schema": CITY} for name, text in (WEATHER, FORECAST)]
MOST = 1000


class City(BaseModel):
    city: str


def text(model: Named) -> None:
    answer = client.messages.create(model=model("ok"), max_tokens=MOST, messages=HELLO)
    assert answer.content[0].type == "text" and answer.content[0].text
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0


def stream(model: Named) -> None:
    with client.messages.stream(model=model("ok"), max_tokens=MOST, messages=HELLO) as events:
        text = "".join(events.text_stream)
        whole = events.get_final_message()
    assert text and whole.content[0].type == "text" and whole.content[0].text == text
    assert whole.usage.output_tokens > 0


def _named(content: Any) -> list[Any]:
    return [(block.name, block.input) for block in content if block.type == "tool_use"]


def tools(model: Named) -> None:
    first = client.messages.create(
        model=model("parallel_tools"), max_tokens=MOST, messages=HELLO, tools=TOOLS
    )
    assert first.stop_reason == "tool_use" and _named(first.content) == CALLS
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "Sunny"} for block in first.content
    ]
    messages: Any = [
        *HELLO,
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": results},
    ]
    second = client.messages.create(model=model("ok"), max_tokens=MOST, messages=messages, tools=TOOLS)
    assert second.content[0].type == "text" and second.content[0].text


def streamed_tools(model: Named) -> None:
    with client.messages.stream(
        model=model("parallel_tools"), max_tokens=MOST, messages=HELLO, tools=TOOLS
    ) as events:
        assert _named(events.get_final_message().content) == CALLS


def structured(model: Named) -> None:
    answer = client.messages.parse(
        model=model("echo"),
        max_tokens=MOST,
        messages=[{"role": "user", "content": ROME}],
        output_format=City,
    )
    assert answer.parsed_output == City(city="Rome")


def image(model: Named) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    content: Any = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    answer = client.messages.create(
        model=model("ok"), max_tokens=MOST, messages=[{"role": "user", "content": content}]
    )
    assert answer.content[0].type == "text" and answer.content[0].text


def errors(model: Named) -> None:
    asked: Any = {"model": model("ok"), "max_tokens": MOST, "messages": HELLO}
    with cells.raising(anthropic.NotFoundError):
        client.messages.create(**asked | {"model": model("no-such-model")})
    with cells.raising(anthropic.BadRequestError):
        client.messages.create(**asked | {"max_tokens": -1})
    with cells.raising(anthropic.AuthenticationError):
        client.with_options(api_key=cells.WRONG_KEY).messages.create(**asked)
    with cells.raising(anthropic.APIStatusError):
        list(client.messages.create(**asked | {"model": model("cut")}, stream=True))


def retries(model: Named) -> None:
    again = client.with_options(max_retries=2)
    assert again.messages.create(model=cells.flaky(model), max_tokens=MOST, messages=HELLO).content


def leaving(model: Named) -> None:
    with client.messages.create(
        model=model("frames_400_50"), max_tokens=MOST, messages=HELLO, stream=True
    ) as stream:
        next(iter(stream))


if __name__ == "__main__":
    cells.run(
        ["anthropic"],
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
