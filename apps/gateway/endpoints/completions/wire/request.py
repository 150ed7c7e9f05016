"""POST /v1/completions: bytes -> a chat request for each prompt, or a 400 that names the field.

A prompt is what a user says to a model that chats. With a suffix, or in a template of its own, it is a text with a gap: that goes to models
which fill gaps, and to no others.
"""

from typing import Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.answering.routed import chat_request
from apps.gateway.answering.survey import survey
from apps.gateway.endpoints.completions.wire import templates
from apps.gateway.endpoints.completions.wire.schema import MOST_PROMPTS, CompletionBody
from apps.gateway.endpoints.completions.wire.templates import Gap
from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import bad_request
from apps.providers.types import ChatRequest

CONTINUE: Final[JSONObject] = {"role": "system", "content": "Continue the text."}
READ: Final = frozenset(
    {"prompt", "suffix", "best_of", "echo", "logprobs", "model", "stream", "stream_options"}
    | {"strategy", "preferred_provider", "fallback"}
)
"""What is said in another way, or to nobody; everything else goes on as it came."""
NO_TOKENS: Final = "token lists are not taken: each model has tokens of its own; send text"


class Asked(Struct, frozen=True):
    """A validated request. `chats`: one for each of `prompts`. `echoed`: whether each answer begins with its prompt."""

    chats: tuple[ChatRequest, ...]
    prompts: tuple[str, ...]
    is_echoed: bool


def parse(body: bytes) -> Asked:
    """The request. Raises ApiError(400)."""
    raw = decode(body)
    known = validate(raw, CompletionBody)
    prompts = _prompts(known.prompt)
    _refuse_what_nobody_can(known, prompts)
    common = {name: value for name, value in raw.items() if name not in READ}
    if known.logprobs is not None:
        common |= {"logprobs": True, "top_logprobs": known.logprobs or None}
    many = len(prompts) > 1
    chats = [
        _chat(known, common, prompt, f"prompt[{at}]" if many else "prompt")
        for at, prompt in enumerate(prompts)
    ]
    return Asked(tuple(chats), prompts, bool(known.echo))


def _chat(known: CompletionBody, common: JSONObject, prompt: str, path: str) -> ChatRequest:
    gap = templates.read(prompt, path)
    if known.suffix:
        if gap is not None:
            raise bad_request("`suffix`: the prompt has one already, in its template.", param="suffix")
        gap = Gap(prompt, known.suffix)
    said = {"role": "user", "content": prompt if gap is None else gap.prompt}
    made: JSONObject = {"messages": [CONTINUE, said] if gap is None else [said], **common}
    needs, tokens = survey(made)
    if gap is not None:
        made["suffix"] = gap.suffix
        needs |= {"fim"}
        tokens += survey({"messages": [{"role": "user", "content": gap.suffix}]})[1]
    return chat_request(
        known,
        made,
        (needs, tokens),
        include_usage=bool(known.stream_options and known.stream_options.include_usage),
        max_tokens=known.max_tokens,
    )


def _prompts(given: object) -> tuple[str, ...]:
    """The prompts as texts. Raises ApiError(400)."""
    prompts = given if isinstance(given, list) else [given]
    if len(prompts) > MOST_PROMPTS and all(isinstance(prompt, str) for prompt in prompts):
        raise bad_request(f"`prompt`: {MOST_PROMPTS} at most.", param="prompt")
    for at, prompt in enumerate(prompts):
        path = "prompt" if prompts is not given else f"prompt[{at}]"
        if type(prompt) is int or isinstance(prompt, list):
            raise bad_request(f"`prompt`: {NO_TOKENS}.", param="prompt")
        if not isinstance(prompt, str):
            raise bad_request(f"`{path}`: must be a string.", param=path)
        if not prompt:
            raise bad_request(f"`{path}`: must not be empty.", param=path)
    return tuple(prompts)


def _refuse_what_nobody_can(known: CompletionBody, prompts: tuple[str, ...]) -> None:
    """Raises ApiError(400)."""
    if (known.best_of or 1) > (known.n or 1):
        raise bad_request(
            "`best_of`: more answers than `n` would be made to be thrown away.", param="best_of"
        )
    if known.echo and known.logprobs is not None:
        raise bad_request("`echo`: nobody tells the log probabilities of a prompt.", param="echo")
    if known.stream and len(prompts) > 1:
        raise bad_request("`prompt`: a stream answers one; send the others without `stream`.", param="prompt")
