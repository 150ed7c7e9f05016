"""State keys: made and taken apart here and nowhere else.

credential  1:groq                      one user's account at one provider
candidate   1:groq|openai/gpt-oss-20b   one model within it
group       1:openrouter&*:free         models within it that share windows
client      1:client:7                  one user's client key
provider    *:groq                      a provider, for all users
window      1:groq#requests/day         one window of any of these scopes

All keys of a user begin with their id and a colon, so that a store on several servers can keep them together. A model's name may hold any
character, so keys are taken apart from the end.
"""

from typing import Final, Literal, NamedTuple

from apps.core.state.periods import Period

Metric = str
"""What a window counts: "requests", "tokens", or whatever else a claim names."""
CONCURRENCY: Final[Metric] = "concurrency"
"""Calls at a time: taken with the others, and given back when the call has ended."""
EVERYBODY: Final = "*:"


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


class Part(NamedTuple):
    """All of an account, a group of its models or one of them, by name."""

    kind: Literal["account", "group", "model"]
    name: str


def credential_key(user_id: int, provider: str) -> str:
    """The key of a user's account. A provider's name holds no colon."""
    return f"{user_id}:{provider}"


def provider_key(provider: str) -> str:
    """The key of a provider itself, whoever asks it."""
    return f"{EVERYBODY}{provider}"


def user_of(credential: str) -> int:
    """The user's id in an account's key."""
    return int(credential.partition(":")[0])


def provider_of(credential: str) -> str:
    """The provider's name in an account's key."""
    return credential.partition(":")[2]


def candidate_key(credential: str, model: str) -> str:
    """The key of a model within an account."""
    return f"{credential}|{model}"


def group_key(credential: str, name: str) -> str:
    """The key of a group of models within an account, of which there are windows only. A provider's name holds no ampersand."""
    return f"{credential}&{name}"


def group_name(group: str) -> str:
    """The name in a group's key."""
    return group.partition("&")[2]


def part_of(scope: str) -> Part:
    """Which part of an account a credential's, a group's or a candidate's key means."""
    for mark in scope:
        if mark == "|":
            return Part("model", scope.partition("|")[2])
        if mark == "&":
            return Part("group", group_name(scope))
    return Part("account", "")


def account_of(scope: str) -> str:
    """The key of the account that a credential's, a group's or a candidate's key is of."""
    for place, mark in enumerate(scope):
        if mark in "|&":
            return scope[:place]
    return scope


def belongs(scope: str, owner: str) -> bool:
    """Whether `scope` is the account `owner` or one of its candidates; where `owner` is a provider, any account of it or a candidate of
    one."""
    if owner.startswith(EVERYBODY):
        scope, owner = provider_of(scope), provider_of(owner)
    return scope == owner or scope.startswith(f"{owner}|")


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
