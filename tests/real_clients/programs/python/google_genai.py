"""google-genai for Python."""

from typing import Any

import cells
import httpx
from cells import CALLS, CITY, FORECAST, KEY, PIXEL, ROME, URL, WEATHER, Named
from google import genai
from google.genai import errors as genai_errors
from google.genai import types
from pydantic import BaseModel

client = genai.Client(
    api_key=KEY,
    http_options=types.HttpOptions(
        base_url=URL, httpx_client=httpx.Client(transport=cells.in_pieces(), timeout=60)
    ),
)
TOOLS = types.GenerateContentConfig(
    tools=[
        types.Tool(
            function_declarations=[
                types.FunctionDeclaration(name=name, description=text, parameters_json_schema=CITY)
                for name, text in (WEATHER, FORECAST)
            ]
        )
    ],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)


class City(BaseModel):
    city: str


def text(model: Named) -> None:
    answer = client.models.generate_content(model=model("ok"), contents="Hello")
    assert answer.text
    assert answer.usage_metadata and answer.usage_metadata.total_token_count
    assert client.models.count_tokens(model=model("ok"), contents="Hello").total_tokens
    assert next(iter(client.models.list())).name == "models/freeai-auto"


def stream(model: Named) -> None:
    frames = list(client.models.generate_content_stream(model=model("ok"), contents="Hello"))
    assert "".join(frame.text or "" for frame in frames)
    assert frames[-1].usage_metadata and frames[-1].usage_metadata.total_token_count


def _named(calls: Any) -> list[Any]:
    return [(call.name, call.args) for call in calls or ()]


def tools(model: Named) -> None:
    first = client.models.generate_content(model=model("parallel_tools"), contents="Hello", config=TOOLS)
    assert _named(first.function_calls) == CALLS
    results = [
        types.Part.from_function_response(name=name, response={"output": "Sunny"}) for name, _ in CALLS
    ]
    history: Any = ["Hello", first.candidates[0].content, types.Content(role="user", parts=results)]
    assert client.models.generate_content(model=model("ok"), contents=history, config=TOOLS).text


def streamed_tools(model: Named) -> None:
    frames = client.models.generate_content_stream(
        model=model("parallel_tools"), contents="Hello", config=TOOLS
    )
    assert [call for frame in frames for call in _named(frame.function_calls)] == CALLS


def structured(model: Named) -> None:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=City)
    answer = client.models.generate_content(model=model("echo"), contents=ROME, config=config)
    assert answer.parsed == City(city="Rome")


def image(model: Named) -> None:
    picture = types.Part(inline_data=types.Blob(mime_type="image/png", data=PIXEL))
    assert client.models.generate_content(model=model("ok"), contents=["What is this?", picture]).text


def errors(model: Named) -> None:
    for asked, status in (("no-such-model", 404), ("ok", 400)):
        config = types.GenerateContentConfig(temperature=9)
        with cells.raising(genai_errors.ClientError) as caught:
            client.models.generate_content(
                model=model(asked), contents="Hello", config=config if status == 400 else None
            )
        assert caught[0].code == status, caught[0]
    stranger = genai.Client(api_key=cells.WRONG_KEY, http_options=types.HttpOptions(base_url=URL))
    with cells.raising(genai_errors.ClientError):
        stranger.models.generate_content(model=model("ok"), contents="Hello")
    with cells.raising(genai_errors.ServerError):
        list(client.models.generate_content_stream(model=model("cut"), contents="Hello"))


def retries(model: Named) -> None:
    again = types.HttpOptions(
        base_url=URL, retry_options=types.HttpRetryOptions(attempts=3, initial_delay=0.1)
    )
    patient = genai.Client(api_key=KEY, http_options=again)
    assert patient.models.generate_content(model=cells.flaky(model), contents="Hello").text


def leaving(model: Named) -> None:
    frames = client.models.generate_content_stream(model=model("frames_400_50"), contents="Hello")
    next(iter(frames))
    frames.close()


if __name__ == "__main__":
    cells.run(
        ["google-genai"],
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
