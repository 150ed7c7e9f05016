"""`auto`: which strategy each kind of request is left to, and when the text is read at all."""

import pytest

from apps.strategies import resolver
from apps.strategies.auto import DELEGATES, delegate
from apps.strategies.definition import parse_definition
from apps.strategies.features import request_facts
from apps.strategies.library import LoadedStrategy, builtins
from apps.strategies.reading import Observation, observe
from apps.strategies.resolver import Defaults, resolve
from tests.factories import make_request
from tests.strategies.catalogues import make_catalogue

CODE = [{"role": "user", "content": "Schreibe eine Python-Funktion, die eine Liste sortiert."}]
HELLO = [{"role": "user", "content": "Guten Tag, wie geht es dir heute?"}]


def loaded(name, definition):
    return LoadedStrategy(name, "", parse_definition(definition))


@pytest.fixture
def library():
    return {entry["name"]: loaded(entry["name"], entry["definition"]) for entry in builtins()}


def plan(request, library):
    return resolve(request, 1, make_catalogue({"groq": ["llama"]}), library, Defaults())


def observation(intent):
    return Observation("en", intent, 0.0, 0.0)


@pytest.mark.parametrize(
    ("intent", "strategy"),
    [
        ("vision", "vision"),
        ("long_context", "long_context"),
        ("coding", "coding"),
        ("reasoning", "reasoning"),
        ("chat", "auto"),
    ],
)
def test_leaves_each_intent_to_its_strategy(intent, strategy, library):
    seen = observation(intent)

    choice = delegate(seen, library)

    assert (choice.strategy, choice.observation) == (strategy, seen)


@pytest.mark.parametrize("intent", DELEGATES)
def test_keeps_the_request_when_the_strategy_does_not_exist(intent):
    assert delegate(observation(intent), {"auto"}).strategy == "auto"


def test_every_delegate_is_a_built_in():
    assert set(DELEGATES.values()) <= {entry["name"] for entry in builtins()}


def test_plan_has_the_rules_of_the_delegate_and_the_name_auto(library):
    made = plan(make_request(messages=CODE), library)

    assert (made.name, made.strategy.name, made.virtual_model) == ("auto", "coding", "freeai-auto")
    assert made.choice.strategy == "coding"
    assert (made.facts.language, made.facts.intent) == ("de", "coding")


def test_plan_of_plain_chat_has_the_rules_of_auto(library):
    made = plan(make_request(messages=HELLO), library)

    assert (made.name, made.strategy.name, made.choice.strategy) == ("auto", "auto", "auto")
    assert (made.facts.language, made.facts.intent) == ("de", "chat")


def test_plan_survives_a_missing_delegate(library):
    del library["coding"]

    made = plan(make_request(messages=CODE), library)

    assert (made.strategy.name, made.choice.observation.intent) == ("auto", "coding")


@pytest.mark.parametrize(
    ("overrides", "strategy"),
    [
        ({"needs": frozenset({"vision"})}, "vision"),
        ({"prompt_tokens": 50_000}, "long_context"),
        ({"needs": frozenset({"json_schema"})}, "auto"),
        ({"needs": frozenset({"tools"})}, "auto"),
        ({"model": None}, "auto"),
    ],
)
def test_plan_by_the_shape_of_the_request(overrides, strategy, library):
    assert plan(make_request(messages=HELLO, **overrides), library).strategy.name == strategy


@pytest.mark.parametrize(
    "overrides", [{"model": "freeai-fast"}, {"model": "llama"}, {"strategy": "cheapest"}]
)
def test_text_is_not_read_for_rules_that_do_not_use_it(overrides, library, monkeypatch):
    monkeypatch.setattr(resolver, "recognise", lambda request: pytest.fail("the text was read"))

    made = plan(make_request(messages=CODE, **overrides), library)

    assert (made.choice, made.facts.language, made.facts.intent) == (None, "", "chat")


@pytest.mark.parametrize("shape", [{"needs": frozenset({"vision"})}, {"prompt_tokens": 50_000}])
def test_text_is_not_read_where_the_shape_decides(shape, library, monkeypatch):
    monkeypatch.setattr(resolver, "recognise", lambda request: pytest.fail("the text was read"))

    made = plan(make_request(messages=CODE, **shape), library)

    assert made.facts.language == ""
    assert made.choice.observation.intent == made.facts.intent == made.strategy.name


def test_text_is_read_where_the_rules_that_the_shape_calls_for_ask_for_its_language(library):
    library["vision"] = loaded("vision", {"prefer": [{"when": "request.language == 'de'", "weight": 5}]})

    made = plan(make_request(messages=CODE, needs=frozenset({"vision"})), library)

    assert (made.strategy.name, made.facts.language, made.facts.intent) == ("vision", "de", "vision")


@pytest.mark.parametrize("field", ["language", "intent"])
@pytest.mark.parametrize("section", ["require", "prefer"])
def test_text_is_read_for_rules_that_use_it(field, section, library):
    clause = {"when": f"free || request.{field} == 'x'"} | ({"weight": 1} if section == "prefer" else {})
    library["own"] = loaded("own", {section: [clause]})

    made = plan(make_request(model="freeai-own", messages=CODE), library)

    assert library["own"].reads_text
    assert (made.choice, made.facts.language, made.facts.intent) == (None, "de", "coding")


def test_shipped_strategies_do_not_read_the_text(library):
    assert [strategy.name for strategy in library.values() if strategy.reads_text] == []


def test_rules_of_a_named_model_may_read_the_text(library):
    library["auto"] = loaded("auto", {"prefer": [{"when": "request.language == 'de'", "weight": 5}]})

    made = plan(make_request(model="llama", messages=CODE), library)

    assert (made.strategy.name, made.choice, made.facts.language) == ("auto", None, "de")


def test_facts_without_reading_know_the_shape():
    assert request_facts(make_request(needs=frozenset({"vision"}))).intent == "vision"
    assert request_facts(make_request(prompt_tokens=32_001)).intent == "long_context"


def test_facts_carry_what_was_seen():
    request = make_request(
        messages=CODE, max_tokens=50, stream=True, needs=frozenset({"tools", "json_schema"})
    )

    facts = request_facts(request, observe(request))

    assert (facts.language, facts.intent, facts.max_tokens, facts.stream) == ("de", "coding", 50, True)
    assert (facts.has_tools, facts.json_schema, facts.has_images, facts.has_audio) == (
        True,
        True,
        False,
        False,
    )
