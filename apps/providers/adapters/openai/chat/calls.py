"""Tool calls of a history, for upstreams that look into them: chat templates render arguments as JSON."""

from typing import Any

import orjson

from apps.core.json_types import JSONObject
from apps.providers.adapters.shared.history import named_args
from apps.providers.adapters.shared.names import Naming
from apps.providers.adapters.shared.tools import function_of

CALL_KEYS = ("id", "type", "function")


def fit_call(call: JSONObject, call_id: str, fit_name: Naming, *, exact: bool) -> JSONObject:
    """A copy of `call` with this id, a name that is taken, and arguments that are a JSON object. `exact`: with OpenAI's keys only, a
    custom tool's call as a function's."""
    if "custom" in call and call["custom"] is not None and not exact:
        return {key: value for key, value in call.items() if value is not None} | {"id": call_id}
    name, _ = named_args(call) if "custom" in call else (str(function_of(call).get("name", "")), None)
    function: JSONObject = {"name": fit_name(name), "arguments": sound_arguments(call)}
    fitted = {"id": call_id, "type": "function", "function": function}
    if exact:
        return fitted
    extra = {
        key: value for key, value in call.items() if value is not None and key not in ("index", *CALL_KEYS)
    }
    return fitted | extra


def sound_arguments(call: JSONObject) -> str:
    """The arguments of `call` as they are if they are a JSON object; else an object made of them: "{}" of none."""
    arguments: Any = function_of(call).get("arguments")
    if isinstance(arguments, str):
        try:
            if isinstance(orjson.loads(arguments), dict):
                return arguments
        except orjson.JSONDecodeError:
            pass
    return orjson.dumps(named_args(call)[1]).decode()
