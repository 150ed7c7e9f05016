"""Who may use `/api` beside the holders of admin tokens: a signed-in user, by token or by the admin site's session."""

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from apps.accounts import cookies

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from rest_framework.request import Request

BEARER = b"bearer"
CLIENT_KEY = b"fai_"
ADMIN_TOKEN = b"fai_admin_"


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`. A wrong one is refused, not ignored."""

    def authenticate(self, request: "Request") -> "tuple[User, None] | None":
        """None without the header. Raises AuthenticationFailed."""
        scheme, _, raw = get_authorization_header(request).partition(b" ")
        if scheme.lower() != BEARER:
            return None
        if raw.strip().startswith(ADMIN_TOKEN):
            raise AuthenticationFailed("This is an admin token: send it as X-Admin-Token, without Bearer.")
        if raw.strip().startswith(CLIENT_KEY):
            raise AuthenticationFailed(
                "This is a client key, which opens /v1. /api takes the access token of a sign-in as Bearer, or X-Admin-Token."
            )
        return _user_of(raw.strip()), None

    def authenticate_header(self, request: "Request") -> str:
        """The challenge of a 401."""
        return 'Bearer realm="api"'


class CookieAuthentication(SessionAuthentication):
    """The access token in its cookie, with a CSRF token on unsafe methods."""

    def authenticate(self, request: "Request") -> "tuple[User, None] | None":
        """None without the cookie, or with one that has ended beside a session. Raises AuthenticationFailed, PermissionDenied."""
        raw = cookies.sent(request._request, cookies.ACCESS)
        if not raw:
            return None
        try:
            user = _user_of(raw.encode("utf-8", "surrogatepass"))
        except AuthenticationFailed:
            if settings.SESSION_COOKIE_NAME in request.COOKIES:
                return None
            raise
        self.enforce_csrf(request)
        return user, None

    def authenticate_header(self, request: "Request") -> str:
        """The challenge of a 401."""
        return 'Bearer realm="api"'


def _user_of(raw: bytes) -> "User":
    from apps.accounts import jwts  # late: see there

    try:
        return jwts.user_of(raw)
    except jwts.InvalidTokenError as error:
        raise AuthenticationFailed(str(error)) from None
