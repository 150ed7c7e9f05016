"""What `FREEAI_*` variables may hold, value by value."""

import base64
from pathlib import Path

import pytest

from apps.core import master_keys
from freeai import values

KEYS = [base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in (1, 2)]
token = values.token(16)
port = values.whole_number(0, 65_535)
level = values.one_of(["debug", "info"])

GOOD = [
    (values.yes_or_no, "YES", True),
    (values.yes_or_no, "off", False),
    (port, "0", 0),
    (port, "65535", 65_535),
    (values.state, "memory", "memory"),
    (values.state, "rediss://user:pass@host:6380/2", "rediss://user:pass@host:6380/2"),
    (level, "Debug", "debug"),
    (token, "a-token_1~!-long", "a-token_1~!-long"),
    (values.secret_key, "of any words, " * 3, "of any words, " * 3),
    (values.scopes, "openid  groups", ["openid", "groups"]),
    (master_keys.parse, f"{KEYS[0]} ,{KEYS[1]},", KEYS),
    (values.directory, "/a/../b", Path("/b")),
    (values.host, "localhost", "localhost"),
    (values.host, "10.0.0.1", "10.0.0.1"),
    (values.host, "::1", "::1"),
    (values.host, "[::1]", "::1"),
    (
        values.allowed_hosts,
        "example.com, .example.org,*,[::1],10.0.0.1",
        ["example.com", ".example.org", "*", "[::1]", "10.0.0.1"],
    ),
    (values.public_url, "https://example.com", "https://example.com"),
    (values.public_url, "http://[::1]:8000/", "http://[::1]:8000"),
    (values.origins, "*", frozenset({"*"})),
    (
        values.origins,
        "https://chat.example.com, http://localhost:3000,app://obsidian.md,http://[::1]:80",
        frozenset(
            {"https://chat.example.com", "http://localhost:3000", "app://obsidian.md", "http://[::1]:80"}
        ),
    ),
    (values.redis_url, "redis://localhost", "redis://localhost"),
    (values.redis_url, "rediss://user:pass@host:6380/2", "rediss://user:pass@host:6380/2"),
]

BAD = [
    (
        values.origins,
        [
            ",",
            "chat.example.com",
            "https://chat.example.com/",
            "https://chat.example.com/page",
            "https://Chat.example.com",
            "https://*.example.com",
            "null",
            "https://a b",
            "*, x",
        ],
    ),
    (values.yes_or_no, ["2", "ja", "-"]),
    (port, ["-1", "65536", "8000.0", "0x10", "1_000", "٣", "9" * 5000, "http"]),
    (level, ["verbose", "info,debug", "20"]),
    (
        token,
        ["two words and more", "päss" * 8, "a\tb" * 8, "a\nb" * 8, "short", "s" * 15, "s" * 64, "abcd" * 16],
    ),
    (values.secret_key, ["short", "s" * 31, "s" * 64, "abcd" * 16]),
    (values.scopes, ["profile", "open id", "OpenID"]),
    (master_keys.parse, [",", "short", f"{KEYS[0]},short", KEYS[0][:-2], "ä" * 44]),
    (
        values.host,
        ["http://localhost", "localhost:8000", "a b", "[localhost]", "[::1", "1::2::3", "-a", "a/b", ".a"],
    ),
    (
        values.allowed_hosts,
        [
            ",",
            "https://example.com",
            "example.com:8000",
            "example.com/path",
            "::1",
            "[::1]:80",
            "a b",
            "*.example.com",
        ],
    ),
    (
        values.public_url,
        [
            "example.com",
            "ftp://example.com",
            "https://",
            "https:/example.com",
            "https://example.com/freeai",
            "https://example.com?x=1",
            "https://example.com#x",
            "https://user:pw@example.com",
            "https://example.com:port",
            "https://example.com:0",
            "https://example.com:",
            "https://exam ple.com",
            "https://[::1",
        ],
    ),
    (values.mail_address, ["ada", "ada@", "ada@example", "ada@example.com\nBcc: eve@example.com"]),
    (
        values.mail_url,
        [
            "mail.example.com",
            "mail.example.com:25",
            "imap://mail.example.com",
            "smtp://",
            "smtp://mail.example.com:port",
            "smtp://mail.example.com/box",
            "smtp://mail.example.com?tls",
            "smtp://ada:pass word@mail.example.com",
        ],
    ),
    (
        values.redis_url,
        [
            "localhost:6379",
            "http://localhost",
            "redis://",
            "redis://localhost:port",
            "redis://localhost/name",
            "redis://localhost/0#x",
            "unix:///run/redis.sock",
        ],
    ),
    (
        values.database_url,
        [
            "freeai.sqlite3",
            "/var/lib/freeai.sqlite3",
            "mysql://user:pass@host/name",
            "oracle://host/name",
            "postgres://",
            "postgres://host",
            "postgres://host/",
            "postgres://host:port/name",
            "postgres://user:pa/ss@host/name",
            "postgres://user:pa ss@host/name",
            "sqlite://",
            "sqlite://:memory:",
            "sqlite:///:memory:",
            "sqlite://relative/path",
        ],
    ),
]


@pytest.mark.parametrize(("parse", "text", "value"), GOOD)
def test_good_values_are_taken(parse, text: str, value):
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text"), [(parse, text) for parse, texts in BAD for text in texts])
def test_bad_values_are_refused_in_a_sentence(parse, text: str):
    with pytest.raises(ValueError, match=r"\.\Z") as refused:
        parse(text)

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "parse",
    [
        values.database_url,
        values.redis_url,
        values.state,
        token,
        values.secret_key,
        master_keys.parse,
        values.mail_url,
    ],
)
def test_what_may_be_a_secret_is_not_quoted(parse):
    with pytest.raises(ValueError, match=r"\.\Z") as refused:
        parse("https://user:s3cret word@host")

    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        (
            "postgres://ada:p%40ss@db:5433/free",
            {"HOST": "db", "PORT": 5433, "NAME": "free", "PASSWORD": "p@ss"},
        ),
        (
            "postgresql:///free?sslmode=require",
            {"HOST": "", "NAME": "free", "OPTIONS": {"sslmode": "require"}},
        ),
        (
            "sqlite:////var/lib/free.sqlite3",
            {"ENGINE": "django.db.backends.sqlite3", "NAME": "/var/lib/free.sqlite3"},
        ),
    ],
)
def test_database_urls_become_django_settings(url: str, fields: dict):
    assert fields.items() <= values.database_url(url).items()


@pytest.mark.parametrize(("host", "in_url"), [("::1", "[::1]"), ("example.com", "example.com")])
def test_ipv6_stands_in_brackets_in_a_url(host: str, in_url: str):
    assert values.bracketed(host) == in_url


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://localhost", values.MailServer("localhost", 25)),
        ("smtps://mail.example.com", values.MailServer("mail.example.com", 465, use_ssl=True)),
        (
            "smtp+tls://ada%40example.com:p%40ss@mail.example.com",
            values.MailServer("mail.example.com", 587, "ada@example.com", "p@ss", use_tls=True),
        ),
        ("smtp+tls://mail.example.com:2525", values.MailServer("mail.example.com", 2525, use_tls=True)),
    ],
)
def test_mail_servers_are_taken_apart(url: str, server: values.MailServer):
    assert values.mail_url(url) == server
