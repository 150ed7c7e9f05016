"""instructor on chat completions: typed answers, as a JSON schema and as a tool."""

from typing import Any

import cells
import instructor
from cells import KEY, PIXEL, ROME, URL, Named
from openai import BadRequestError, NotFoundError, OpenAI
from pydantic import BaseModel

HELLO: Any = [{"role": "user", "content": ROME}]


class get_weather(BaseModel):  # noqa: N801 - the name of the tool
    """Weather of a city"""

    city: str


def _client(mode: Any, retries: int = 0) -> Any:
    return instructor.from_openai(OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=retries), mode=mode)


def structured(model: Named) -> None:
    made = _client(instructor.Mode.JSON_SCHEMA).chat.completions.create(
        model=model("echo"), messages=HELLO, response_model=get_weather
    )
    assert made.city == "Rome"


def tools(model: Named) -> None:
    made = _client(instructor.Mode.TOOLS).chat.completions.create(
        model=model("tool_call"), messages=HELLO, response_model=get_weather
    )
    assert made.city == "Rome"


def streamed_tools(model: Named) -> None:
    *_, last = _client(instructor.Mode.TOOLS).chat.completions.create_partial(
        model=model("tool_call"), messages=HELLO, response_model=get_weather
    )
    assert last.city == "Rome"


def image(model: Named) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    content = [picture, {"type": "text", "text": ROME}]
    made = _client(instructor.Mode.TOOLS).chat.completions.create(
        model=model("tool_call"), messages=[{"role": "user", "content": content}], response_model=get_weather
    )
    assert made.city == "Rome"


def errors(model: Named) -> None:
    create = _client(instructor.Mode.TOOLS).chat.completions.create
    with cells.raising(Exception) as caught:
        create(model=model("no-such-model"), messages=HELLO, response_model=get_weather, max_retries=1)
    assert _is(caught[0], NotFoundError), repr(caught[0])
    with cells.raising(Exception) as caught:
        create(model=model("ok"), messages=HELLO, response_model=get_weather, temperature=9, max_retries=1)
    assert _is(caught[0], BadRequestError), repr(caught[0])


def _is(error: BaseException | None, kind: type[BaseException]) -> bool:
    """The client's own error, however often it was wrapped."""
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False


if __name__ == "__main__":
    cells.run(
        ["instructor"],
        {
            "tools": tools,
            "streamed tools": streamed_tools,
            "structured": structured,
            "image": image,
            "errors": errors,
        },
    )
