"""What the JSON requests of the tasks beside chat have in common: the model, and who may answer."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from apps.core.json_types import JSONObject
from apps.gateway.wire.names import MODEL_SCHEMA, native_model
from apps.providers.types import Usage

NonEmpty = Annotated[str, Meta(min_length=1)]


class TaskBody(Struct, kw_only=True):
    """The fields that say where a request goes."""

    model: Annotated[str, Meta(extra_json_schema=MODEL_SCHEMA)] | None = None
    preferred_provider: str | None = None
    fallback: bool | None = None

    def routing(self) -> dict[str, Any]:
        """The same by the names of a `TaskRequest`. Raises ApiError(400)."""
        return {
            "model": native_model(self.model),
            "preferred_provider": self.preferred_provider or None,
            "fallback": self.fallback is not False,
        }


def further(raw: JSONObject, body: type[TaskBody]) -> JSONObject:
    """The fields of a request that `body` does not know, as they came."""
    return {name: value for name, value in raw.items() if name not in body.__struct_fields__}


def prompt_counts(usage: Usage | None) -> JSONObject:
    """`usage` of an answer that has no tokens of its own."""
    if usage is None:
        return {}
    counts: JSONObject = {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.total_tokens}
    return counts | {"estimated": True} if usage.estimated else counts
