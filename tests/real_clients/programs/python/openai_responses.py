"""openai for Python, strict, its answers in small pieces, on the Responses API."""

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
TOOLS: Any = [
    {"type": "function", "name": name, "description": text, "parameters": CITY, "strict": True}
    for name, text in (WEATHER, FORECAST)
]


class City(BaseModel):
    city: str


def text(model: Named) -> None:
    answer = client.responses.create(model=model("ok"), input="Hello")
    assert answer.output_text
    assert answer.usage and answer.usage.total_tokens > 0


def stream(model: Named) -> None:
    with client.responses.stream(model=model("ok"), input="Hello") as events:
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        whole = events.get_final_response()
    assert whole.output_text == text != ""
    assert whole.usage and whole.usage.total_tokens > 0


def _named(output: Any) -> list[Any]:
    return [(call.name, cells.json.loads(call.arguments)) for call in output if call.type == "function_call"]


def tools(model: Named) -> None:
    first = client.responses.create(model=model("parallel_tools"), input="Hello", tools=TOOLS)
    assert _named(first.output) == CALLS
    results: Any = [
        {"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"} for call in first.output
    ]
    second = client.responses.create(
        model=model("ok"), previous_response_id=first.id, input=results, tools=TOOLS
    )
    assert second.output_text


def streamed_tools(model: Named) -> None:
    with client.responses.stream(model=model("parallel_tools"), input="Hello", tools=TOOLS) as events:
        for _ in events:
            pass
        assert _named(events.get_final_response().output) == CALLS


def structured(model: Named) -> None:
    answer = client.responses.parse(model=model("echo"), input=ROME, text_format=City)
    assert answer.output_parsed == City(city="Rome")


def image(model: Named) -> None:
    content: Any = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"},
    ]
    asked: Any = [{"role": "user", "content": content}]
    assert client.responses.create(model=model("ok"), input=asked).output_text


def errors(model: Named) -> None:
    with cells.raising(openai.NotFoundError):
        client.responses.create(model=model("no-such-model"), input="Hello")
    with cells.raising(openai.BadRequestError):
        client.responses.create(model=model("ok"), input="Hello", temperature=9)
    with cells.raising(openai.AuthenticationError):
        client.with_options(api_key=cells.WRONG_KEY).responses.create(model=model("ok"), input="Hello")
    *_, last = client.responses.create(model=model("cut"), input="Hello", stream=True)
    assert last.type == "response.failed", last.type


def retries(model: Named) -> None:
    again = client.with_options(max_retries=2)
    assert again.responses.create(model=cells.flaky(model), input="Hello").output_text


def leaving(model: Named) -> None:
    with client.responses.create(model=model("frames_400_50"), input="Hello", stream=True) as stream:
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
