"""Routes of DRF in the OpenAPI document: what `reference.OPERATIONS` says of each, and what follows from its view."""

from itertools import starmap
from typing import Any, Final

from drf_spectacular.openapi import AutoSchema
from rest_framework.serializers import BaseSerializer, ListSerializer

from apps.core.json_types import JSONObject
from apps.core.permissions import ModelRights
from apps.gateway.api.openapi import schemas
from apps.gateway.wire.reference import Operation

UNDESCRIBED: Final = Operation(summary="")
WRITING: Final = frozenset({"POST", "PUT", "PATCH"})
ALWAYS: Final = (406, 503)
SIGNED_IN: Final[list[dict[str, list[str]]]] = [{"adminToken": []}, {"accessToken": []}]
COOKIES: Final = ("accessCookie", "session")


def is_public(view: Any) -> bool:
    """Whether the view asks nobody who they are."""
    return any(permission.__name__ == "AllowAny" for permission in view.permission_classes)


def needs(view: Any, method: str) -> str:
    """The Django permission that lets staff in; "" where none is asked for."""
    for permission in view.permission_classes:
        if issubclass(permission, ModelRights):
            app, _, model = permission.model.partition(".")
            return f"{app}.{permission.actions[method]}_{model}"
    return ""


class Schema(AutoSchema):
    """One operation of the document."""

    def _operation(self) -> Operation:
        from apps.gateway.api.reference import OPERATIONS  # late: DRF loads this class before there are views

        return OPERATIONS.get((self.method, self.path), UNDESCRIBED)

    def get_operation(self, *place: Any) -> JSONObject | None:
        """With the answers that every route has."""
        operation: JSONObject | None = super().get_operation(*place)
        if operation is not None:
            told = schemas.errors(self._errors(), "Error")
            operation["responses"] = told | operation["responses"]
        return operation

    def _errors(self) -> set[int]:
        described = self._operation()
        found = {*described.errors, *ALWAYS}
        if not is_public(self.view):
            found |= {401, 403} if needs(self.view, self.method) or self.method != "GET" else {401}
        if self.method in WRITING:
            found |= {400, 413, 415}
        if described.paged or described.flags or described.query or self.method == "DELETE":
            found.add(400)
        if described.flags:
            found.add(403)
        return found | {404} if "{" in self.path else found

    def get_operation_id(self) -> str:
        """From method and path."""
        words = self.path.removeprefix("/api").translate(str.maketrans("/-{}", "__  ")).replace(" ", "")
        return self.method.lower() + words.rstrip("_")

    def get_summary(self) -> str:
        """The operation's."""
        return self._operation().summary

    def get_description(self) -> str:  # type: ignore[override]  # as AutoSchema does
        """What one must be allowed."""
        if is_public(self.view):
            return "For everybody."
        permission = needs(self.view, self.method)
        return (
            f"For superusers, and staff with `{permission}`." if permission else "For whoever is signed in."
        )

    def get_tags(self) -> list[str]:
        """The first word of the path."""
        words = self.path.split("/")
        return ["/".join(words[2:4]) if words[2] == "me" else words[2]]

    def get_auth(self) -> list[JSONObject]:
        """Tokens, or a cookie with a CSRF token beside it where the method is unsafe."""
        if is_public(self.view):
            return []
        csrf: JSONObject = {} if self.method == "GET" else {"csrfToken": []}
        return [*SIGNED_IN, *({name: [], **csrf} for name in COOKIES)]

    def _get_parameters(self) -> list[JSONObject]:
        described = self._operation()
        page = schemas.PAGE if described.paged else []
        path = self._resolve_path_parameters(self._path_names())  # type: ignore[no-untyped-call]  # drf-spectacular has none here
        asked = starmap(schemas.parameter, described.query.items())
        return [*path, *page, *map(schemas.flag, described.flags), *asked]

    def _path_names(self) -> list[str]:
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    def get_request_serializer(self) -> Any:
        """The operation's body."""
        body = self._operation().body
        if body is None or (isinstance(body, type) and issubclass(body, BaseSerializer)):
            return body
        return {schemas.JSON: self._schema(body)}

    def _get_request_body(self, direction: str = "request") -> JSONObject | None:
        """A body whose schema is a type's is needed: drf-spectacular knows it of serializers alone."""
        body: JSONObject | None = super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # drf-spectacular has none here
        if body is not None and isinstance(self.get_request_serializer(), dict):
            body["required"] = True
        return body

    def get_response_serializers(self) -> Any:
        """The operation's answer, by its status."""
        described = self._operation()
        answer = described.answer
        kind = answer if isinstance(answer, type) else type(answer)
        is_known = answer is None or issubclass(kind, BaseSerializer)
        text = {(described.status, name): {"type": "string"} for name in described.formats}
        return {str(described.status): answer if is_known else self._schema(answer), **text}

    def _schema(self, kind: Any) -> JSONObject:
        schema, components = schemas.schema_of(kind)
        schemas.register(self.registry, components)
        return schema

    def _is_list_view(self, serializer: Any = None) -> bool:
        """As the operation says, and not by the method's name."""
        return isinstance(serializer, ListSerializer)

    def _get_examples(self, serializer: Any, direction: str, media_type: str, *_: Any, **__: Any) -> Any:
        if media_type != schemas.JSON:
            return {}
        described = self._operation()
        value = described.sent if direction == "request" else described.example
        return {} if value is None else {"example": {"value": value}}

    def _get_response_headers_for_code(self, status_code: str, direction: str = "response") -> JSONObject:
        return schemas.TOTAL if self._operation().paged else {}

    def _map_serializer(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> JSONObject:
        """What a body has beside its fields is refused."""
        schema: JSONObject = super()._map_serializer(  # type: ignore[no-untyped-call]  # drf-spectacular has none here
            serializer, direction, bypass_extensions
        )
        return schema | {"additionalProperties": False} if schema.get("type") == "object" else schema
