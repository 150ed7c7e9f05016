"""The decision on a request, in words and bars: who comes first and why, in which order the others follow, and what was left out."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from apps.console import words
from apps.console.quota_words import MONEY, span_words
from apps.core.state.keys import Span
from apps.gateway.attempts.decision import Decision, Exclusion, Row, WindowUse
from apps.gateway.endpoints.chat.explain import PREVIEW
from apps.strategies.auto import AUTO
from apps.strategies.ranking import PARTS

BASE: Final = frozenset(PARTS) - {"preferred", "sticky"}
"""The parts of a score that are the candidate's own, whoever asks."""
SHOWN: Final = 5
"""Candidates that are seen at once; the attempts of hardly a request come so far."""
MOST: Final = 60
"""Candidates that a page holds."""
MOST_GROUPS: Final = 24
REASONS: Final = {
    "incapable": "cannot answer this request",
    "context_window": "too small",
    "token_window": "its quota is too small",
    "requirement": "the strategy asks for more",
    "quota": "out of quota",
    "rate_limited": "refused for its rate a moment ago",
    "throttled": "throttled",
    "quarantine": "the key is refused",
    "payment_required": "the account has no credit",
    "unsupported_region": "the provider does not serve this region",
    "not_in_plan": "not in the account's plan",
    "model_gone": "the provider has it no more",
    "service_retired": "the service has ended",
    "breaker": "paused by its circuit breaker",
    "half_open": "on trial",
    "not_allowed": "not allowed for this key",
    "paid": "costs money, which is not allowed",
    "training": "may train on what is sent",
}


class Candidate(NamedTuple):
    """One that may be tried. The bar: percentages of what the base and the clauses come to; `sum_words`: "4.12 +30 −20"."""

    rank: int
    provider: str
    model: str
    score: float
    base_percent: float
    clauses_percent: float
    sum_words: str
    sum_title: str


class LeftOut(NamedTuple):
    """Offers of one provider that were left out for the same reason."""

    who: str
    provider: str
    why: str


class Told(NamedTuple):
    """A decision for people. `others`: candidates that are unfolded only; `more`: those that are in no page."""

    sentences: list[str]
    facts: list[tuple[str, str]]
    candidates: list[Candidate]
    others: list[Candidate]
    more: int
    left_out: list[LeftOut]
    left_out_count: int
    total: int
    warnings: list[str]


def tell(decision: Decision, *, is_past: bool = False) -> Told:
    """In words. `is_past`: of a request that has been answered; its quotas are those of a moment after it."""
    ranked = [row for row in decision.candidates if row.excluded is None]
    excluded = [(row, row.excluded) for row in decision.candidates if row.excluded is not None]
    candidates = _candidates(ranked[:MOST])
    return Told(
        sentences=list(_sentences(decision, ranked, is_past)),
        facts=facts_in_words(decision.features),
        candidates=candidates[:SHOWN],
        others=candidates[SHOWN:],
        more=max(0, len(ranked) - MOST),
        left_out=_grouped(excluded),
        left_out_count=len(excluded),
        total=len(decision.candidates),
        warnings=[f"{one['clause']}: {one['message']}" for one in decision.warnings],
    )


def _sentences(decision: Decision, ranked: Sequence[Row], is_past: bool) -> Iterator[str]:
    auto = decision.features.get("auto")
    if auto is not None:
        yield f"auto read the request ({_words_of(auto)}) and {_chose(auto['strategy'])}."
    elif decision.strategy == PREVIEW:
        pass  # the one that is being looked at
    elif decision.strategy:
        yield f"The strategy is {decision.strategy}."
    else:
        yield "The model is pinned: no strategy ranks anything else."
    count = len(decision.candidates)
    can = "could answer" if is_past else "can answer now"
    if not ranked:
        yield f"None of {count} candidates {can}." if count else "There is no candidate."
        return
    first = ranked[0]
    who = "The only candidate is" if count == 1 else f"Of {count} candidates {len(ranked)} {can}. First comes"
    yield f"{who} {first.model} of {first.provider}{_why(first)}."


def _chose(strategy: str) -> str:
    return "stayed with its own rules" if strategy == AUTO else f"chose the strategy {strategy}"


def _words_of(auto: dict[str, Any]) -> str:
    observation = auto["observation"]
    return "; ".join(observation["reasons"]) or f"it looks like {observation['intent']}"


def _why(row: Row) -> str:
    parts = [f"score {row.score:.2f}"]
    if row.parts.get("default"):
        parts.append("its provider's default model")
    if tightest := _tightest(row.quota):
        name, use = tightest
        left = max(0, (use.limit or 0) - use.used)
        parts.append(f"{words.count(left)} of {words.count(use.limit)} {span_words(_span(name))} left")
    return ": " + ", ".join(parts)


def _tightest(quota: dict[str, WindowUse]) -> tuple[str, WindowUse] | None:
    """The limited window with the smallest share left, of what is counted in pieces."""
    limited = [(name, use) for name, use in quota.items() if use.limit and _is_told(_span(name))]
    return min(limited, key=lambda item: 1 - item[1].used / (item[1].limit or 1), default=None)


def _is_told(span: Span) -> bool:
    """Money is no number of requests, and a second's window is over before anybody has read of it."""
    return span.metric != MONEY and span.period != "second"


def _span(name: str) -> Span:
    """That of a window, behind the name of whose it is."""
    metric, _, period = name.rpartition(" ")[2].partition("/")
    return Span(metric, period)


def facts_in_words(features: dict[str, Any]) -> list[tuple[str, str]]:
    """Short tags: (icon, words)."""
    found: list[tuple[str, str]] = []
    for name, icon, text in (
        ("has_images", "image", "image"),
        ("has_audio", "mic", "audio"),
        ("has_tools", "wrench", "tools"),
        ("json_schema", "braces", "JSON schema"),
        ("stream", "pulse", "streamed"),
    ):
        if features.get(name):
            found.append((icon, text))
    if features.get("prompt_tokens"):
        found.append(("", f"≈ {words.count(features['prompt_tokens'])} tokens"))
    seen = features.get("auto", {}).get("observation", {})
    if intent := features.get("intent") or seen.get("intent"):
        found.append(("", f"intent: {intent}"))
    if language := features.get("language") or seen.get("language"):
        found.append(("", str(language)))
    return found


def _candidates(rows: Sequence[Row]) -> list[Candidate]:
    sums = [_sums(row) for row in rows]
    widest = max((max(base, 0.0) + max(extra, 0.0) for base, extra in sums), default=0.0) or 1.0
    return [_candidate(row, *sums[place], widest) for place, row in enumerate(rows)]


def _sums(row: Row) -> tuple[float, float]:
    """What the base comes to, and what the clauses, the client's own preference and its conversation add."""
    base = sum(value for name, value in row.parts.items() if name in BASE)
    return base, (row.score or 0.0) - base


def _candidate(row: Row, base: float, extra: float, widest: float) -> Candidate:
    held = {name: value for name, value in row.parts.items() if name not in BASE}
    clauses = {name: value for name, value in held.items() if value}
    shown = max(base, 0.0)
    total = max(0.0, min(base + extra, shown + max(extra, 0.0)))
    return Candidate(
        rank=row.rank or 0,
        provider=row.provider,
        model=row.model,
        score=row.score or 0.0,
        base_percent=round(100 * min(shown, total) / widest, 1),
        clauses_percent=round(100 * max(0.0, total - shown) / widest, 1),
        sum_words=" ".join([f"{base:.2f}", *(_signed(value) for value in clauses.values())]),
        sum_title=" · ".join(f"{name} {value:.2f}" for name, value in row.parts.items()),
    )


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else '−'}{abs(value):g}"


def _grouped(rows: Sequence[tuple[Row, Exclusion]]) -> list[LeftOut]:
    """By provider and reason, in the order of the first of each."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row, excluded in rows:
        groups.setdefault((row.provider, _reason(excluded)), []).append(row)
    return [
        LeftOut(found[0].model if len(found) == 1 else f"{len(found)} models", provider, _upper(why))
        for (provider, why), found in list(groups.items())[:MOST_GROUPS]
    ]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _reason(excluded: Exclusion) -> str:
    said = REASONS.get(excluded.reason, excluded.reason.replace("_", " "))
    if excluded.retry_in_s:
        return f"{said}, for another {words.length(excluded.retry_in_s)}{_advice(excluded.detail)}"
    return f"{said}: {excluded.detail}" if excluded.detail else said


def _advice(detail: str) -> str:
    """What is said behind the time, if anything: the time itself is ours to tell."""
    _, found, advice = detail.partition(": ")
    return f". {advice}" if found else ""
