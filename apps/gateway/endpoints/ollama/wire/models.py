"""Lists of models as Ollama writes them. There are no files behind these models: sizes are 0, and a digest is of the name alone."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from apps.core.json_types import JSONObject

CHANGED_AT: Final = "2026-01-01T00:00:00Z"
FAMILY: Final = "freeai"
DETAILS: Final[JSONObject] = {
    "parent_model": "",
    "format": "",
    "family": FAMILY,
    "families": [FAMILY],
    "parameter_size": "",
    "quantization_level": "",
}
WORDS: Final = {"tools": "tools", "vision": "vision", "reasoning": "thinking"}
"""What a model can do -> Ollama's word for it."""


def tag(model: JSONObject) -> JSONObject:
    """A row of /api/tags."""
    name = model["id"]
    return {
        "name": name,
        "model": name,
        "modified_at": CHANGED_AT,
        "size": 0,
        "digest": sha256(name.encode()).hexdigest(),
        "details": DETAILS,
    }


def shown(model: JSONObject, abilities: Iterable[str]) -> JSONObject:
    """The answer of /api/show. Editors list a model only where it has tools, and read its window from `model_info`."""
    known = set(abilities)
    return {
        "modelfile": "",
        "parameters": "",
        "template": "",
        "modified_at": CHANGED_AT,
        "details": DETAILS,
        "model_info": {
            "general.architecture": FAMILY,
            "general.basename": model["id"],
            f"{FAMILY}.context_length": model["context_length"],
        },
        "capabilities": ["completion", *(word for ability, word in WORDS.items() if ability in known)],
    }
