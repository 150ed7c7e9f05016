"""pydantic-ai on chat completions."""

import asyncio
from base64 import b64decode
from typing import Any

import cells
from cells import KEY, PIXEL, ROME, URL, Named
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, NativeOutput
from pydantic_ai.exceptions import ModelAPIError, ModelHTTPError
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

CALLED: list[tuple[str, str]] = []


class City(BaseModel):
    city: str


def get_weather(city: str) -> str:
    """Weather of a city"""
    CALLED.append(("get_weather", city))
    return "Sunny"


def get_forecast(city: str) -> str:
    """Forecast for a city"""
    CALLED.append(("get_forecast", city))
    return "Sunny"


def _agent(model: str, retries: int = 0, key: str = KEY, **more: Any) -> Agent:
    client = AsyncOpenAI(base_url=f"{URL}/v1", api_key=key, max_retries=retries)
    return Agent(OpenAIChatModel(model, provider=OpenAIProvider(openai_client=client)), **more)


def text(model: Named) -> None:
    answer = _agent(model("ok")).run_sync("Hello")
    assert answer.output
    assert _usage(answer).total_tokens > 0


def _usage(answer: Any) -> Any:
    return answer.usage() if callable(answer.usage) else answer.usage


async def _streamed(agent: Agent) -> tuple[str, int]:
    async with agent.run_stream("Hello") as answer:
        said = "".join([piece async for piece in answer.stream_text(delta=True)])
    return said, _usage(answer).total_tokens


def stream(model: Named) -> None:
    said, tokens = asyncio.run(_streamed(_agent(model("ok"))))
    assert said and tokens > 0


def tools(model: Named) -> None:
    """The model calls them in every turn: that it was let to is what the limit tells."""
    CALLED.clear()
    from pydantic_ai import UsageLimits, exceptions

    with cells.raising(exceptions.UsageLimitExceeded):
        _agent(model("parallel_tools"), tools=[get_weather, get_forecast]).run_sync(
            "Hello", usage_limits=UsageLimits(request_limit=2)
        )
    assert sorted(set(CALLED)) == [("get_forecast", "Oslo"), ("get_weather", "Rome")]


def structured(model: Named) -> None:
    assert _agent(model("echo"), output_type=NativeOutput(City)).run_sync(ROME).output == City(city="Rome")


def image(model: Named) -> None:
    picture = BinaryContent(b64decode(PIXEL), media_type="image/png")
    assert _agent(model("ok")).run_sync(["What is this?", picture]).output


def errors(model: Named) -> None:
    for agent, status in (
        (_agent(model("no-such-model")), 404),
        (_agent(model("ok"), model_settings={"temperature": 9}), 400),
        (_agent(model("ok"), key=cells.WRONG_KEY), 401),
    ):
        with cells.raising(ModelHTTPError) as caught:
            agent.run_sync("Hello")
        assert caught[0].status_code == status, caught[0]
    with cells.raising(Exception):
        asyncio.run(_streamed(_agent(model("cut"))))
    assert ModelAPIError


def retries(model: Named) -> None:
    assert _agent(cells.flaky(model), retries=2).run_sync("Hello").output


if __name__ == "__main__":
    cells.run(
        ["pydantic-ai-slim"],
        {
            "text": text,
            "stream": stream,
            "tools": tools,
            "structured": structured,
            "image": image,
            "errors": errors,
            "retries": retries,
        },
    )
