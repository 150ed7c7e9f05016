"""JSON Schemas of types, the shapes of errors, and how one signs in."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

from apps.core.api import TotalCountPagination
from apps.core.json_types import JSONObject

REF: Final = "#/components/schemas/{name}"
JSON: Final = "application/json"
TITLES: Final = {
    400: "The request is wrong",
    401: "The credentials are missing or wrong",
    403: "Not allowed",
    404: "There is no such thing",
    406: "Answers are JSON",
    409: "It is there already",
    413: "The body is too large",
    415: "The body is of another type, or compressed",
    422: "It was understood, and makes no sense",
    429: "Too many requests",
    500: "A fault of FreeAI's own",
    502: "Every candidate failed",
    503: "Out of reach; try again later",
    504: "Every candidate was too slow",
    529: "Every candidate failed, or is closed for now",
}
ERROR: Final[JSONObject] = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {
            "description": "A sentence, or what is wrong with each field.",
            "anyOf": [{"type": "string"}, {"type": "object"}],
        }
    },
    "additionalProperties": False,
    "example": {"detail": "Authentication credentials were not provided."},
}
API_ERROR: Final[JSONObject] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
                "provider": {"type": ["string", "null"]},
                "kind": {"type": ["string", "null"]},
                "attempts": {"type": "array", "items": {"type": "object"}},
            },
        }
    },
    "additionalProperties": False,
}
MESSAGES_ERROR: Final[JSONObject] = {
    "type": "object",
    "required": ["type", "error", "request_id"],
    "properties": {
        "type": {"const": "error"},
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {
                "type": {"type": "string"},
                "message": {"type": "string"},
                "param": {"type": "string"},
                "code": {"type": "string"},
                "provider": {"type": "string"},
                "kind": {"type": "string"},
                "attempts": {"type": "array", "items": {"type": "object"}},
            },
        },
        "request_id": {"type": "string"},
    },
    "additionalProperties": False,
}
GOOGLE_ERROR: Final[JSONObject] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "status", "details"],
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "status": {"type": "string"},
                "details": {"type": "array", "items": {"type": "object"}},
                "provider": {"type": ["string", "null"]},
                "kind": {"type": ["string", "null"]},
                "attempts": {"type": "array", "items": {"type": "object"}},
            },
        }
    },
    "additionalProperties": False,
}
TEXT_ERROR: Final[JSONObject] = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}},
    "additionalProperties": False,
}
COMPONENTS: Final[JSONObject] = {
    "schemas": {
        "Error": ERROR,
        "ApiError": API_ERROR,
        "MessagesError": MESSAGES_ERROR,
        "GoogleError": GOOGLE_ERROR,
        "TextError": TEXT_ERROR,
    },
    "securitySchemes": {
        "clientKey": {
            "type": "http",
            "scheme": "bearer",
            "description": "A client key, `fai_…`: opens /v1, and nothing else.",
        },
        "adminToken": {
            "type": "apiKey",
            "in": "header",
            "name": "X-Admin-Token",
            "description": "Acts as the first active superuser.",
        },
        "accessToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The access token of POST /api/auth/login.",
        },
        "accessCookie": {"type": "apiKey", "in": "cookie", "name": "freeai_access"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "The admin site's.",
        },
        "csrfToken": {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRFToken",
            "description": "Beside a cookie, on unsafe methods: the value of the cookie `csrftoken`.",
        },
    },
}
PAGE: Final[list[JSONObject]] = [
    {
        "name": "limit",
        "in": "query",
        "description": "Rows of the page.",
        "schema": {
            "type": "integer",
            "minimum": 1,
            "maximum": TotalCountPagination.max_limit,
            "default": TotalCountPagination.default_limit,
        },
    },
    {
        "name": "offset",
        "in": "query",
        "description": "Rows before it.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "default": 0},
    },
]
TOTAL: Final[JSONObject] = {
    "X-Total-Count": {
        "description": "Rows of the whole list.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    }
}


def flag(name: str) -> JSONObject:
    """A query parameter that is true or false."""
    return parameter(name, {"type": "string", "enum": ["true", "false"]})


def parameter(name: str, schema: JSONObject) -> JSONObject:
    """A query parameter that may be left out."""
    return {"name": name, "in": "query", "schema": schema}


def schema_of(kind: Any) -> tuple[JSONObject, dict[str, JSONObject]]:
    """The schema of a type that msgspec knows, and the components that it refers to."""
    (schema,), components = msgspec.json.schema_components((kind,), ref_template=REF)
    return schema, components


def register(registry: ComponentRegistry, components: dict[str, JSONObject]) -> None:
    """Make the components part of the document. Raises ValueError where another one has the name."""
    for name, schema in components.items():
        component = ResolvedComponent(
            name=name, type=ResolvedComponent.SCHEMA, schema=schema, object=f"type {name}"
        )
        if component not in registry:
            registry.register(component)
        elif registry[component].schema != schema:
            raise ValueError(f"Two schemas are called {name}.")


def errors(statuses: Iterable[int], shape: str) -> JSONObject:
    """Responses of these statuses; `shape` names the component."""
    return {
        str(status): {
            "description": TITLES[status],
            "content": {JSON: {"schema": {"$ref": REF.format(name=shape)}}},
        }
        for status in sorted(set(statuses))
    }
