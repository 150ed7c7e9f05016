"""Embeddings: texts, and their vectors."""

from array import array
from typing import Literal

from msgspec import Struct, field

from apps.core.json_types import JSONObject
from apps.providers.tasks import TaskRequest
from apps.providers.types import Usage

Tokens = tuple[int, ...]


class EmbeddingRequest(TaskRequest, frozen=True, kw_only=True):
    """A validated embeddings request. `tokens`: about how many each of `inputs` has. `extra`: fields that are passed on as they came."""

    inputs: tuple[str, ...] | tuple[Tokens, ...]
    tokens: tuple[int, ...]
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] = "float"
    extra: JSONObject = field(default_factory=dict)

    @property
    def prompt_tokens(self) -> int:
        """Of the longest input: each has the context window for itself."""
        return max(self.tokens, default=0)

    @property
    def has_token_lists(self) -> bool:
        return not isinstance(self.inputs[0], str)


class EmbeddingResult(Struct, frozen=True):
    """Vectors in the order of the inputs, as arrays of doubles. `usage` is None where the upstream sent none."""

    vectors: list["array[float]"]
    usage: Usage | None = None
