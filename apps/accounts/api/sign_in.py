"""`/api/auth`: signing in and out, and who one is."""

from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.middleware.csrf import get_token, rotate_token
from rest_framework import serializers, status
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import cookies, sign_in
from apps.accounts.api.errors import NotSignedIn, Throttled
from apps.accounts.api.serializers import MAX_PASSWORD
from apps.accounts.authentication import BEARER, CookieAuthentication
from apps.accounts.throttle import TooManyAttemptsError
from apps.core.api import StrictSerializer
from apps.core.roles import role

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from apps.accounts.jwts import Pair

MAX_TOKEN = 4096


class LoginForm(StrictSerializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=MAX_PASSWORD, trim_whitespace=False)


class RefreshForm(StrictSerializer):
    """`refresh` is for those who keep no cookies."""

    refresh = serializers.CharField(max_length=MAX_TOKEN, required=False)


class OwnAuthentication(APIView):
    """A route that looks at the credentials itself."""

    authentication_classes = []
    permission_classes = [AllowAny]


class Status(APIView):
    """GET, for everybody: whether one is signed in. Credentials that open nothing are none here. Sets the CSRF cookie."""

    permission_classes = [AllowAny]

    def perform_authentication(self, request: Request) -> None:
        try:
            super().perform_authentication(request)
        except (AuthenticationFailed, PermissionDenied):
            request.user = AnonymousUser()

    def get(self, request: Request) -> Response:
        get_token(request._request)
        user = request.user
        signed_in = user.is_authenticated
        return Response(
            {
                "authenticated": signed_in,
                "username": user.get_username() if signed_in else None,
                "role": role(user) if signed_in else None,
            },
            headers={"Cache-Control": "no-store"},
        )


class Login(OwnAuthentication):
    """POST name and password: both tokens, in the answer and as cookies. 401 and 429 tell nothing about the name."""

    def post(self, request: Request) -> Response:
        from apps.accounts import jwts  # late: see there

        form = LoginForm(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            user = sign_in.check(
                request._request, form.validated_data["username"], form.validated_data["password"]
            )
        except TooManyAttemptsError as error:
            raise Throttled(error) from None
        if user is None:
            raise NotSignedIn
        user_logged_in.send(sender=type(user), request=request._request, user=user)
        return signed_in(request, jwts.issue(user))


class Refresh(OwnAuthentication):
    """POST: the next pair for the refresh token, which is used up. From the cookie it takes a CSRF token."""

    def post(self, request: Request) -> Response:
        from apps.accounts import jwts  # late: see there

        form = RefreshForm(data=request.data)
        form.is_valid(raise_exception=True)
        raw = form.validated_data.get("refresh")
        if raw is None:
            raw = cookies.sent(request._request, cookies.REFRESH)
            if not raw:
                raise NotSignedIn("There is no refresh token, neither as a cookie nor in the body.")
            CookieAuthentication().enforce_csrf(request)
        try:
            _, pair = jwts.renew(raw)
        except jwts.InvalidTokenError as error:
            raise NotSignedIn(str(error)) from None
        return signed_in(request, pair)


class Logout(OwnAuthentication):
    """POST: close the tokens that were sent and the admin site's session, and forget the cookies."""

    def post(self, request: Request) -> Response:
        from apps.accounts import jwts  # late: see there

        form = RefreshForm(data=request.data)
        form.is_valid(raise_exception=True)
        kept = [cookies.sent(request._request, name) for name in (cookies.ACCESS, cookies.REFRESH)]
        given = [_bearer(request), form.validated_data.get("refresh", "")]
        has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
        if not any([*kept, *given, has_session]):
            raise NotSignedIn("There is nothing to sign out of.")
        if any(kept) or has_session:
            CookieAuthentication().enforce_csrf(request)
        jwts.revoke(*filter(None, [*kept, *given]))
        logout(request._request)
        response = Response(status=status.HTTP_204_NO_CONTENT)
        cookies.clear(response)
        return response


class Me(APIView):
    """GET: the user whom the credentials speak for, and what they may."""

    def get(self, request: Request) -> Response:
        user = cast("User", request.user)
        return Response(
            {
                "id": user.pk,
                "username": user.get_username(),
                "email": user.email,
                "role": role(user),
                "is_staff": user.is_staff,
                "groups": sorted(user.groups.values_list("name", flat=True)),
                "permissions": sorted(user.get_all_permissions()) if user.is_staff else [],
            }
        )


def signed_in(request: Request, pair: "Pair") -> Response:
    """Both tokens, in the answer and as cookies."""
    rotate_token(request._request)
    body: dict[str, Any] = pair._asdict()
    response = Response(body, headers={"Cache-Control": "no-store"})
    cookies.put(response, pair)
    return response


def _bearer(request: Request) -> str:
    scheme, _, raw = get_authorization_header(request).partition(b" ")
    return raw.strip().decode("latin-1") if scheme.lower() == BEARER else ""
