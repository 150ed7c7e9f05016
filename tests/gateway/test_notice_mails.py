"""The mails by which operators hear of days that end early."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail

from apps.gateway.outlook.delivery import Delivery
from tests.gateway.conftest import USER, Gateway, Limit
from tests.gateway.days import DAY, Time, at_noon, off_loop, rows, used  # noqa: F401 - one is a fixture
from tests.gateway.receiver import taking_mails

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_mail_says_it_in_words(gateway: Gateway, time: Time, settings: Any):
    settings.EMAIL_HOST = "mail.test"
    gateway.add("groq", limits=DAY)
    gateway.configure(notice_mail="ops@example.com")
    await off_loop(lambda: get_user_model().objects.create(pk=USER, username="ada"))
    await used(gateway, 60, time)
    made = Delivery(gateway.runtime)

    await made.turn()
    await made.turn()
    await made.aclose()

    (sent,) = mail.outbox
    assert sent.to == ["ops@example.com"]
    assert sent.subject == "FreeAI: groq runs out at 2026-01-15 12:40 UTC (requests/day)"
    assert sent.body.startswith("Account: ada at groq\nQuota: 60 of 100 used (requests/day)\n\n")
    assert "used up at about 2026-01-15 12:40 UTC, and it comes back at 2026-01-16 00:00 UTC." in sent.body


async def test_a_mail_goes_through_a_real_server(gateway: Gateway, time: Time, settings: Any):
    gateway.add("groq", limits=DAY)
    gateway.configure(notice_mail="ops@example.com")
    await used(gateway, 60, time)
    made = Delivery(gateway.runtime)
    async with taking_mails() as sink:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port

        await made.turn()
        await made.aclose()

    (row,) = await rows()
    (letter,) = sink.mails
    assert row.done_at is not None
    assert "To: ops@example.com" in letter
    assert f"Message-ID: <{row.identity}@freeai>" in letter


async def test_a_mail_server_that_is_away_is_tried_again(gateway: Gateway, time: Time, settings: Any):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    gateway.add("groq", limits=DAY)
    gateway.configure(notice_mail="ops@example.com")
    await used(gateway, 60, time)
    made = Delivery(gateway.runtime)

    await made.turn()
    await made.aclose()

    (row,) = await rows()
    assert (row.tries, row.done_at) == (1, None)
    assert row.error.startswith("ConnectionRefusedError")


async def test_names_of_models_and_users_break_no_line(gateway: Gateway, time: Time, settings: Any):
    settings.EMAIL_HOST = "mail.test"
    evil = "m\r\nBcc: all@example.com\x00 gsk_0123456789abcdef"
    gateway.add("groq", evil, limits=[Limit("requests", "day", 100, each=True)])
    gateway.configure(notice_mail="ops@example.com")
    await used(gateway, 60, time)
    made = Delivery(gateway.runtime)

    await made.turn()
    await made.aclose()

    (sent,) = mail.outbox
    assert "\nBcc" not in sent.body
    assert "\x00" not in sent.body
