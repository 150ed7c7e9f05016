"""POST /fim/completions as Mistral defines it: a prompt, a suffix, and an answer in the shape of a chat completion."""

from __future__ import annotations

from fakes.answers import Asked
from fakes.faults import Problem, Refused

from .base import Call, json_object, positive_int, prompt_size_and_digest, require_types
from .openai import OpenAIChat

_TYPES: dict[str, type | tuple[type, ...]] = {
    "suffix": str,
    "temperature": (int, float),
    "stop": (str, list),
    "stream": bool,
}


class FillInTheMiddle(OpenAIChat):
    """What is between a prompt and a suffix, in one provider's dialect."""

    name = "fim"
    path = "/fim/completions"

    def read(self, call: Call) -> Asked:
        """What is asked."""
        body = json_object(call)
        model, prompt = body.get("model"), body.get("prompt")
        if not isinstance(model, str) or not model:
            raise Refused(Problem(status=400, message="you must provide a model parameter", param="model"))
        if not isinstance(prompt, str):
            raise Refused(Problem(status=422, message="Field required", param="prompt"))
        require_types(body, _TYPES)
        tokens, digest = prompt_size_and_digest([prompt, body.get("suffix")], model)
        return Asked(
            family=self.name,
            model=model,
            digest=digest,
            stream=body.get("stream") is True,
            seed=positive_int(body.get("random_seed"), 0),
            prompt_tokens=tokens,
            cap=positive_int(body.get("max_tokens"), 0),
            last_user_text=prompt,
            body=body,
        )
