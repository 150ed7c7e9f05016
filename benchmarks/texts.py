"""What the load says: prompts of which no two are alike, and the turns of agents.

Whatever a gateway remembers of a text, it has never seen the next prompt: a running number is part of each. An agent sends its user's words
again with every turn, behind tools, instructions and all that was said before.
"""

import random
from collections.abc import Iterator
from itertools import count, cycle
from typing import Any, Final

import orjson

from benchmarks import wire

NUMBER: Final = b"#00000000"
"""Where the running number stands in a request."""
KINDS: Final = 256
FEWEST_WORDS, MOST_WORDS = 40, 110
AGENT_BYTES: Final = 40_000
AGENT_TURNS: Final = 20
AGENT_TOOLS: Final = ("read_file", "write_file", "run_command", "search_files")
_TEXT: Final = (
    "the quiet river carries every answer to a patient reader while small lamps keep watch over long roads please explain how this "
    "function could sort numbers before we deploy the container or write a query for customers whose orders are late and which proof "
    "shows that the sum of two odd numbers is even dear team thank you for your letter about the meeting on monday we would like to "
    "plan a holiday by the sea with three children and an old dog"
)
_WORDS: Final = _TEXT.split()


def numbered(templates: list[bytes]) -> Iterator[bytes]:
    """The templates in turn, for ever, each time with another number."""
    for number, template in zip(count(), cycle(templates), strict=False):
        yield template.replace(NUMBER, b"#%08d" % number)


def prompts(model: str) -> list[bytes]:
    """Bodies of whole requests, of many lengths."""
    chance = random.Random(1)
    return [wire.request_body(model, text=_prompt(chance)) for _ in range(KINDS)]


def agent_turns(model: str) -> list[bytes]:
    """Bodies of AGENT_BYTES: one turn of each of some agents, whose tools have answered AGENT_TURNS times."""
    chance = random.Random(2)
    return [_agent_turn(model, chance) for _ in range(KINDS // 8)]


def _prompt(chance: random.Random) -> str:
    words = chance.choices(_WORDS, k=chance.randint(FEWEST_WORDS, MOST_WORDS))
    return f"{NUMBER.decode()} {' '.join(words)}"


def _agent_turn(model: str, chance: random.Random) -> bytes:
    told = (AGENT_BYTES - 4_000) // AGENT_TURNS
    messages: list[dict[str, Any]] = [
        {
            "role": "system",
            "content": "You are an agent that edits a repository. " + "Work in small steps. " * 60,
        },
        {"role": "user", "content": " ".join(chance.choices(_WORDS, k=60))},
    ]
    for turn in range(AGENT_TURNS):
        call = {
            "name": AGENT_TOOLS[turn % len(AGENT_TOOLS)],
            "arguments": orjson.dumps({"path": f"src/{turn}.py"}).decode(),
        }
        messages.append(
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": f"call_{turn:05}", "type": "function", "function": call}],
            }
        )
        text = " ".join(chance.choices(_WORDS, k=told // 5))[: told - 250]
        messages.append({"role": "tool", "tool_call_id": f"call_{turn:05}", "content": text})
    messages[-1]["content"] = f"{NUMBER.decode()} {messages[-1]['content']}"
    return orjson.dumps(
        {"model": model, "messages": messages, "tools": [_tool(name) for name in AGENT_TOOLS]}
    )


def _tool(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    described = {"name": name, "description": f"Does what {name} says to one path.", "parameters": parameters}
    return {"type": "function", "function": described}
