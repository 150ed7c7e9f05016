"""Notices that a day ends early: noted in the database, one a window, day and channel, and delivered from there.

What was noted is delivered by whichever process comes first, tried a few times, and forgotten when there is more quota again. A receiver
that is slow or away delays nothing but its own notices. Nothing is sent until an operator says where to (`app_config`).
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.db import transaction

from apps.core.ids import uuid7
from apps.gateway.config import Config
from apps.gateway.models import MAX_WINDOW, Notice
from apps.gateway.outlook import messages
from apps.gateway.outlook.endings import Ending

log = structlog.get_logger("freeai.notices")

WEBHOOK: Final = "webhook"
MAIL: Final = "mail"
MOST_TRIES: Final = 5
PAUSES_S: Final = (60, 120, 240, 480, 960)
"""After the first try, the second and so on."""
AT_ONCE: Final = 20
"""That are delivered in one turn."""
MOST_A_DAY: Final = 200
KEEP: Final = timedelta(days=7)


def channels(config: Config) -> tuple[str, ...]:
    """By which an operator wants to hear, of those that this process can use."""
    wanted = (
        (WEBHOOK, config.notice_url and settings.FREEAI_NOTICE_SECRET),
        (MAIL, config.notice_mail and settings.EMAIL_HOST),
    )
    return tuple(channel for channel, usable in wanted if usable)


@transaction.atomic
def note(endings: Sequence[Ending], by: Collection[str], now: float) -> None:
    """Note what is not noted yet, up to MOST_A_DAY, and forget what is a week old. Raises DatabaseError."""
    at = datetime.fromtimestamp(now, UTC)
    Notice.objects.filter(day__lt=at.date() - KEEP).delete()
    recent = Notice.objects.filter(day__gte=at.date() - timedelta(days=1))
    noted = set(recent.values_list("window", "day", "channel"))
    names = _names({ending.user_id for ending in endings})
    rows = [
        Notice(
            window=_column(ending),
            day=ending.day,
            channel=channel,
            identity=uuid7(),
            told=messages.facts(ending, names.get(ending.user_id, ""), now),
            until=datetime.fromtimestamp(ending.over_at, UTC),
            next_try_at=at,
        )
        for ending in endings
        for channel in by
        if (_column(ending), ending.day, channel) not in noted
    ]
    room = max(0, MOST_A_DAY * len(by) - len(noted))
    if len(rows) > room:
        log.warning("notices.too_many", most_a_day=MOST_A_DAY, left_out=len(rows) - room)
    Notice.objects.bulk_create(rows[:room], ignore_conflicts=True)


def _column(ending: Ending) -> str:
    """The window's key as the column takes it: a group may be called by any number of patterns."""
    key = ending.quota.window.key.replace("\0", "\ufffd")
    return key if len(key) <= MAX_WINDOW else sha256(key.encode()).hexdigest()


def _names(users: Collection[int]) -> dict[int, str]:
    return dict(get_user_model().objects.filter(pk__in=users).values_list("pk", "username"))


def claim(by: Collection[str], now: float) -> list[Notice]:
    """The notices whose turn it is, up to AT_ONCE, each for this process alone until its next try. Raises DatabaseError."""
    at = datetime.fromtimestamp(now, UTC)
    due = Notice.objects.filter(
        channel__in=by, done_at=None, tries__lt=MOST_TRIES, next_try_at__lte=at, until__gt=at
    ).order_by("next_try_at")[:AT_ONCE]
    return [notice for notice in due if _is_ours(notice, at)]


def _is_ours(notice: Notice, at: datetime) -> bool:
    pause = timedelta(seconds=PAUSES_S[notice.tries])
    won = Notice.objects.filter(pk=notice.pk, tries=notice.tries).update(
        tries=notice.tries + 1, next_try_at=at + pause
    )
    notice.tries += won
    return won == 1


def settle(notice: Notice, error: str, now: float) -> None:
    """Note how a try ended, `error` "" for well. Raises DatabaseError."""
    done_at = None if error else datetime.fromtimestamp(now, UTC)
    Notice.objects.filter(pk=notice.pk).update(done_at=done_at, error=error[:300])


def send_mail(notice: Notice, address: str) -> None:
    """Raises OSError, of which smtplib's exceptions are."""
    mail = EmailMessage(messages.subject(notice.told), messages.text(notice.told), to=[address])
    mail.extra_headers["Message-ID"] = f"<{notice.identity}@freeai>"
    mail.send()
