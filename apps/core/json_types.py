"""JSON as Python holds it. What is inside an object or a list is checked where it is read, not by its type."""

from typing import Any, TypeAlias

JSONObject: TypeAlias = dict[str, Any]
JSONArray: TypeAlias = list[Any]
JSONValue: TypeAlias = JSONObject | JSONArray | str | int | float | bool | None
