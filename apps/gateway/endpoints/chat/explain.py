"""Where a chat request would go and why: for `/api` and the command line. For answers that ask for it: `answering/explained`."""

from typing import Final

from msgspec.structs import replace

from apps.clients.keys import Principal
from apps.core.state.contract import StateStore
from apps.gateway import runtime
from apps.gateway.attempts.calls import Call, RequestIds
from apps.gateway.attempts.decision import Decision, explain
from apps.gateway.attempts.planning import not_allowed, plan_explained
from apps.gateway.endpoints.chat.wire import request as chat_request
from apps.providers.types import Capability, ChatRequest
from apps.strategies.definition import Definition
from apps.strategies.expression import RequestFacts
from apps.strategies.features import request_facts
from apps.strategies.library import LoadedStrategy
from apps.strategies.ranking import candidate_facts
from apps.strategies.reading import observe

PREVIEW: Final = "preview"
NOBODYS: Final = RequestIds("", "")
"""Nothing is sent, and nothing written down."""
NEEDED: Final[tuple[tuple[str, Capability], ...]] = (
    ("has_images", "vision"),
    ("has_tools", "tools"),
    ("has_audio", "audio"),
    ("json_schema", "json_schema"),
)
"""Facts, and what a candidate must be able to do for them."""


async def explain_body(store: StateStore, principal: Principal, body: bytes) -> Decision:
    """The decision on a /v1 request body. Raises ApiError as the request itself would, but where every candidate is left out."""
    chat = chat_request.parse(body)
    call = plan_explained(NOBODYS, principal, chat)
    answering = None
    if runtime.is_running():
        answering = runtime.current().conversations.answering(call.turn, call.now)
    return await explain(store, call, not_allowed(principal, chat), answering)


async def preview(store: StateStore, principal: Principal, definition: Definition, body: bytes) -> Decision:
    """The decision on a /v1 request body if `definition` were its strategy. Raises ApiError."""
    return await explain(store, _with(principal, definition, body))


async def preview_clauses(
    store: StateStore, principal: Principal, definition: Definition, asked: bytes | RequestFacts
) -> tuple[Decision, dict[str, int], int]:
    """The same, or that on a request of which nothing is known but its facts; beside it, by the path of each clause, for how many of the
    candidates it holds, and how many there are. Raises ApiError."""
    call = _with(principal, definition, asked)
    offers = call.plan.pool.offers
    standings = await store.view([offer.subject for offer in offers], call.now)
    known = [candidate_facts(offer, standing) for offer, standing in zip(offers, standings, strict=True)]
    request = call.rules.facts
    holds = {
        clause.path: sum(clause.keeps(facts, request) for facts in known) for clause in definition.require
    }
    holds |= {
        clause.path: sum(clause.matches(facts, request) for facts in known) for clause in definition.prefer
    }
    return await explain(store, call), holds, len(offers)


def _with(principal: Principal, definition: Definition, asked: bytes | RequestFacts) -> Call[ChatRequest]:
    """The call, ranked by `definition`. Raises ApiError."""
    chat = _like(asked) if isinstance(asked, RequestFacts) else chat_request.parse(asked)
    call = plan_explained(NOBODYS, principal, chat)
    facts = asked if isinstance(asked, RequestFacts) else request_facts(chat, observe(chat))
    strategy = LoadedStrategy(PREVIEW, "", definition)
    plan = replace(call.plan, name=PREVIEW, strategy=strategy, facts=facts, choice=None)
    rules = replace(call.rules, view=strategy.lens.view(plan.pool), facts=facts)
    return replace(call, plan=plan, rules=rules)


def _like(past: RequestFacts) -> ChatRequest:
    """A request that filter and ranking take for the one of the past, whose text nobody has."""
    return ChatRequest(
        model=None,
        body={"messages": [{"role": "user", "content": ""}]},
        stream=bool(past.stream),
        needs=frozenset(need for fact, need in NEEDED if getattr(past, fact)),
        prompt_tokens=past.prompt_tokens or 0,
        max_tokens=past.max_tokens or None,
    )
