"""State keys: made and taken apart here and nowhere else.

credential  1:groq                      one user's account at one provider
candidate   1:groq|openai/gpt-oss-20b   one model within it
client      1:client:7                  one user's client key
window      1:groq#requests/day         one window of any of these scopes

All keys of a user begin with their id and a colon, so that a store on several servers can keep them together. A model's name may hold any
character, so keys are taken apart from the end.
"""

from typing import NamedTuple

from apps.core.state.periods import Period

Metric = str
"""What a window counts: "requests", "tokens", or whatever else a claim names."""


class Span(NamedTuple):
    """What a window counts, and over which length. As text "requests/day"."""

    metric: Metric
    period: Period

    def __str__(self) -> str:
        return f"{self.metric}/{self.period}"


class WindowKey(NamedTuple):
    """A window's key taken apart."""

    scope: str
    span: Span


def credential_key(user_id: int, provider: str) -> str:
    """The key of a user's account. A provider's name holds no colon."""
    return f"{user_id}:{provider}"


def provider_of(credential: str) -> str:
    """The provider's name in an account's key."""
    return credential.partition(":")[2]


def candidate_key(credential: str, model: str) -> str:
    """The key of a model within an account."""
    return f"{credential}|{model}"


def belongs(scope: str, credential: str) -> bool:
    """Whether `scope` is the account or one of its candidates."""
    return scope == credential or scope.startswith(f"{credential}|")


def client_key(user_id: int, client_id: int) -> str:
    """The key of a client key. Its second colon keeps it apart from every account."""
    return f"{user_id}:client:{client_id}"


def window_key(scope: str, span: Span) -> str:
    """The key of the window of `scope` over `span`."""
    return f"{scope}#{span}"


def parse_window_key(key: str) -> WindowKey:
    """The inverse of `window_key`."""
    scope, _, span = key.rpartition("#")
    metric, _, period = span.rpartition("/")
    return WindowKey(scope, Span(metric, period))
