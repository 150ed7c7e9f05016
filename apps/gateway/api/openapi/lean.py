"""Routes of the lean handler in the OpenAPI document: `/v1` as its endpoints declare it, and the probe below `/api`."""

import re
from collections.abc import Mapping
from importlib import import_module
from itertools import starmap
from typing import Any, Final

from apps.core.json_types import JSONObject
from apps.gateway import endpoints
from apps.gateway.api.openapi import schemas
from apps.gateway.wire.reference import Operation, Route

ALWAYS: Final = (400, 500, 503)
WRITING: Final = (401, 413, 415)
NAMED: Final = re.compile(r"\{(\w+)\}")
IN_AN_ID: Final = str.maketrans("/:", "__", "{}")
HEALTH: Final[JSONObject] = {
    "operationId": "get_health",
    "summary": "The process answers",
    "description": "For everybody.",
    "tags": ["health"],
    "security": [],
    "responses": {
        "200": {
            "description": "",
            "content": {
                schemas.JSON: {
                    "schema": {
                        "type": "object",
                        "required": ["status"],
                        "properties": {"status": {"const": "ok"}},
                        "additionalProperties": False,
                    },
                    "examples": {"example": {"value": {"status": "ok"}}},
                }
            },
        }
    },
}


def operations() -> Mapping[Route, Operation]:
    """What the `reference` beside each endpoint's view declares."""
    found: dict[Route, Operation] = {}
    for view in endpoints.views():
        room = view.__name__.rpartition(".")[0]
        found |= import_module(f"{room}.reference").OPERATIONS
    return found


def add(result: JSONObject, generator: Any, request: object, public: bool) -> JSONObject:
    """drf-spectacular's hook: the finished document with the lean handler's routes in it."""
    paths = result["paths"]
    for (method, path), operation in operations().items():
        paths.setdefault(path, {})[method.lower()] = _described(method, path, operation, generator)
    paths["/api/health"] = {"get": HEALTH}
    result["components"] = generator.registry.build(schemas.COMPONENTS)
    return result


def _described(method: str, path: str, operation: Operation, generator: Any) -> JSONObject:
    names = NAMED.findall(path)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
    ]
    open_too: list[JSONObject] = [{}] if operation.is_open else []
    statuses = (*ALWAYS, *(WRITING if method == "POST" else (401,)), *operation.errors)
    asked = starmap(schemas.parameter, operation.query.items())
    described: JSONObject = {
        "operationId": method.lower() + path.translate(IN_AN_ID),
        "summary": operation.summary,
        "tags": ["v1"],
        "security": [{"clientKey": []}, *open_too],
        "parameters": [*parameters, *map(schemas.flag, operation.flags), *asked],
        "responses": _answer(operation, generator) | schemas.errors(statuses, operation.error),
    }
    if operation.form is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": operation.form}},
        }
    elif operation.body is not None:
        content = _content(operation.body, operation.sent, generator)
        described["requestBody"] = {"required": True, "content": content}
    return described


def _answer(operation: Operation, generator: Any) -> JSONObject:
    content = _content(operation.answer, operation.example, generator)
    content |= {name: {"schema": {"type": "string"}} for name in operation.formats}
    if operation.events is not None:
        content[operation.stream_type] = {"schema": _event(operation, generator)}
    return {str(operation.status): {"description": "", "content": content}}


def _event(operation: Operation, generator: Any) -> JSONObject:
    """One event: JSON of the type, an error that came behind the beginning of the answer, or the end mark."""
    schema, components = schemas.schema_of(operation.events)
    schemas.register(generator.registry, components)
    said = {"anyOf": [schema, {"$ref": schemas.REF.format(name=operation.error)}]}
    data = {"type": "string", "contentMediaType": schemas.JSON, "contentSchema": said}
    events: list[JSONObject] = [{"properties": {"data": data}}]
    if operation.end_mark:
        events.insert(0, {"properties": {"data": {"const": "[DONE]"}}})
    return {"type": "object", "required": ["data"], "anyOf": events}


def _content(kind: Any, example: object, generator: Any) -> JSONObject:
    schema, components = schemas.schema_of(kind)
    schemas.register(generator.registry, components)
    shown = {} if example is None else {"examples": {"example": {"value": example}}}
    return {schemas.JSON: {"schema": schema, **shown}}
