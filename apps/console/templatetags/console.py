"""What the pages are made of, for templates. Everything that comes in is escaped."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from django import template
from django.contrib.admin.templatetags.admin_list import result_headers, results
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from apps.console import words
from apps.console.navigation import Entry
from apps.console.quota_words import period_words, span_words
from apps.console.traffic.shapes import Chart

register = template.Library()

SHEETS: Final = tuple(
    f"console/{name}.css"
    for name in ("fonts", "tokens", "frame", "parts", "charts", "forms", "lists", "narrow")
)
TONES: Final = {"success": "ok", "warning": "warn", "error": "bad"}
TONE_ICONS: Final = {"success": "okc", "warning": "alert", "error": "badc"}
MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
BOOLEAN = re.compile(r"<img src=\"[^\"]*icon-[a-z]+\.svg\" alt=\"(?P<alt>[A-Za-z]+)\">")
CELL = re.compile(r"<(?P<tag>td|th)(?: class=\"(?P<classes>[^\"]*)\")?>(?P<inner>.*)</(?P=tag)>", re.DOTALL)

register.filter("count", words.count)
register.filter("short", words.short)
register.filter("duration", words.duration)
register.filter("dollars", words.dollars)
register.filter("dollars_short", words.price)
register.filter("length_of_time", words.length)
register.filter("cut", words.cut)
register.filter("monogram", words.monogram)
register.filter("span_words", span_words)
register.filter("period_words", period_words)


PLAIN: Final = {
    "day": "%d %b %Y",
    "date": "%d %b",
    "mark": "%H:%M",
    "hm": "%d %b, %H:%M",
    "far": "%a %d %b, %H:%M",
}
"""Where no script prints times."""


@register.inclusion_tag("console/document_head.html")
def document_head() -> dict[str, object]:
    """What stands in the head of every page."""
    return {"sheets": SHEETS}


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """One of the sprite's."""
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="#i-{}"/></svg>', f"ico {classes}".strip(), name
    )


@register.filter
def tone(level: str) -> str:
    """The tone of a message of a level."""
    return TONES.get(level, "info")


@register.filter
def tone_icon(level: str) -> str:
    """The icon beside a message of a level."""
    return TONE_ICONS.get(level, "info")


@register.simple_tag
def when(at: datetime | float | None, form: str = "near") -> SafeString | str:
    """A time that the viewer's browser prints in its zone: near ("12 s ago", "in 3 h"), clock, hm (as short as a time of the next days can
    be), far, mark (hours and minutes alone), date (without a year), or day."""
    if at is None:
        return words.UNKNOWN
    moment = words.moment(at) if isinstance(at, int | float) else at.astimezone(UTC)
    plain = moment.strftime(PLAIN.get(form, "%d %b, %H:%M:%S"))
    stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    zone = "" if form in ("date", "mark") else " UTC"
    return format_html('<time datetime="{}" data-as="{}">{}{}</time>', stamp, form, plain, zone)


@register.simple_tag
def gauge(
    left: int, limit: int, label: str, tone: str = "", held: int = 0, pace: float | None = None
) -> SafeString:
    """What is left of a limit, full is good. `held`: of it, what attempts under way have reserved. `pace`: the share (0 to 1) that would
    be left at an even pace."""
    share, reserved = (
        min(100.0, max(0.0, 100 * part / limit)) if limit else 0.0 for part in (left, min(held, left))
    )
    tick = mark_safe("")
    if pace is not None:
        x = f"{min(99.0, max(0.0, 100 * pace)):.1f}%"
        tick = format_html(
            '<rect class="tb" x="{}" width="4" height="6"/><rect class="t" x="{}" width="2" height="6"/>',
            x,
            x,
        )
    return format_html(
        '<svg class="gauge thin {}" height="6" role="img" aria-label="{}"><rect class="f" width="{}%" height="6"/>'
        '<rect class="h" x="{}%" width="{}%" height="6"/>{}</svg>',
        tone,
        label,
        f"{share:.1f}",
        f"{share - reserved:.1f}",
        f"{reserved:.1f}",
        tick,
    )


@register.inclusion_tag("console/chart.html")
def chart(drawn: Chart, classes: str = "") -> dict[str, object]:
    """A chart, with its figures as a table behind."""
    return {"chart": drawn, "classes": classes}


@register.simple_tag
def bar(share: str) -> SafeString:
    """A share of the largest, in per cent."""
    return format_html(
        '<svg class="hb" height="6" aria-hidden="true"><rect width="{}%" height="6"/></svg>', share
    )


@register.simple_tag
def parts_bar(base: float, clauses: float) -> SafeString:
    """What a score is made of, in percent of the widest one. The figures stand beside it."""
    return format_html(
        '<svg class="parts" height="10" aria-hidden="true"><rect class="p2" width="{}%" height="10"/>'
        '<rect class="p1" x="{}%" width="{}%" height="10"/></svg>',
        base,
        base,
        clauses,
    )


class Crumbs(NamedTuple):
    """Where a page is: its entry in the sidebar, and its own title where it is below that."""

    entry: Entry | None
    title: str


@register.inclusion_tag("console/crumbs.html", takes_context=True)
def crumbs(context: template.RequestContext, title: str = "") -> dict[str, object]:
    """The way to a page."""
    current: Entry | None = context.get("here")
    is_list = current is not None and context["request"].path == current.url
    return {"crumbs": Crumbs(current, "" if is_list else title or "")}


class Cell(NamedTuple):
    """One of a list's, as Django made it: what is in it (safe), and its label for where a table becomes cards."""

    label: str
    classes: str
    inner: str
    is_link: bool


@register.simple_tag
def list_headers(changelist: Any) -> list[dict[str, Any]]:
    """Django's own."""
    return list(result_headers(changelist))


@register.simple_tag
def list_rows(changelist: Any, headers: list[dict[str, Any]]) -> Iterator[list[Cell]]:
    """The rows of a list with their columns' names."""
    labels = [str(header["text"]) for header in headers]
    for row in results(changelist):
        yield [_cell(label, str(item)) for label, item in zip(labels, row, strict=False)]


@register.filter
def times(html: Any) -> SafeString | str:
    """What Django's pages print of a time (`console.formats`), as a time that the viewer's browser prints in its zone."""
    escaped = conditional_escape(html)
    return mark_safe(MOMENT.sub(_moment, escaped))  # noqa: S308 - escaped above, and digits


def _moment(found: "re.Match[str]") -> str:
    return format_html(
        '<time datetime="{}" data-as="clock">{} UTC</time>', found[0], found[0][:-1].replace("T", " ")
    )


def _boolean(found: "re.Match[str]") -> str:
    """Yes and no, as a mark with a word."""
    if found["alt"] == "True":
        return format_html('<span class="ok row">{}yes</span>', icon("check"))
    return '<span class="dim">no</span>' if found["alt"] == "False" else words.UNKNOWN


def _cell(label: str, html: str) -> Cell:
    found = CELL.fullmatch(html.strip())
    if found is None:
        return Cell(label, "", mark_safe(html), False)  # noqa: S308 - Django's
    inner = times(mark_safe(BOOLEAN.sub(_boolean, found["inner"])))  # noqa: S308 - Django's
    return Cell(
        label.capitalize() if label.islower() else label, found["classes"] or "", inner, found["tag"] == "th"
    )
