"""What providers refuse of rerank requests."""

from __future__ import annotations

from fakes.answers import Asked
from fakes.faults import Problem, Refused

from .base import Check, invalid, names

_MOST = 1_000
_JINA = names("model query documents top_n return_documents truncation")
_VOYAGE = names("model query documents top_k return_documents truncation")
_COHERE = names("model query documents top_n max_tokens_per_doc priority")
_CLOUDFLARE = names("query contexts top_k")
_NVIDIA = names("model query passages truncate")
_EMBEDDING_SERVER = names("query texts raw_scores return_text truncate truncation_direction")
_EMBEDDING_SERVER_BATCH = 32


def _only(taken: frozenset[str], most: int = _MOST) -> Check:
    def check(asked: Asked) -> None:
        for name in asked.body:
            if name not in taken:
                raise invalid(f"property '{name}' is unsupported", param=name)
        if len(asked.inputs) - 1 > most:
            raise invalid(f"at most {most} documents are taken", param="documents")

    return check


def check_cohere(asked: Asked) -> None:
    """Raises Refused for unknown fields, and for documents that are no texts."""
    _only(_COHERE)(asked)
    if not all(isinstance(document, str) for document in asked.body["documents"]):
        raise invalid("invalid request: documents must be a list of strings")


def check_embedding_server(asked: Asked) -> None:
    """Raises Refused for unknown fields, and with a 413 for more texts than a batch has."""
    _only(_EMBEDDING_SERVER)(asked)
    texts = len(asked.inputs) - 1
    if texts > _EMBEDDING_SERVER_BATCH:
        message = f"batch size {texts} > maximum allowed batch size {_EMBEDDING_SERVER_BATCH}"
        raise Refused(Problem(status=413, message=message, type="validation"))


check_jina = _only(_JINA)
check_voyage = _only(_VOYAGE)
check_cloudflare = _only(_CLOUDFLARE)
check_nvidia = _only(_NVIDIA, 512)
