"""A request that demands a tool call goes only to those who honour the demand."""

import orjson
import pytest

from apps.gateway.endpoints.chat.wire.request import parse
from tests.gateway.conftest import Gateway

TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {}}}]
NAMED = {"type": "function", "function": {"name": "get_weather"}}


def allowed(mode):
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [NAMED]}}


def needs(**body):
    return parse(orjson.dumps({"messages": [{"role": "user", "content": "Hi"}]} | body)).needs


@pytest.mark.parametrize(
    ("choice", "forced"),
    [
        (None, False),
        ("auto", False),
        ("none", False),
        ("required", True),
        (NAMED, True),
        (allowed("auto"), False),
        (allowed("required"), True),
    ],
)
def test_tells_a_demand_from_an_offer(choice, forced):
    assert ("forced_tools" in needs(tools=TOOLS, tool_choice=choice)) is forced


def test_reads_the_legacy_form_and_ignores_a_demand_without_tools():
    functions = [{"name": "get_weather"}]

    assert "forced_tools" in needs(functions=functions, function_call={"name": "get_weather"})
    assert "forced_tools" not in needs(functions=functions, function_call="auto")
    assert "forced_tools" not in needs(tools=[], tool_choice="required")


async def test_passes_over_a_provider_that_only_knows_auto(gateway: Gateway):
    capabilities = {"tools", "forced_tools"}
    gateway.add("zai", capabilities=capabilities - {"forced_tools"})
    gateway.add("groq", capabilities=capabilities)

    demanded = await gateway.client.chat(tools=TOOLS, tool_choice="required")
    offered = await gateway.client.chat(tools=TOOLS)

    assert (demanded.json["provider"], offered.json["provider"]) == ("groq", "zai")


async def test_says_what_is_missing_where_nobody_can_be_told(gateway: Gateway):
    gateway.add("zai", capabilities={"tools"})

    answer = await gateway.client.chat(tools=TOOLS, tool_choice=NAMED)

    assert answer.status == 400
    assert "forced_tools" in answer.json["error"]["message"]


def test_reads_the_only_option_of_a_request_without_a_model():
    assert "json_object" in needs(response_format={"type": "json_object"})
    assert "n" in needs(n=2)
