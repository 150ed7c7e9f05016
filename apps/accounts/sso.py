"""Single sign-on by OpenID Connect, on django-allauth: code flow with PKCE, no page of its own. Installed only where it is configured.

An account of the identity provider gets a user of its own, found again by its `sub`. It never takes over a user that is there: neither a
name nor an address proves that both are the same person. Groups make staff and members of Django's groups; superusers are made by hand.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.core.addresses import client_address

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin

log = structlog.get_logger("freeai.sign_in")

FAILED = "Single sign-on did not work. Try again, or ask who runs this installation: the log says why."
INACTIVE = "Your account here is inactive."
MAX_GROUPS = 10_000


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """What allauth asks of accounts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """There is no other way to sign up."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """To the admin site, which shows everybody what is theirs."""
        return "/admin/"

    get_signup_redirect_url = get_login_redirect_url  # a first sign-in is one

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Back to the sign-in page."""
        log.warning("sso.inactive", user_id=user.pk, address=client_address(request))
        return _back(request, INACTIVE)


class SocialAccounts(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """What allauth asks of accounts of the identity provider."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: "SocialLogin") -> bool:
        """Whom the identity provider lets in is its operator's choice."""
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: "SocialLogin") -> None:
        """Raises ImmediateHttpResponse where the two answers of the provider speak of different people."""
        answers = sociallogin.account.extra_data
        subjects = {answer.get("sub") for answer in answers.values() if isinstance(answer, dict)}
        if len(subjects) != 1:
            log.error("sso.failed", reason="the id token and the user info name different subjects")
            raise ImmediateHttpResponse(_back(request, FAILED))
        sociallogin.email_addresses = []  # allauth would keep, compare and confirm them: nothing here goes by address
        if sociallogin.is_existing:
            apply_groups(sociallogin.user, claims_of(answers))

    def save_user(self, request: HttpRequest, sociallogin: "SocialLogin", form: None = None) -> User:
        """A first sign-in."""
        user: User = super().save_user(request, sociallogin, form)
        apply_groups(user, claims_of(sociallogin.account.extra_data))
        log.info("sso.new_user", user_id=user.pk, address=client_address(request))
        return user

    def on_authentication_error(
        self, request: HttpRequest, provider: object, error: Any = None, exception: Any = None, **_: object
    ) -> None:
        """Raises ImmediateHttpResponse: back to the sign-in page."""
        reason = type(exception).__name__ if exception else str(error)
        log.error("sso.failed", reason=reason, address=client_address(request))
        raise ImmediateHttpResponse(_back(request, FAILED))


def claims_of(answers: Mapping[str, Any]) -> dict[str, Any]:
    """What the id token and the user info say together."""
    return {**answers.get("id_token", {}), **answers.get("userinfo", {})}


def apply_groups(user: User, claims: Mapping[str, Any]) -> None:
    """Make the user staff or not, and a member of those Django groups that the claim names.

    Without the claim groups stay as they are; staff then are none, where groups make them.
    """
    claim, staff_groups = settings.FREEAI_OIDC_GROUPS_CLAIM, settings.FREEAI_OIDC_STAFF_GROUPS
    names = _names(claims.get(claim))
    if staff_groups and not user.is_superuser:
        user.is_staff = not names.isdisjoint(staff_groups)
        user.save(update_fields=["is_staff"])
    if claim in claims:
        user.groups.set([group for group in Group.objects.all() if group.name in names])


def _names(value: object) -> frozenset[str]:
    """A list of names, or one: providers send both."""
    listed = value[:MAX_GROUPS] if isinstance(value, list) else [value]
    return frozenset(each for each in listed if isinstance(each, str))


def _back(request: HttpRequest, message: str) -> HttpResponse:
    messages.error(request, message)
    return redirect("admin:login")
