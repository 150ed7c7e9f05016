"""The quota windows of a client key: what counts its requests and tokens, over which length. Pure."""

from collections.abc import Mapping
from typing import Final

from apps.core.state.contract import Kind, Window
from apps.core.state.keys import Metric, Span, client_key

REQUESTS: Final[Metric] = "requests"
CLIENT_TOKENS: Final[Metric] = "client_tokens"
"""A metric of its own: one claim takes of it and of the provider's tokens, and rarely as much of both."""
WORDS: Final[Mapping[Metric, str]] = {CLIENT_TOKENS: "tokens"}
"""How people are told of a metric, where its own name is not how."""
KINDS: Final[Mapping[str, Kind]] = {"minute": "rolling", "day": "fixed"}
"""A fixed minute would let twice the limit through around its boundary. A day is UTC's: its usage is one sum of the ledger at a start."""
SPANS: Final[Mapping[str, Span]] = {
    "rpm_limit": Span(REQUESTS, "minute"),
    "rpd_limit": Span(REQUESTS, "day"),
    "tpm_limit": Span(CLIENT_TOKENS, "minute"),
    "tpd_limit": Span(CLIENT_TOKENS, "day"),
}
"""What each column of a key limits."""


def windows_of(user_id: int, client_id: int, limits: Mapping[Span, int]) -> tuple[Window, ...]:
    """Those that limit anything."""
    scope = client_key(user_id, client_id)
    return tuple(
        Window.of(scope, span, limit, kind=KINDS[span.period]) for span, limit in limits.items() if limit
    )


def token_windows(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    """Those that an attempt takes its tokens from."""
    return tuple(window for window in windows if window.metric == CLIENT_TOKENS)
