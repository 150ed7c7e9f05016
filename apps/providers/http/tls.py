"""TLS to upstreams: verified as Python's default context does, HTTP/1.1 alone, and resumed where a session was left."""

import ssl
import time
from typing import Any, Final

MAX_SESSIONS: Final = 256
SESSION_S: Final = 3600.0
"""How long a session counts: when it is resumed, its certificate is not looked at again."""


class ResumingContext(ssl.SSLContext):
    """A context for connections to many hosts, which keeps the latest session of each."""

    _sessions: dict[str, tuple[ssl.SSLSession, float]]

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """See ssl.SSLContext."""
        kept = self._sessions.get(options.get("server_hostname") or "")
        if kept is not None and kept[1] > time.monotonic():
            options["session"] = kept[0]
        return super().wrap_bio(*args, **options)

    def remember(self, connected: ssl.SSLObject) -> None:
        """Keep its session, once an answer has come over it: with TLS 1.3 the tickets come behind the handshake."""
        session, host = connected.session, connected.server_hostname
        if session is None or not host or not session.has_ticket or connected.session_reused:
            return
        if len(self._sessions) >= MAX_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))
        self._sessions[host] = (session, time.monotonic() + min(SESSION_S, session.timeout))


def client_context() -> ResumingContext:
    """Certificates and host names are checked, against the system's authorities."""
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context._sessions = {}
    context.load_default_certs()
    context.set_alpn_protocols(["http/1.1"])
    return context
