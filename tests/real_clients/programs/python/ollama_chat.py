"""ollama for Python."""

from typing import Any

import cells
import ollama
from cells import CALLS, CITY, FORECAST, KEY, PIXEL, ROME, URL, WEATHER, Named

client = ollama.Client(
    host=f"{URL}/ollama", headers={"Authorization": f"Bearer {KEY}"}, transport=cells.in_pieces()
)
HELLO: Any = [{"role": "user", "content": "Hello"}]
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "description": text, "parameters": CITY}}
    for name, text in (WEATHER, FORECAST)
]


def text(model: Named) -> None:
    answer = client.chat(model=model("ok"), messages=HELLO)
    assert answer.message.content
    assert answer.prompt_eval_count and answer.eval_count
    assert client.generate(model=model("ok"), prompt="Hello").response
    assert client.list().models[0].model == "freeai-auto"
    assert "tools" in (client.show("freeai-auto").capabilities or ())


def stream(model: Named) -> None:
    lines = list(client.chat(model=model("ok"), messages=HELLO, stream=True))
    assert "".join(line.message.content or "" for line in lines)
    assert lines[-1].done and lines[-1].eval_count


def _named(calls: Any) -> list[Any]:
    return [(call.function.name, dict(call.function.arguments)) for call in calls or ()]


def tools(model: Named) -> None:
    first = client.chat(model=model("parallel_tools"), messages=HELLO, tools=TOOLS).message
    assert _named(first.tool_calls) == CALLS
    results = [{"role": "tool", "tool_name": name, "content": "Sunny"} for name, _ in CALLS]
    assert client.chat(model=model("ok"), messages=[*HELLO, first, *results], tools=TOOLS).message.content


def streamed_tools(model: Named) -> None:
    lines = client.chat(model=model("parallel_tools"), messages=HELLO, tools=TOOLS, stream=True)
    assert [call for line in lines for call in _named(line.message.tool_calls)] == CALLS


def structured(model: Named) -> None:
    answer = client.chat(model=model("echo"), messages=[{"role": "user", "content": ROME}], format=CITY)
    assert cells.json.loads(answer.message.content or "") == {"city": "Rome"}


def image(model: Named) -> None:
    messages: Any = [{"role": "user", "content": "What is this?", "images": [PIXEL]}]
    assert client.chat(model=model("ok"), messages=messages).message.content


def errors(model: Named) -> None:
    for asked, options, status in (("no-such-model", {}, 404), ("ok", {"temperature": 9}, 400)):
        with cells.raising(ollama.ResponseError) as caught:
            client.chat(model=model(asked), messages=HELLO, options=options)
        assert caught[0].status_code == status, caught[0]
    stranger = ollama.Client(host=f"{URL}/ollama", headers={"Authorization": f"Bearer {cells.WRONG_KEY}"})
    with cells.raising(ollama.ResponseError):
        stranger.chat(model=model("ok"), messages=HELLO)
    with cells.raising(ollama.ResponseError):
        list(client.chat(model=model("cut"), messages=HELLO, stream=True))


def leaving(model: Named) -> None:
    lines: Any = client.chat(model=model("frames_400_50"), messages=HELLO, stream=True)
    next(iter(lines))
    lines.close()


if __name__ == "__main__":
    cells.run(
        ["ollama"],
        {
            "text": text,
            "stream": stream,
            "tools": tools,
            "streamed tools": streamed_tools,
            "structured": structured,
            "image": image,
            "errors": errors,
            "leaving": leaving,
        },
    )
