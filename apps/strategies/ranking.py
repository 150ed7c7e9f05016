"""Ranking: a pure function of offers, standings, facts of the request, rules and time.

    score = weight + default + headroom + scarcity + latency + reliability + load + preferred
            + the weights of the matched `prefer` clauses

| part        | value                                                                                             |
|-------------|---------------------------------------------------------------------------------------------------|
| weight      | the operator's or user's weight of the provider (1.0)                                             |
| default     | 1.0 for the provider's default model, 0 for its others                                            |
| headroom    | 0..1, the smallest share left in any of the candidate's quota windows                             |
| scarcity    | -10 / (1 + requests / 100): requests like this one that its day still admits; 0 where unlimited    |
| latency     | 1 / (1 + average in seconds): 1.0 while unmeasured, 0.5 at one second                             |
| reliability | 0..1, moving average of successes; 1.0 while unmeasured, so that newcomers are tried              |
| load        | -0.1 for each attempt under way                                                                   |
| preferred   | 1000 for the provider that the client prefers                                                     |
| sticky      | 2 for the candidate that answered the conversation's last turn                                    |

Scarcity keeps a quota of 50 a day for the requests that need its models: those that a provider with 14,400 serves as well go
there, until they are spent. A week's window counts with a seventh of it, a month's with a thirtieth, one of tokens by the prompt and
a usual answer.

What a provider keeps of a conversation is worth as much as headroom and latency together can differ, and no more: a strategy's preferences
are, and so is a quota of which the day has less than some 400 requests left.

Equal scores are ordered by provider and model.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from apps.core.state.contract import Glance, Standing
from apps.providers.claims import DEFAULT_COMPLETION_TOKENS
from apps.providers.tasks import Demand
from apps.providers.types import Offer
from apps.strategies.expression import RequestFacts
from apps.strategies.profiles import NEVER_SHORT, Left, Matched, View, candidate_facts

__all__ = [
    "PARTS",
    "Excluded",
    "Ranking",
    "Rules",
    "Scored",
    "as_glanced",
    "best_first",
    "candidate_facts",
    "capable",
    "held",
    "never_fits",
    "rank",
]

PREFERRED_BOOST: Final = 1000.0
LOAD_PER_ATTEMPT: Final = 0.1
SCARCE_AT_REQUESTS: Final = 100.0
"""As many requests left in the day weigh half of what a last one does."""
SCARCITY: Final = 10.0
"""The most that a last one weighs: more than all that a baseline can differ by, less than a strategy's strongest preference."""
PARTS: Final = (
    "weight",
    "default",
    "headroom",
    "scarcity",
    "latency",
    "reliability",
    "load",
    "preferred",
    "sticky",
)
_RELIABILITY: Final = PARTS.index("reliability")
_LOAD: Final = PARTS.index("load")
STICKY: Final = 2.0


class Scored(Struct, frozen=True):
    """A candidate with its score. `parts` is aligned with PARTS, `matched` holds (clause path, weight) of the prefer clauses."""

    offer: Offer
    score: float
    parts: tuple[float, ...]
    matched: tuple[Matched, ...] = ()


class Excluded(Struct, frozen=True):
    """An offer that is no candidate, why, and the numbers behind it. `retry_at`: when it may be one again, 0.0 if never by itself.
    `advice`: what closed it, and what to do about it, where something did."""

    offer: Offer
    reason: str
    detail: str
    retry_at: float = 0.0
    advice: str = ""


class Ranking(Struct, frozen=True):
    """Candidates, best first, and what was left out."""

    candidates: list[Scored]
    excluded: list[Excluded]


class Rules(Struct, frozen=True):
    """What to rank by: the strategy's view of the pool, the facts of the request, and the provider that the client prefers."""

    view: View
    facts: RequestFacts
    stream: bool = False
    preferred_provider: str | None = None

    def requests_left(self, offer: Offer, standing: Standing) -> int | None:
        """How many requests of this one's size the offer's day still admits; None where nothing bounds them."""
        size = (self.facts.prompt_tokens or 0) + DEFAULT_COMPLETION_TOKENS
        left = self.view.profile(offer).left(standing.used, size).requests
        return None if left == NEVER_SHORT else int(left)

    def kind(self) -> tuple[object, ...]:
        """Hashable: through one view, requests of one kind are ranked alike, but for their size within a factor of two."""
        size = (self.facts.prompt_tokens or 0) + DEFAULT_COMPLETION_TOKENS
        answers = self.view.answers(self.facts)
        return (self.stream, self.preferred_provider, size.bit_length(), answers)


def capable(offers: Sequence[Offer], request: Demand) -> tuple[list[Offer], list[Excluded]]:
    """Split offers by whether they can answer at all: capabilities, and whether the prompt fits the context window and all windows of
    tokens. The client's cap on the answer is a ceiling and no need: it is cut to what the model can."""
    able: list[Offer] = []
    excluded: list[Excluded] = []
    needed = request.prompt_tokens
    needs = request.needs
    for offer in offers:
        if needs and not needs <= offer.capabilities:
            missing = ", ".join(sorted(needs - offer.capabilities))
            excluded.append(Excluded(offer, "incapable", f"lacks {missing}"))
        elif offer.context_window and needed > offer.context_window:
            detail = f"the prompt has about {needed} tokens, the context window has {offer.context_window}"
            excluded.append(Excluded(offer, "context_window", detail))
        elif offer.token_window and (too_long := never_fits(offer, needed)) is not None:
            excluded.append(too_long)
        else:
            able.append(offer)
    return able, excluded


def never_fits(offer: Offer, prompt_tokens: int) -> Excluded | None:
    """Why no time lets such a prompt into the offer's windows of tokens; None if one may."""
    window = offer.token_window
    if not 0 < window < prompt_tokens:
        return None
    detail = f"the prompt has about {prompt_tokens} tokens, of which the quota holds {window} at a time"
    return Excluded(offer, "token_window", detail)


def rank(offers: Sequence[Offer], standings: Sequence[Standing], rules: Rules, now: float) -> Ranking:
    """Order what may be tried now. `standings` is aligned with `offers`."""
    view = rules.view
    judge = view.lens.judge
    size = (rules.facts.prompt_tokens or 0) + DEFAULT_COMPLETION_TOKENS
    scored: list[Scored] = []
    excluded: list[Excluded] = []
    for offer, standing in zip(offers, standings, strict=True):
        if standing.blocked_until > now:
            excluded.append(_blocked(offer, standing, now))
            continue
        profile = view.profile(offer)
        left = profile.left(standing.used, size)
        unmet, matched = judge(profile, standing, left, rules.facts)
        if unmet is not None:
            excluded.append(Excluded(offer, "requirement", f"{unmet.path}: {unmet.condition.source}"))
            continue
        scored.append(_score(offer, standing, rules, left, matched))
    scored.sort(key=_best_first)
    return Ranking(scored, excluded)


def as_glanced(scored: Scored, glance: Glance) -> Scored:
    """A candidate of a moment ago with the load and the reliability of now; the same where neither has changed."""
    parts = list(scored.parts)
    parts[_LOAD] = -LOAD_PER_ATTEMPT * glance.in_flight
    parts[_RELIABILITY] = 1.0 if glance.success_rate is None else glance.success_rate
    now = tuple(parts)
    if now == scored.parts:
        return scored
    added = now[_LOAD] - scored.parts[_LOAD] + now[_RELIABILITY] - scored.parts[_RELIABILITY]
    return Scored(scored.offer, scored.score + added, now, scored.matched)


def best_first(scored: list[Scored]) -> list[Scored]:
    """In the order in which they are asked."""
    return sorted(scored, key=_best_first)


def held(ranking: Ranking, candidate: str) -> Ranking:
    """The ranking for a conversation that the candidate of this state key answered last. Rankings are shared: it is left as it is."""
    ordered = ranking.candidates
    at = next((at for at, item in enumerate(ordered) if item.offer.subject.candidate == candidate), None)
    if at is None:
        return ranking
    item = ordered[at]
    kept = Scored(item.offer, item.score + STICKY, (*item.parts[:-1], STICKY), item.matched)
    others = ordered[:at] + ordered[at + 1 :]
    place = bisect_left(others, _best_first(kept), hi=at, key=_best_first)
    return Ranking([*others[:place], kept, *others[place:]], ranking.excluded)


def _blocked(offer: Offer, standing: Standing, now: float) -> Excluded:
    detail = f"for another {standing.blocked_until - now:.0f} s"
    return Excluded(offer, standing.reason or "quota", detail, standing.blocked_until, standing.detail)


def _best_first(scored: Scored) -> tuple[float, str, str]:
    return (-scored.score, scored.offer.provider, scored.offer.model)


def _score(
    offer: Offer, standing: Standing, rules: Rules, left: Left, matched: tuple[Matched, ...]
) -> Scored:
    latency = standing.ttfb_ema_ms if rules.stream else standing.latency_ema_ms
    success = standing.success_rate
    parts = (
        offer.weight,
        1.0 if offer.is_default else 0.0,
        left.headroom,
        -SCARCITY * SCARCE_AT_REQUESTS / (SCARCE_AT_REQUESTS + left.requests),
        1.0 if latency is None else 1000.0 / (1000.0 + latency),
        1.0 if success is None else success,
        -LOAD_PER_ATTEMPT * standing.in_flight,
        PREFERRED_BOOST if offer.provider == rules.preferred_provider else 0.0,
        0.0,
    )
    score = sum(parts)
    for _, weight in matched:
        score += weight
    return Scored(offer, score, parts, matched)
