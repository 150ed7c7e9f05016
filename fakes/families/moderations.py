"""Moderation endpoints: OpenAI's and Mistral's. What holds a word of harm is flagged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from fakes.answers import Answer, Asked
from fakes.faults import Problem, Refused

from .base import Call, Deviations, Event, json_object, prompt_size_and_digest, require_types

HARM = {"kill": "violence", "porn": "sexual", "bomb": "illicit", "slur": "hate", "cut": "self-harm"}
"""A word, and the kind of harm that it stands for here, by OpenAI's names."""
_OPENAI = (
    *("harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent"),
    *("self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors"),
    *("violence", "violence/graphic"),
)
_MISTRAL = {
    "sexual": "sexual",
    "hate_and_discrimination": "hate",
    "violence_and_threats": "violence",
    "dangerous_and_criminal_content": "illicit",
    "selfharm": "self-harm",
    "health": "",
    "financial": "",
    "law": "",
    "pii": "",
}


def harm_in(text: str) -> set[str]:
    """The kinds of harm in a text."""
    return {HARM[word] for word in text.lower().split() if word in HARM}


class Moderations:
    """POST /moderations. `flags`: whether the answer says so itself."""

    name = "moderations"
    method = "POST"
    path = "/moderations"
    generates = True
    public = False
    line_end = b"\n"
    done = None
    categories: Mapping[str, str] = {name: name for name in _OPENAI}
    flags = True

    def read(self, call: Call) -> Asked:
        """What is asked: texts, or parts of one input."""
        body = json_object(call)
        require_types(body, {"model": str, "input": (str, list)})
        value = body.get("input") or []
        items: list[Any] = [value] if isinstance(value, str) else value
        if items and all(isinstance(item, dict) for item in items):
            items = [" ".join(str(item.get("text", "")) for item in items)]
        if not items or not all(isinstance(item, str) for item in items):
            raise Refused(Problem(status=400, message="'input' : must be texts", param="input"))
        tokens, digest = prompt_size_and_digest(items, body.get("model") or "")
        return Asked(
            family=self.name,
            model=body.get("model") or "",
            digest=digest,
            prompt_tokens=tokens,
            inputs=tuple(items),
            body=body,
        )

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """A result for each input."""
        results = [self._result(harm_in(text)) for text in asked.inputs]
        return orjson.dumps({"id": f"modr-{asked.digest}", "model": asked.model, "results": results})

    def _result(self, harm: set[str]) -> dict[str, Any]:
        categories = {name: kind in harm for name, kind in self.categories.items()}
        scores = {name: 0.97 if is_so else 0.002 for name, is_so in categories.items()}
        flagged = {"flagged": bool(harm)} if self.flags else {}
        return {**flagged, "categories": categories, "category_scores": scores}

    def events(self, asked: Asked, answer: Answer, deviations: Deviations) -> Iterable[Event]:
        """No events: verdicts are never streamed."""
        return ()


class MistralModerations(Moderations):
    """Categories of its own, and no `flagged`."""

    categories = _MISTRAL
    flags = False
