"""OpenAI Agents SDK, on the Responses API."""

import asyncio
from typing import Any

import cells
from agents import (
    Agent,
    ModelSettings,
    Runner,
    function_tool,
    set_default_openai_client,
    set_tracing_disabled,
)
from agents.models.openai_responses import OpenAIResponsesModel
from cells import KEY, PIXEL, ROME, URL, Named
from openai import APIError, AsyncOpenAI, AuthenticationError, BadRequestError, NotFoundError
from pydantic import BaseModel

set_tracing_disabled(True)
CALLED: list[tuple[str, str]] = []


class City(BaseModel):
    city: str


@function_tool
def get_weather(city: str) -> str:
    """Weather of a city"""
    CALLED.append(("get_weather", city))
    return "Sunny"


@function_tool
def get_forecast(city: str) -> str:
    """Forecast for a city"""
    CALLED.append(("get_forecast", city))
    return "Sunny"


def _agent(model: str, retries: int = 0, key: str = KEY, **more: Any) -> Agent:
    client = AsyncOpenAI(base_url=f"{URL}/v1", api_key=key, max_retries=retries)
    return Agent(name="tester", model=OpenAIResponsesModel(model, client), **more)


def text(model: Named) -> None:
    answer = Runner.run_sync(_agent(model("ok")), "Hello")
    assert answer.final_output
    assert answer.context_wrapper.usage.total_tokens > 0


async def _streamed(agent: Agent, asked: str) -> Any:
    run = Runner.run_streamed(agent, asked)
    async for _ in run.stream_events():
        pass
    return run


def stream(model: Named) -> None:
    run = asyncio.run(_streamed(_agent(model("ok")), "Hello"))
    assert run.final_output
    assert run.context_wrapper.usage.total_tokens > 0


def _calling(model: Named) -> Agent:
    """Which ends with what its tools answered: the model would call them again."""
    return _agent(
        model("parallel_tools"), tools=[get_weather, get_forecast], tool_use_behavior="stop_on_first_tool"
    )


def tools(model: Named) -> None:
    CALLED.clear()
    assert Runner.run_sync(_calling(model), "Hello").final_output == "Sunny"
    assert sorted(CALLED) == [("get_forecast", "Oslo"), ("get_weather", "Rome")]


def streamed_tools(model: Named) -> None:
    CALLED.clear()
    asyncio.run(_streamed(_calling(model), "Hello"))
    assert sorted(CALLED) == [("get_forecast", "Oslo"), ("get_weather", "Rome")]


def structured(model: Named) -> None:
    answer = Runner.run_sync(_agent(model("echo"), output_type=City), ROME)
    assert answer.final_output == City(city="Rome")


def image(model: Named) -> None:
    content = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"},
    ]
    asked: Any = [{"role": "user", "content": content}]
    assert Runner.run_sync(_agent(model("ok")), asked).final_output


def errors(model: Named) -> None:
    with cells.raising(NotFoundError):
        Runner.run_sync(_agent(model("no-such-model")), "Hello")
    with cells.raising(BadRequestError):
        Runner.run_sync(_agent(model("ok"), model_settings=ModelSettings(temperature=9)), "Hello")
    with cells.raising(AuthenticationError):
        Runner.run_sync(_agent(model("ok"), key=cells.WRONG_KEY), "Hello")
    with cells.raising(Exception):
        asyncio.run(_streamed(_agent(model("cut")), "Hello"))


def retries(model: Named) -> None:
    assert Runner.run_sync(_agent(cells.flaky(model), retries=2), "Hello").final_output


if __name__ == "__main__":
    set_default_openai_client(AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY))
    assert APIError
    cells.run(
        ["openai-agents"],
        {
            "text": text,
            "stream": stream,
            "tools": tools,
            "streamed tools": streamed_tools,
            "structured": structured,
            "image": image,
            "errors": errors,
            "retries": retries,
        },
    )
