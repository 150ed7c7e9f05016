"""One of the user's accounts: its models by window, its limits and who says so, its latest errors."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from django.utils import timezone
from msgspec import Struct

from apps.analytics.selection import Selection, page
from apps.console.error_words import happened, then
from apps.console.lesson_words import why
from apps.console.pool import Pill, closed_pill
from apps.console.quota_words import span_words
from apps.console.readings import Left, Model, Reading
from apps.core.state.keys import Span, part_of
from apps.core.state.periods import ONCE, seconds
from apps.providers.limits import Limit
from apps.providers.models import Credential, LimitEvidence, Provider, ProviderModel
from apps.providers.offers import CATALOGUE
from apps.providers.overrides import SHORT_FIELDS, Overrides, validate_limits
from apps.providers.quotas import declared_for

MOST_SPANS: Final = 4
MOST_MODELS: Final = 60
MOST_ERRORS: Final = 8
LOOKED_AT: Final = 200
ERRORS_SINCE: Final = timedelta(days=1)
MOST_DECLARED: Final = 12
SOURCES: Final = {
    "declared": "catalogue",
    "override": "your override",
    "header": "header of an answer",
    "learnt": "learnt from the provider",
}
WHOLE_ACCOUNT: Final = "all models"
ICONS: Final = {
    "vision": "image",
    "audio": "mic",
    "tools": "wrench",
    "json_schema": "braces",
    "reasoning": "brain",
    "pdf": "paper",
}
NAMES: Final = {
    "vision": "takes images",
    "audio": "takes audio",
    "tools": "calls tools",
    "json_schema": "keeps to a JSON schema",
}


class MatrixRow(Struct, frozen=True):
    """A model, or the whole account, and a cell for each column; None where nothing limits it."""

    name: str
    is_default: bool
    pill: Pill | None
    cells: Sequence[Left | None]


class Matrix(Struct, frozen=True):
    """What is left, by model and window."""

    spans: Sequence[Span]
    rows: Sequence[MatrixRow]
    resets_at: float | None
    more: int

    @property
    def heads(self) -> list[str]:
        """Of the columns."""
        return [span_words(span).capitalize() for span in self.spans]


class Ability(Struct, frozen=True):
    """Something that a model can do."""

    icon: str
    name: str


class ModelRow(Struct, frozen=True):
    """A model of the catalogue, and how it does with this key. `answers`: of the last days, None where nobody counted."""

    row: ProviderModel
    live: Model | None
    abilities: list[Ability]
    pill: Pill | None
    answers: int | None = None

    @property
    def first_byte_ms(self) -> float | None:
        """The moving average."""
        return self.live.first_byte_ms if self.live else None


class LimitRow(Struct, frozen=True):
    """A limit. `declared`: what the catalogue says, None where it says nothing; `limit`: what is in force, 0 for unlimited. `why`: the
    evidence of what was learnt, in a sentence."""

    scope: str
    span: Span
    limit: int
    source: str
    is_declared: bool = False
    declared: int | None = None
    at: datetime | None = None
    evidence: LimitEvidence | None = None
    why: str = ""

    @property
    def words(self) -> str:
        """requests a day."""
        return span_words(self.span)


class Limits(Struct, frozen=True):
    """Those that are not the catalogue's, then those of the account and of its default model. `more`: the catalogue's that are left out."""

    rows: Sequence[LimitRow]
    more: int


class Mishap(Struct, frozen=True):
    """Failures of one kind, of one model: the latest, and how many there were."""

    at: datetime
    what: str
    status: int | None
    model: str
    then: str
    times: int


def matrix_of(reading: Reading) -> Matrix:
    """The widest spread of windows that fits: requests before tokens, long ones before short ones."""
    windows = [*reading.shared, *(left for model in reading.models for left in model.windows)]
    spans = sorted({left.window.span for left in windows if left.window.metric != "money"}, key=_order)[
        :MOST_SPANS
    ]
    rows = [] if not reading.shared else list(_shared_rows(reading, spans))
    chosen = [model for model in reading.models if model.is_chosen and (model.windows or model.state.reason)]
    chosen.sort(key=lambda model: (not model.is_default, model.facts.name))
    rows += [_model_row(model, spans) for model in islice(chosen, MOST_MODELS)]
    resets = {left.resets_at for left in windows if left.resets_at and left.window.period == "day"}
    return Matrix(spans, rows, min(resets, default=None), max(0, len(chosen) - MOST_MODELS))


def models_of(
    provider: Provider, reading: Reading | None, answers: Mapping[str, int], *, all_of_them: bool
) -> list[ModelRow]:
    """Those that are enabled in the catalogue, or all that have not vanished: the enabled ones first."""
    live = {model.facts.name: model for model in (reading.models if reading else ())}
    rows = provider.models.filter(vanished_at=None).order_by("-enabled", "task", "name")
    return [
        ModelRow(
            row,
            found := live.get(row.name),
            [Ability(ICONS[name], NAMES.get(name, name)) for name in ICONS if name in row.capabilities],
            closed_pill(found.state) if found and found.state.reason else None,
            answers.get(row.name, 0),
        )
        for row in (rows if all_of_them else rows.filter(enabled=True))
    ]


def limits_of(credential: Credential, reading: Reading | None) -> Limits:
    """All that is in force, with who says so; without a reading, what the user set and what the provider told. One query."""
    told = {(row.model, Span(row.metric, row.period)): row for row in credential.evidence.all()}
    in_force = list(_in_force(credential, reading, told)) if reading else []
    known = {(row.scope, row.span) for row in in_force}
    others = [row for row in _said(credential, told) if (row.scope, row.span) not in known]
    own = [row for row in in_force if not row.is_declared]
    default = credential.default_model or credential.provider.default_model
    declared = [row for row in in_force if row.is_declared]
    first = [row for row in declared if row.scope in (WHOLE_ACCOUNT, default)][:MOST_DECLARED]
    return Limits([*own, *others, *first], len(declared) - len(first))


def _in_force(
    credential: Credential, reading: Reading, told: Mapping[tuple[str, Span], LimitEvidence]
) -> Iterable[LimitRow]:
    facts = CATALOGUE.value.providers.get(credential.provider.name)
    if facts is None:
        return
    windows: list[tuple[str, Sequence[Limit], Left]] = [("", (), left) for left in reading.shared]
    windows += [
        (model.facts.name, model.facts.limits, left)
        for model in reading.models
        if model.is_chosen
        for left in model.windows
    ]
    for model, own, left in windows:
        window = left.window
        limit = declared_for(window, model, own, facts.scheme)
        part = part_of(window.scope)
        evidence = told.get((model, window.span))
        yield LimitRow(
            part.name or WHOLE_ACCOUNT,
            window.span,
            window.limit,
            SOURCES.get(left.source or "declared", ""),
            is_declared=left.source in (None, "declared") and evidence is None,
            declared=limit.limit if limit else None,
            at=evidence.at if evidence else credential.updated_at if left.source == "override" else None,
            evidence=evidence,
            why=why(left.lesson, reading.at) if left.lesson else "",
        )


def _said(credential: Credential, told: Mapping[tuple[str, Span], LimitEvidence]) -> list[LimitRow]:
    """What the user set, and what the provider told, in force or not."""
    short = {name: getattr(credential, name) for name in SHORT_FIELDS}
    own = Overrides.of(validate_limits(credential.limits), short).by_span
    at = credential.updated_at
    set_by_user = [
        LimitRow(WHOLE_ACCOUNT, span, limit, SOURCES["override"], at=at) for span, limit in own.items()
    ]
    return [
        *set_by_user,
        *(
            LimitRow(
                model or WHOLE_ACCOUNT, span, row.limit, row.get_source_display(), at=row.at, evidence=row
            )
            for (model, span), row in told.items()
        ),
    ]


def mishaps_of(user_id: int, provider: str) -> list[Mishap]:
    """Of the last day, the latest first."""
    wanted = Selection(
        user_id=user_id,
        since=timezone.now() - ERRORS_SINCE,
        values={"provider": [provider], "outcome": ["error"]},
    )
    grouped: dict[tuple[str, str, int | None], list[datetime]] = {}
    for row in page(wanted, LOOKED_AT).rows:
        grouped.setdefault((row.error_kind, row.model, row.upstream_status), []).append(row.at)
    return [
        Mishap(times[0], happened(kind), status, model, then(kind), len(times))
        for (kind, model, status), times in islice(grouped.items(), MOST_ERRORS)
    ]


def _shared_rows(reading: Reading, spans: Sequence[Span]) -> Iterable[MatrixRow]:
    scopes = dict.fromkeys(left.window.scope for left in reading.shared)
    for scope in scopes:
        by_span = {left.window.span: left for left in reading.shared if left.window.scope == scope}
        name = WHOLE_ACCOUNT if scope == reading.account else scope.partition("&")[2]
        if not by_span.keys().isdisjoint(spans):
            yield MatrixRow(name, False, None, [by_span.get(span) for span in spans])


def _model_row(model: Model, spans: Sequence[Span]) -> MatrixRow:
    by_span = {left.window.span: left for left in model.windows}
    told_below = model.state.reason == "quota"  # by its windows, which say until when
    pill = closed_pill(model.state) if model.state.reason and not told_below else None
    return MatrixRow(model.facts.name, model.is_default, pill, [by_span.get(span) for span in spans])


def _order(span: Span) -> tuple[bool, bool, int]:
    length = 0 if span.period in (ONCE, "") or span.metric == "concurrency" else seconds(span.period)
    return span.metric != "requests", span.metric != "tokens", -length
