"""What servers of OpenAI's dialect refuse, as data: the same rules, each provider with its own share of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import orjson

from fakes.faults import Refused

from .base import names

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_CALL = names("id type function")
_CALLED = names("name arguments")
_FUNCTION = names("name description parameters strict")
_PART = {
    "text": names("type text"),
    "image_url": names("type image_url"),
    "input_audio": names("type input_audio"),
    "file": names("type file"),
}
_LINK = names("url detail")
_FORMAT = names("type json_schema")
_SCHEMA = names("name description schema strict")

Document = dict[str, Any]
Refuse = Callable[[str, str], Refused]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One provider's share. `refuse` makes its refusal of a text and the path that it blames.

    `fields`: the only top-level fields, None for any. `nulls`: whether a null field passes for an absent one. `message_keys`: the only
    keys of messages, by role. `strings`: roles whose content must be a string. `nested`: whether it knows every key of what is inside
    of tools, calls, parts and formats. `whole_schemas`: arrays in a tool's parameters must say what their items are. `empty_schemas`:
    parameters may be `{}`. `system_first`, `alternate`: the order of roles, as chat templates have it.
    """

    refuse: Refuse
    fields: frozenset[str] | None = None
    nulls: bool = False
    message_keys: Mapping[str, frozenset[str]] = field(default_factory=dict)
    strings: frozenset[str] = frozenset()
    nested: bool = True
    whole_schemas: bool = False
    empty_schemas: bool = False
    system_first: bool = False
    alternate: bool = False

    def check(self, body: Document) -> None:
        """Raises Refused."""
        self._keys(body, self.fields, "")
        if not self.nulls:
            self._no_nulls(body, "")
        self._check_tools(body)
        self._check_format(body.get("response_format"))
        for position, message in enumerate(body["messages"]):
            self._check_message(message, f"messages.{position}")
        self._check_order([str(message.get("role")) for message in body["messages"]])

    def _keys(self, document: Document, allowed: frozenset[str] | None, where: str) -> None:
        unknown = () if allowed is None else [name for name in document if name not in allowed]
        for name in unknown:
            raise self.refuse(f"property '{name}' is unsupported", _path(where, name))

    def _no_nulls(self, document: Document, where: str, allowed: frozenset[str] = frozenset()) -> None:
        for name, value in document.items():
            if value is None and name not in allowed:
                raise self.refuse(f"'{_path(where, name)}' : value must not be null", _path(where, name))

    def _check_tools(self, body: Document) -> None:
        tools = body.get("tools")
        if not tools:
            for name in ("tools", "tool_choice", "parallel_tool_calls"):
                if body.get(name) is not None:
                    raise self.refuse(f"'{name}' is only allowed when 'tools' are specified", name)
        for position, tool in enumerate(tools or ()):
            self._check_tool(tool, f"tools.{position}")
        choice = body.get("tool_choice")
        if isinstance(choice, dict):
            self._check_name(choice.get("function"), "tool_choice.function")

    def _check_tool(self, tool: Document, where: str) -> None:
        if self.nested:
            self._keys(tool, names("type function"), where)
        if tool.get("type") != "function":
            raise self.refuse(f"'{where}.type' : value is not one of the allowed values ['function']", where)
        function = self._check_name(tool.get("function"), f"{where}.function")
        if self.nested:
            self._keys(function, _FUNCTION, f"{where}.function")
        self._no_nulls(function, f"{where}.function")
        parameters = function.get("parameters")
        if parameters == {} and self.empty_schemas:
            return
        if not isinstance(parameters, dict) or parameters.get("type") != "object":
            raise self.refuse(
                "schema must be a JSON Schema of 'type: \"object\"'", f"{where}.function.parameters"
            )
        if not isinstance(parameters.get("properties"), dict):
            raise self.refuse("object schema missing properties", f"{where}.function.parameters")
        if self.whole_schemas:
            for schema in _schemas(parameters):
                if schema.get("type") == "array" and "items" not in schema:
                    raise self.refuse("array schema missing items", f"{where}.function.parameters")

    def _check_name(self, function: Any, where: str) -> Document:
        if not isinstance(function, dict):
            raise self.refuse(f"'{where}' : value must be an object", where)
        if not _NAME.fullmatch(str(function.get("name"))):
            text = "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]{1,64}$'."
            raise self.refuse(f"Invalid '{where}.name': {text}", f"{where}.name")
        return function

    def _check_format(self, form: Any) -> None:
        if not isinstance(form, dict):
            return
        schema = form.get("json_schema")
        for document, allowed in ((form, _FORMAT), (schema if isinstance(schema, dict) else {}, _SCHEMA)):
            self._no_nulls(document, "response_format")
            if self.nested:
                self._keys(document, allowed, "response_format")

    def _check_message(self, message: Document, where: str) -> None:
        role = str(message.get("role"))
        self._keys(message, self.message_keys.get(role), where)
        calls = message.get("tool_calls")
        silent = calls or (message.get("refusal") and not self.nested)
        self._no_nulls(message, where, names("content") if silent else frozenset())
        if calls == []:
            raise self.refuse(f"Invalid '{where}.tool_calls': empty array.", f"{where}.tool_calls")
        for position, call in enumerate(calls or ()):
            self._check_call(call, f"{where}.tool_calls.{position}")
        content = message.get("content")
        if role == "assistant" and not content and not silent:
            raise self.refuse(f"'{where}' : an assistant must say something or call a tool", where)
        if isinstance(content, list):
            if role in self.strings:
                raise self.refuse(f"'{where}.content' : value must be a string", f"{where}.content")
            for position, part in enumerate(content):
                self._check_part(part, f"{where}.content.{position}")

    def _check_call(self, call: Document, where: str) -> None:
        if "custom" in call and not self.nested:
            return
        function = self._check_name(call.get("function"), f"{where}.function")
        if not isinstance(call.get("id"), str) or not call["id"]:
            raise self.refuse(f"'{where}.id' : value must be a string", f"{where}.id")
        if self.nested:
            self._keys(call, _CALL, where)
            self._keys(function, _CALLED, f"{where}.function")
        try:
            arguments = orjson.loads(str(function.get("arguments")))
        except orjson.JSONDecodeError:
            arguments = None
        if not isinstance(arguments, dict):
            raise self.refuse(
                f"'{where}.function.arguments' : not a JSON object", f"{where}.function.arguments"
            )

    def _check_part(self, part: Any, where: str) -> None:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in _PART:
            raise self.refuse(f"'{where}.type' : unknown type of content", where)
        inner = part.get(kind)
        self._no_nulls(part, where)
        if self.nested:
            self._keys(part, _PART[kind], where)
        if kind == "image_url" and isinstance(inner, dict):
            self._no_nulls(inner, where)
            if self.nested:
                self._keys(inner, _LINK, where)

    def _check_order(self, roles: list[str]) -> None:
        if self.system_first and "system" in roles[1:]:
            raise self.refuse("System message must be at the beginning.", "messages")
        said = [role for role in roles if role != "system"]
        if self.alternate and (said[:1] == ["assistant"] or _repeats(said)):
            text = "Conversation roles must alternate user/assistant/user/assistant/..."
            raise self.refuse(text, "messages")


def _repeats(roles: list[str]) -> bool:
    return any(one == two and one != "tool" for one, two in pairwise(roles))


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _schemas(schema: Any) -> Iterator[Document]:
    """`schema` and those inside of it."""
    if isinstance(schema, dict):
        yield schema
        for inner in (schema.get("properties") or {}).values():
            yield from _schemas(inner)
        for name in ("items", "additionalProperties"):
            yield from _schemas(schema.get(name))
        for name in ("anyOf", "oneOf", "allOf"):
            for inner in schema.get(name) or ():
                yield from _schemas(inner)
