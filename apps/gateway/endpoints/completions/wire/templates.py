"""Prompts that editors write in a model's own template for filling in the middle. Such a prompt is a prompt and a suffix; sent to a model
that chats as it is, it is answered in prose.

Sources: the model cards of Qwen 2.5 Coder, StarCoder 2, Code Llama, DeepSeek Coder and Codestral, as of 2026.
"""

from typing import Final, NamedTuple

from apps.gateway.wire.errors import bad_request


class _Template(NamedTuple):
    """Marks of a template, in their order: before the text, where something is missing in it, and at its end."""

    begin: str
    hole: str
    end: str


TEMPLATES: Final = (
    _Template("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    _Template("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
    _Template("<PRE>", "<SUF>", "<MID>"),
    _Template("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
)
SUFFIX_FIRST: Final = ("[SUFFIX]", "[PREFIX]")
"""Codestral's: what follows the hole comes first."""


class Gap(NamedTuple):
    """A text with something missing between its two parts."""

    prompt: str
    suffix: str


def read(text: str, path: str) -> Gap | None:
    """What the template in `text` says, None where there is none. Raises ApiError(400) for a part of one."""
    if text.startswith(SUFFIX_FIRST[0]):
        suffix, mark, prompt = text[len(SUFFIX_FIRST[0]) :].partition(SUFFIX_FIRST[1])
        if mark:
            return Gap(prompt, suffix)
    for template in TEMPLATES:
        before, begin, rest = text.partition(template.begin)
        prompt, hole, rest = rest.partition(template.hole)
        suffix, end, after = rest.partition(template.end)
        if begin and hole and end and not after.strip():
            return Gap(before + prompt, suffix)
        if begin and (hole or template.end in text):
            raise bad_request(
                f"`{path}`: a template for filling in the middle is {' … '.join(template)} and nothing behind it;"
                " or send `suffix`.",
                param=path,
            )
    return None
