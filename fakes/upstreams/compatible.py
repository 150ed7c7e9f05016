"""Routers and small hosts of which little is published beyond their dialect, OpenAI's: each refuses what it need not know."""

from __future__ import annotations

from fakes.answers import Asked
from fakes.families.base import Family
from fakes.families.dialect import Dialect, Reasoning
from fakes.families.embeddings import OpenAIEmbeddings
from fakes.families.listing import ModelList
from fakes.families.openai import OpenAIChat
from fakes.families.rerank import Rerank

from .base import Check, Upstream, error_event, invalid, models_document, names
from .openai_rules import Rules
from .rerank_rules import check_jina, check_voyage
from .task_rules import check_openai_embeddings

_RULES = Rules(
    refuse=lambda text, where: invalid(text, param=where),
    fields=names(
        "model messages temperature top_p max_tokens stop seed frequency_penalty presence_penalty stream stream_options"
        " response_format tools tool_choice reasoning_effort"
    ),
    strings=names("system assistant tool"),
)
_ROLES = names("system user assistant tool")
_EMBEDDING_FIELDS = names("model input dimensions output_dimension")


def check(asked: Asked) -> None:
    """Raises Refused for fields and roles that a plain imitator does not know."""
    _RULES.check(asked.body)
    for message in asked.body["messages"]:
        if message.get("role") not in _ROLES:
            raise invalid(f"unknown role {message.get('role')!r}", param="messages")


def check_embeddings(asked: Asked) -> None:
    """Raises Refused for unknown fields and too many inputs."""
    for name in asked.body:
        if name not in _EMBEDDING_FIELDS:
            raise invalid(f"property '{name}' is unsupported", param=name)
    check_openai_embeddings(asked)


def _host(
    slug: str,
    model: str,
    *,
    base_path: str = "/v1",
    embeds: bool = False,
    ranks: tuple[Rerank, Check] | None = None,
) -> Upstream:
    families: tuple[Family, ...] = (
        OpenAIChat(Dialect(reasoning=Reasoning.REASONING_CONTENT)),
        ModelList(models_document({"id": model, "owned_by": slug})),
    )
    if embeds:
        families = (*families, OpenAIEmbeddings())
    checks: dict[str, Check] = {"chat": check, "embeddings": check_embeddings}
    if ranks is not None:
        families, checks["rerank"] = (*families, ranks[0]), ranks[1]
    return Upstream(
        slug=slug,
        base_path=base_path,
        families=families,
        stream_error=error_event({"error": {"message": "The host failed.", "type": "server_error"}}),
        checks=checks,
    )


VERCEL = _host("vercel", "openai/gpt-oss-120b", embeds=True)
WANDB = _host("wandb", "openai/gpt-oss-120b")
REQUESTY = _host("requesty", "nvidia/nemotron-3-super")
KILO = _host("kilo", "kilo-auto/free", base_path="/api/gateway")
LLM7 = _host("llm7", "gpt-oss:20b")
ALIBABA = _host("alibaba", "qwen-plus", base_path="/compatible-mode/v1", embeds=True)
JINA = _host("jina", "jina-embeddings-v3", embeds=True, ranks=(Rerank(), check_jina))
VOYAGE = _host("voyage", "voyage-3.5", embeds=True, ranks=(Rerank("data"), check_voyage))
POOLSIDE = _host("poolside", "poolside/laguna-s-2.1")
AIONLABS = _host("aionlabs", "aion-labs/aion-3.0-mini")
SEALION = _host("sealion", "aisingapore/Gemma-SEA-LION-v4-27B-IT")
TYPHOON = _host("typhoon", "typhoon-v2.5-30b-a3b-instruct")
AI21 = _host("ai21", "jamba-mini", base_path="/studio/v1")
FIREWORKS = _host("fireworks", "accounts/fireworks/models/gpt-oss-120b", base_path="/inference/v1")
