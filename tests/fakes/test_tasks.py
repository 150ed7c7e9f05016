"""A fake model does an agent's task: a call a turn, in the order of the prompt, until each has its result."""

from base64 import b64encode

import orjson
import pytest

from fakes.answers import ToolCall, task_of

FIRST, SECOND = {"path": "a.txt"}, {"path": "b.txt"}


def asked(*arguments: dict[str, str]) -> str:
    return " ".join(f"CALL write {b64encode(orjson.dumps(it)).decode()}" for it in arguments)


def called(arguments: dict[str, str]) -> ToolCall:
    return ToolCall(name="write", arguments=orjson.dumps(arguments).decode())


def openais(prompt: str, results: int) -> list[object]:
    return [{"role": "user", "content": prompt}, *[{"role": "tool", "content": "done"}] * results]


def googles(prompt: str, results: int) -> list[object]:
    answered = [{"functionResponse": {"name": "write", "response": {}}}] * results
    return [{"role": "user", "parts": [{"text": prompt}]}, {"role": "user", "parts": answered}]


@pytest.mark.parametrize("history", [openais, googles])
def test_a_call_a_turn_in_their_order(history):
    prompt = asked(FIRST, SECOND)

    turns = [task_of(history(prompt, results)) for results in range(4)]

    assert turns == [called(FIRST), called(SECOND), None, None]


def test_a_prompt_that_is_said_twice_is_one_task():
    prompt = asked(FIRST, SECOND)

    assert task_of(openais(f"{prompt} {prompt}", 1)) == called(SECOND)
    assert task_of(openais(f"{prompt} {prompt}", 2)) is None


def test_who_asks_for_nothing_gets_no_call():
    assert task_of(openais("Say something.", 0)) is None
    assert task_of(openais("CALL write nonsense=", 0)) is None
