"""What needs somebody: each with its evidence, when it mends itself, and the acts that mend it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from msgspec import Struct

from apps.clients.models import ClientKey
from apps.console.navigation import model_list
from apps.console.pool import OFF, OUT, PAUSED, REFUSED, SERVING, Row, rows_of
from apps.console.traffic.kept import keep, kept
from apps.console.words import count, cut, length
from apps.core import roles
from apps.gateway import runtime
from apps.providers.destinations import is_elsewhere, why_elsewhere
from apps.providers.listing.review import points
from apps.providers.models import Credential, ProviderModel
from apps.providers.states import State

SOON: Final = timedelta(days=7)
MOST_KEYS: Final = 3
MOST_GONE: Final = 200
COUNT_S: Final = 30.0
LATE_S: Final = 60.0
"""So long usage events wait for the database before somebody is told."""
ABILITIES: Final = {"vision": "takes images", "tools": "calls tools", "audio": "takes audio"}
EVENTS: Final = model_list("analytics.usageeventrow")


class Act(Struct, frozen=True):
    """What mends it: a link, or a form that is posted."""

    label: str
    url: str
    is_post: bool = False
    is_first: bool = False


class Problem(Struct, frozen=True):
    """`until`: when it mends itself (UTC epoch seconds), with the words before it. `at`: a time behind the title. `stops`: whether some
    requests get an error meanwhile."""

    tone: str
    icon: str
    title: str
    text: str
    acts: Sequence[Act]
    until_words: str = ""
    until: float | None = None
    at: float | None = None
    stops: bool = False


def problems_of(user: User, rows: Sequence[Row]) -> list[Problem]:
    """The user's own, and those of the server for who can do something about it. Two queries."""
    found = [problem for row in rows if row.pill is not OFF and (problem := _of_account(row))]
    found = [*found, *_abilities(rows), *_of_client_keys(user), *_of_server(user)]
    keep(_counted(user), len(found))
    return sorted(found, key=lambda problem: problem.tone != "bad")


def how_many(user: User) -> int:
    """Of them, as of COUNT_S ago at most: for the frame of every page."""
    return kept(_counted(user), lambda: len(problems_of(user, rows_of(user.pk))), COUNT_S)


def _counted(user: User) -> tuple[str, int]:
    return "problems", user.pk


def _of_account(row: Row) -> Problem | None:
    if (problem := _of_address(row)) is not None or row.reading is None:
        return problem
    state = row.reading.state
    until = row.reading.at + state.blocked_for_s if state.blocked_for_s else None
    if state.reason in REFUSED:
        return _refused(row, state, until)
    if state.reason in PAUSED:
        acts = [
            Act("Try now", reverse("admin:reset_account", args=[row.provider.name]), is_post=True),
            _details(row),
        ]
        words = _quoted(state.detail) or "Its attempts failed."
        rest = "Requests go elsewhere. It is tried again"
        return Problem("warn", "alert", f"{row.name} is paused", words, acts, rest, until)
    return _of_quota(row, until)


def _of_address(row: Row) -> Problem | None:
    """The service has ended, or is elsewhere than the key was stored for."""
    if row.provider.ended():
        acts = [Act("Remove the key", reverse("admin:providers_credential_delete", args=[row.credential.pk]))]
        return Problem("bad", "badc", f"{row.name} has ended", cut(row.provider.ended()), acts)
    if is_elsewhere(row.credential):
        acts = [Act("Store the key again", _add_key(row), is_first=True), _details(row)]
        title = f"{row.name} is at another address"
        return Problem("bad", "badc", title, cut(why_elsewhere(row.provider)), acts)
    return None


def _refused(row: Row, state: State, until: float | None) -> Problem:
    again = Act("Test again", reverse("admin:test_key", args=[row.provider.name]), is_post=True)
    rests = "It rests until the key is edited, at the latest until"
    if state.reason == "quarantine":
        title, first = f"{row.name} refuses your key", Act("Replace key", _add_key(row), is_first=True)
    else:
        title, first = f"{row.name}: {row.pill.word.lower()}", _details(row)
    return Problem("bad", "badc", title, _quoted(state.detail), [first, again], rests, until)


def _details(row: Row) -> Act:
    return Act("Details", reverse("admin:account", args=[row.provider.name]))


def _add_key(row: Row) -> str:
    return f"{reverse('admin:add_key')}?provider={row.provider.name}"


def _of_quota(row: Row, until: float | None) -> Problem | None:
    """Out, or out before it begins anew."""
    used_by = Act("See who uses it", f"{reverse(EVENTS)}?provider={row.provider.name}")
    lower = Act("Lower its weight", reverse("admin:providers_credential_change", args=[row.credential.pk]))
    left = f"{count(row.today.left)} of {count(row.today.limit)} {row.today.words} left." if row.today else ""
    outlook = row.outlook
    if (
        row.pill is OUT
        or (outlook is not None and outlook.icon == "clock")
        or (row.reading and row.reading.state.reason)
    ):
        back = (outlook.at if outlook else None) or until or (row.today.resets_at if row.today else None)
        detail = _quoted(row.reading.state.detail) if row.reading else ""
        more = Act("Add another provider", reverse("admin:add_key"))
        words = "It comes back"
        return Problem("warn", "clock", f"{row.name} is out", detail or left, [used_by, more], words, back)
    if outlook is None or outlook.tone != "warn":
        return None
    resets = row.today.resets_at if row.today else None
    title = f"{row.name} runs out at about"
    return Problem("warn", "clock", title, left, [used_by, lower], "It begins anew", resets, at=outlook.at)


def _abilities(rows: Sequence[Row]) -> Iterator[Problem]:
    """What some model of the pool can do, and none that is open, while others serve."""
    if not any(row.pill is SERVING for row in rows):
        return  # which the page says above all
    can: dict[str, bool] = {}
    for row in rows:
        if row.reading is None or row.pill is OFF:
            continue
        is_open = row.pill.tone == "ok"
        for model in row.reading.models:
            if model.is_chosen:
                for ability in ABILITIES.keys() & model.facts.capabilities:
                    can[ability] = can.get(ability, False) or (is_open and model.state.reason is None)
    for ability in sorted(name for name, is_there in can.items() if not is_there):
        acts = [Act("Add a provider", reverse("admin:add_key"), is_first=True)]
        title = f"Nothing {ABILITIES[ability]} now"
        text = "Every model that does is closed or out. Such requests get an error."
        yield Problem("bad", "badc", title, text, acts, stops=True)


def _of_client_keys(user: User) -> Iterator[Problem]:
    now = timezone.now()
    rows = ClientKey.objects.filter(
        user=user, enabled=True, revoked_at=None, expires_at__gt=now, expires_at__lt=now + SOON
    )
    for key in rows.order_by("expires_at")[:MOST_KEYS]:
        acts = [
            Act("Rotate", reverse("admin:rotate_client_key", args=[key.pk])),
            Act("Change its end", reverse("admin:clients_clientkey_change", args=[key.pk])),
        ]
        ends = key.expires_at.timestamp() if key.expires_at else None
        title = f"The client key “{cut(key.name)}” expires"
        yield Problem(
            "warn", "ticket", title, "From then on its application gets 401.", acts, "It ends", ends
        )


def _of_server(user: User) -> Iterator[Problem]:
    """The spool, and models that are gone: of those who can look after them."""
    if roles.is_admin(user) and runtime.is_running():
        writer = runtime.current().writer
        if writer.lag_s() > LATE_S:
            text = (
                f"{count(writer.depth())} usage events wait on disk, the oldest for {length(writer.lag_s())}: the database is away or "
                "too slow. Requests are served, and nothing is lost; figures lag behind."
            )
            yield Problem(
                "bad", "db", "The database takes no usage events", text, [Act("Configuration", _config())]
            )
    if roles.may(user, "change", "providers.providermodel"):
        used = Credential.objects.filter(enabled=True).values("provider")
        gone = ProviderModel.objects.filter(
            vanished_at__gt=timezone.now() - SOON, enabled=True, provider__in=used
        ).select_related("provider")
        if number := sum(point.kind == "vanished" for point in points(gone[:MOST_GONE])):
            acts = [Act("Review", f"{reverse('admin:catalogue_review')}?show=vanished")]
            title = "A model is gone" if number == 1 else f"{count(number)} models are gone"
            text = (
                "Their providers list them no more. No request is sent to one, unless it asks for it by name."
            )
            yield Problem("warn", "cube", f"{title} from the providers’ lists", text, acts)


def _config() -> str:
    return reverse(model_list("gateway.appconfig"))


def _quoted(detail: str) -> str:
    return f"“{cut(detail)}”" if detail else ""
