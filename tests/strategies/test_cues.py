"""Reading a text: languages, cues, the part of a conversation that is read, and how often all of it is right."""

import json
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from apps.strategies.reading import observe
from apps.strategies.reading.accuracy import PromptsError, read_prompts, report
from apps.strategies.reading.cues import language, read
from apps.strategies.reading.excerpt import MAX_HEAD, MAX_SYSTEM, MAX_TAIL, system_text, user_text
from apps.strategies.reading.lexicon import LANGUAGES, LEXICONS
from tests.factories import make_request

PROMPTS = Path(__file__).parent / "data" / "prompts.toml"

# Just under what was measured on the held-out prompts: language 98.5 %, intent 88.7 %, by intent 96.7, 97.3 and 66.7 %.
# Reasoning is the hard one: a puzzle told as a story has no words that give it away. It then stays with `auto`.
LANGUAGE_FLOOR = 0.97
INTENT_FLOOR = 0.87
FLOORS_BY_INTENT = {"chat": 0.95, "coding": 0.95, "reasoning": 0.65}
FLOORS_BY_LANGUAGE = {"en": 0.87, "es": 0.94, "fr": 0.82, "de": 0.82, "pt": 0.86, "other": 0.99}


def user(text):
    return {"role": "user", "content": text}


def seen(text, **overrides):
    return observe(make_request(messages=[user(text)], **overrides))


@pytest.fixture(scope="module")
def held_out():
    return report([reading for reading in read_prompts(PROMPTS) if reading.split == "test"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Could you tell me what the weather is like in Oslo?", "en"),
        ("¿Me puedes decir qué tiempo hace en Oslo?", "es"),
        ("Peux-tu me dire quel temps il fait à Oslo ?", "fr"),
        ("Kannst du mir sagen, wie das Wetter in Oslo ist?", "de"),
        ("Você pode me dizer como está o tempo em Oslo?", "pt"),
        ("PLEASE TELL ME WHAT THE WEATHER IS LIKE", "en"),
        ("Mi puoi dire che tempo fa oggi a Oslo e se ci sono nuvole?", ""),
        ("Kun je mij zeggen wat voor weer het vandaag in Oslo is?", ""),
        ("Какая сегодня погода в Осло?", ""),
        ("今日のオスロの天気はどうですか", ""),
        ("Oslo", ""),
        ("42", ""),
        ("", ""),
    ],
)
def test_recognises_the_language(text, expected):
    assert language(text) == expected


def test_code_in_a_fence_does_not_decide_the_language():
    code = "for item in the_list:\n    if item is not None and item not in what:\n        return from_where(item)"

    assert language(f"Warum läuft das nicht?\n```python\n{code}\n```") == "de"


def test_sql_in_capitals_does_not_decide_the_language():
    query = "SELECT nombre FROM ventas WHERE total IS NOT NULL AND fecha NOT IN (SELECT fecha FROM festivos)"

    assert language(f"¿Por qué es tan lenta? {query}") == "es"


@pytest.mark.parametrize(
    "text",
    [
        "My python escaped, what do snakes like to eat?",
        "Where can I find the class schedule of the evening school?",
        "I need a proof of residence for the library card.",
        "Wie lautet die Kleiderordnung für die Hochzeit?",
        "Combien de points sur le code de la route ?",
        "¿Cuál es la función del hígado?",
        "Digital art is fun, is it not?",
        "Visit https://example.org/menu and tell me what you like.",
        "Our CAPITAL campaign starts in the FOREST next week.",
        "I bought an iPhone for my mother; what would she enjoy on it?",
        "Put the list of tests, the table of errors, the pages and the files of the project into the form.",
    ],
)
def test_words_that_only_look_like_cues_stay_chat(text):
    assert seen(text).intent == "chat"


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("useEffect runs twice in my component", "coding"),
        ("why does get_user_by_id return nothing for user_id 7", "coding"),
        ("Traceback (most recent call last): KeyError", "coding"),
        ("Prove that there are infinitely many primes.", "reasoning"),
        ("Beweise den Satz Schritt für Schritt.", "reasoning"),
        ("Prove that this algorithm terminates, and write a unit test for the Python function", "coding"),
    ],
)
def test_reads_the_intent(text, intent):
    assert seen(text).intent == intent


def test_a_long_text_needs_more_than_chance_finds():
    filler = "The village band plays in the old hall on Sunday and everybody brings some cake. " * 12

    alone = read("A bug in the app")[1].code
    diluted = read(f"{filler} A bug in the app {filler}")[1].code

    assert diluted < alone / 2


def test_says_what_it_found():
    observation = seen("My docker container has a bug, what is wrong with it?")

    assert observation.reasons == ("code: docker, container, bug",)
    assert observation.code >= 1.0 > observation.reasoning


def test_the_system_prompt_does_not_decide_alone_but_weighs_in():
    system = {
        "role": "system",
        "content": "You are an expert for Python, SQL and Docker; you review pull requests.",
    }

    greeting = observe(make_request(messages=[system, user("Good morning, how are you?")]))
    hint = observe(make_request(messages=[system, user("There is a bug somewhere.")]))

    assert (greeting.intent, greeting.code) == ("chat", 0.5)
    assert hint.intent == "coding"


def test_tools_of_a_coding_agent_make_it_coding():
    tools = [{"type": "function", "function": {"name": name}} for name in ("read_file", "apply_diff")]
    body = {"messages": [user("Please carry on.")], "tools": tools}

    observation = observe(make_request(body=body, needs=frozenset({"tools"})))

    assert observation.intent == "coding"
    assert observation.reasons == ("tools: read_file, apply_diff",)


def test_other_tools_change_nothing():
    tools = [{"type": "function", "function": {"name": "get_weather"}}, {"type": "custom", "custom": {}}]
    body = {"messages": [user("Will it rain in Oslo?")], "tools": tools}

    assert observe(make_request(body=body, needs=frozenset({"tools"}))).intent == "chat"


def test_high_reasoning_effort_asks_for_reasoning():
    body = {"messages": [user("Who should get the bigger room?")], "reasoning_effort": "high"}

    assert observe(make_request(body=body)).intent == "reasoning"


def test_images_come_before_length_and_length_before_words():
    text = "Write a Python function that parses a date."

    assert seen(text, prompt_tokens=40_000, needs=frozenset({"vision"})).intent == "vision"
    assert seen(text, prompt_tokens=32_001).intent == "long_context"
    assert seen(text, prompt_tokens=32_000).intent == "coding"


def test_reads_the_last_message_of_the_user():
    messages = [
        user(
            "Write a Python function that parses a date and raises an error for invalid input, with tests please."
        ),
        {"role": "assistant", "content": "def parse(): ..."},
        user(
            "Thank you, that was all for today. "
            + "Now tell me about the history of the town of Bruges. " * 2
        ),
    ]

    assert observe(make_request(messages=messages)).intent == "chat"


def test_a_short_last_message_is_read_with_the_one_before():
    messages = [
        user("Escribe una función en Python que invierta una cadena."),
        {"role": "assistant", "content": "def invierte(s): return s[::-1]"},
        user("Más corta"),
    ]

    observation = observe(make_request(messages=messages))

    assert (observation.language, observation.intent) == ("es", "coding")


def test_reads_text_parts_and_passes_over_the_others():
    parts = [
        {"type": "text", "text": "Was ist auf diesem Bild"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "text", "text": "zu sehen?"},
    ]

    assert user_text([{"role": "user", "content": parts}]) == "Was ist auf diesem Bild\nzu sehen?"


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "tool", "content": "7", "tool_call_id": "a"}],
        [{"role": "user", "content": ""}],
        [{"role": "assistant", "content": None}],
    ],
)
def test_a_conversation_without_words_of_the_user_is_chat(messages):
    observation = observe(make_request(messages=messages))

    assert (observation.language, observation.intent, observation.reasons) == ("", "chat", ())


def test_only_begin_and_end_of_a_long_text_are_read():
    text = "a" * 100_000 + "b" * 100_000

    read_part = user_text([user(text)])

    assert len(read_part) == MAX_HEAD + MAX_TAIL + 1
    assert (read_part[0], read_part[-1]) == ("a", "b")
    assert len(system_text([{"role": "developer", "content": text}])) == MAX_SYSTEM


@pytest.mark.parametrize(
    "text",
    [
        "a " * 100_000,
        "how many " * 50_000,
        "aA" * 100_000,
        "x_y " * 50_000,
        "```" * 50_000,
        "SELECT " * 50_000,
        "ñ¿ção " * 50_000,
        "\x00\ud7ff\U0001f600" * 50_000,
        "İ" * 100_000,
    ],
)
def test_hostile_text_is_read_in_bounded_time(text):
    request = make_request(messages=[{"role": "system", "content": text}, user(text)])
    observe(request)

    started = time.thread_time()
    for _ in range(20):
        observe(request)

    assert (time.thread_time() - started) / 20 < 0.005  # about 0.2 ms


@given(st.text(max_size=300))
def test_reads_any_text_and_always_the_same(text):
    first = seen(text)

    assert first == seen(text)
    assert first.language in {"", *LANGUAGES}
    assert first.intent in {"chat", "coding", "reasoning"}


def test_every_language_has_cues_of_its_own():
    common = LEXICONS["en"].words.keys() & LEXICONS["de"].words.keys() & LEXICONS["pt"].words.keys()

    for name in LANGUAGES:
        own = {word: weight for word, weight in LEXICONS[name].words.items() if word not in common}
        assert sum(weight.code > 0 for weight in own.values()) > 30
        assert sum(weight.reasoning > 0 for weight in own.values()) > 30


def test_word_lists_are_lower_case_and_reachable():
    for lexicon in LEXICONS.values():
        entries = [*lexicon.words, *(phrase for group in lexicon.phrases.values() for phrase, _ in group)]
        assert [
            entry for entry in entries if entry != entry.lower() or not entry.replace(" ", "").isidentifier()
        ] == []


def test_prompts_are_many_and_balanced():
    readings = read_prompts(PROMPTS)

    assert len(readings) >= 300
    for name in LANGUAGES:
        for intent in ("chat", "coding", "reasoning"):
            splits = [
                reading.split for reading in readings if (reading.language, reading.intent) == (name, intent)
            ]
            assert splits.count("dev") >= 14
            assert splits.count("test") >= 7


def test_accuracy_on_the_held_out_prompts(held_out):
    assert held_out.language.ratio >= LANGUAGE_FLOOR
    assert held_out.intent.ratio >= INTENT_FLOOR


@pytest.mark.parametrize(("intent", "floor"), FLOORS_BY_INTENT.items())
def test_accuracy_of_each_intent_on_the_held_out_prompts(held_out, intent, floor):
    assert held_out.by_intent[intent].ratio >= floor


@pytest.mark.parametrize(("name", "floor"), FLOORS_BY_LANGUAGE.items())
def test_accuracy_of_each_language_on_the_held_out_prompts(held_out, name, floor):
    assert held_out.by_language[name].ratio >= 0.94
    assert held_out.intent_by_language[name].ratio >= floor


def test_command_prints_both_splits(capsys):
    call_command("auto_accuracy")

    printed = capsys.readouterr().out
    assert "dev: 2" in printed
    assert "test: 1" in printed


def test_command_counts_what_was_read_wrong(tmp_path, capsys):
    prompts = tmp_path / "prompts.toml"
    prompts.write_text(
        '[en.coding]\ntest = ["Write a Python function that parses a date", "Tell me about the sea"]\n'
        '[es.chat]\ntest = ["Tell me about the sea"]\n'
    )

    call_command("auto_accuracy", "--json", "--file", str(prompts))

    found = json.loads(capsys.readouterr().out)["test"]
    assert found["intent_by_intent"] == {"coding": 0.5, "chat": 1.0}
    assert found["language_by_language"] == {"en": 1.0, "es": 0.0}
    assert found["confusion"]["coding"] == {"chat": 1, "coding": 1, "reasoning": 0}


@pytest.mark.parametrize("content", ["not toml", "[en.shouting]\ndev = []\n", "[xx.chat]\ndev = []\n"])
def test_command_refuses_a_file_of_something_else(tmp_path, content):
    prompts = tmp_path / "prompts.toml"
    prompts.write_text(content)

    with pytest.raises(PromptsError):
        read_prompts(prompts)
    with pytest.raises(CommandError):
        call_command("auto_accuracy", "--file", str(prompts))
