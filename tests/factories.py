"""Ready-made values of the types that travel between the rooms. Every field can be overridden; the defaults
are a plain Groq offer."""

from itertools import count
from typing import Any

from apps.core.state.contract import Claim, Subject
from apps.core.state.keys import candidate_key, credential_key
from apps.providers.claims import amounts
from apps.providers.types import ChatRequest, Offer, Preset, Secret

API_KEY = "gsk_test_canary_0123456789abcdef"


_ids = count(1)


def make_claim(subject: Subject, tokens: int = 0) -> Claim:
    """One request of so many tokens, under an id of its own."""
    return Claim(f"claim-{next(_ids)}", subject, amounts(tokens))


def make_offer(**overrides: Any) -> Offer:
    """An offer whose state keys follow from `provider`, `model` and `user_id` unless `subject` is given."""
    provider = overrides.get("provider", "groq")
    model = overrides.get("model", "llama-3.3-70b-versatile")
    user_id = overrides.get("user_id", 1)
    credential = credential_key(user_id, provider)
    fields: dict[str, Any] = {
        "provider": provider,
        "model": model,
        "task": "chat",
        "subject": Subject(credential=credential, candidate=candidate_key(credential, model)),
        "preset": Preset(),
        "base_url": "https://upstream.test/v1",
        "api_key": Secret(API_KEY),
        "user_id": user_id,
        "capabilities": frozenset({"tools"}),
        "context_window": 131_072,
    }
    return Offer(**(fields | overrides))


def make_request(**overrides: Any) -> ChatRequest:
    """A one-line chat request; `messages` is a shorthand for a body with only them."""
    messages = overrides.pop("messages", [{"role": "user", "content": "Hello"}])
    fields: dict[str, Any] = {"model": "freeai-auto", "body": {"messages": messages}, "prompt_tokens": 8}
    return ChatRequest(**(fields | overrides))
