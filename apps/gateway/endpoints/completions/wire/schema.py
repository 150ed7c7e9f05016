"""What a request of OpenAI's older completions may look like. Unknown fields are not looked at.

Source: OpenAI's API reference and SDK schema, 2026-08. There is no default of 16 tokens: without a cap an answer ends where it ends.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from apps.core.json_types import JSONArray

Count = Annotated[int, Meta(ge=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Name = Annotated[str, Meta(max_length=256)]
MOST_PROMPTS: Final = 20
MOST_LOGPROBS: Final = 5
Prompt = Annotated[str, Meta(extra_json_schema={"minLength": 1})]
TEXTS: Final = {"items": {"type": "string", "minLength": 1}, "maxItems": MOST_PROMPTS}
Prompts = Annotated[JSONArray, Meta(min_length=1, extra_json_schema=TEXTS)]


class StreamOptions(Struct):
    include_usage: bool | None = None


class CompletionBody(Struct):
    """The request body: known fields, in the order of OpenAI's reference, then FreeAI's own. `prompt` is looked at more closely than a type
    can say."""

    prompt: Prompt | Prompts
    model: Name | None = None
    suffix: str | None = None
    max_tokens: Count | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    best_of: Annotated[int, Meta(ge=1, le=128)] | None = None
    echo: bool | None = None
    logprobs: Annotated[int, Meta(ge=0, le=MOST_LOGPROBS)] | None = None
    stop: str | Annotated[list[str], Meta(max_length=16)] | None = None
    seed: int | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None
    strategy: Name | None = None
    preferred_provider: Name | None = None
    fallback: bool | None = None
