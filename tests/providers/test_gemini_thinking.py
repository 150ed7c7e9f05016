"""How long Gemini's models are told to think, and that thoughts leave room for the answer."""

import orjson
import pytest

from apps.providers.adapters.gemini.chat import CODEC
from apps.providers.adapters.gemini.chat.thinking import LEVEL_HEADROOM, PRO_MINIMUM
from tests.factories import make_offer, make_request

GEMINI_3, GEMINI_25 = "gemini-3-flash-preview", "gemini-2.5-flash"
LITE_25, PRO_25 = "gemini-2.5-flash-lite", "gemini-2.5-pro"
THINKING = frozenset({"tools", "reasoning"})


def gemini(model=GEMINI_3, capabilities=THINKING):
    return make_offer(provider="gemini", model=model, capabilities=capabilities)


def config_of(body, offer, **fields):
    body = {"messages": [{"role": "user", "content": "Hello"}], **body}
    payload = orjson.loads(CODEC.build(make_request(body=body, **fields), offer).body)
    return payload.get("generationConfig", {})


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        (GEMINI_25, None, {"includeThoughts": True}),
        (GEMINI_25, "none", {"thinkingBudget": 0}),
        (GEMINI_25, "low", {"includeThoughts": True, "thinkingBudget": 1024}),
        (GEMINI_25, "medium", {"includeThoughts": True, "thinkingBudget": 8192}),
        (GEMINI_25, "xhigh", {"includeThoughts": True, "thinkingBudget": 24_576}),
        (PRO_25, "none", {"includeThoughts": True, "thinkingBudget": PRO_MINIMUM}),
        (LITE_25, None, None),
        (GEMINI_3, None, {"includeThoughts": True}),
        (GEMINI_3, "none", {"includeThoughts": True, "thinkingLevel": "MINIMAL"}),
        (GEMINI_3, "minimal", {"includeThoughts": True, "thinkingLevel": "LOW"}),
        (GEMINI_3, "high", {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("gemini-3.1-pro-preview", "none", {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-3.8-flash", "none", {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-3.5-flash-lite", "none", {"includeThoughts": True, "thinkingLevel": "MINIMAL"}),
        ("gemma-4-31b-it", "medium", {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("gemma-4-31b-it", "low", {"includeThoughts": True, "thinkingLevel": "MINIMAL"}),
    ],
)
def test_reasoning_effort_is_a_budget_or_a_level(model, effort, config):
    offer = gemini(model)

    assert config_of({"reasoning_effort": effort}, offer).get("thinkingConfig") == config


def test_model_that_does_not_think_gets_no_thinking_config():
    assert config_of({"reasoning_effort": "high"}, gemini(capabilities=frozenset())) == {}


@pytest.mark.parametrize(
    ("model", "cap", "effort", "thinking", "limit"),
    [
        (GEMINI_25, 100, None, {"thinkingBudget": 0}, 100),
        (GEMINI_25, 4000, None, {"includeThoughts": True}, 4000),
        (GEMINI_25, 1000, "high", {"includeThoughts": True, "thinkingBudget": 500}, 1000),
        (LITE_25, 1000, "low", {"thinkingBudget": 0}, 1000),
        (
            PRO_25,
            100,
            None,
            {"includeThoughts": True, "thinkingBudget": PRO_MINIMUM},
            100 + PRO_MINIMUM,
        ),
        (
            GEMINI_3,
            100,
            None,
            {"includeThoughts": True, "thinkingLevel": "MINIMAL"},
            100 + LEVEL_HEADROOM,
        ),
        (GEMINI_3, 4000, None, {"includeThoughts": True}, 4000),
    ],
)
def test_thoughts_do_not_use_up_the_cap_on_the_answer(model, cap, effort, thinking, limit):
    config = config_of({"reasoning_effort": effort}, gemini(model), max_tokens=cap)

    assert config["thinkingConfig"] == thinking
    assert config["maxOutputTokens"] == limit
