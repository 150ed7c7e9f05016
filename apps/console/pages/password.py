"""Changing one's own password: as `/api` does it, a guess at the current one being an attempt to sign in."""

from typing import cast

from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.accounts import passwords
from apps.accounts.throttle import TooManyAttemptsError
from apps.console.frame import page


class PasswordForm(PasswordChangeForm):
    """Django's, but for the check of the current password."""

    def clean_old_password(self) -> str:
        """What was entered; it is checked when all else is right."""
        return cast(str, self.cleaned_data["old_password"])

    def refuse(self, problem: str) -> None:
        """Say it at the current password."""
        self.add_error("old_password", ValidationError(problem))


def show(request: HttpRequest) -> HttpResponse:
    """GET: the form. POST: change it; other sessions and all tokens of the user end."""
    user = cast(User, request.user)
    form = PasswordForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            passwords.change(
                request, user, form.cleaned_data["old_password"], form.cleaned_data["new_password1"]
            )
        except TooManyAttemptsError as error:
            form.refuse(str(error))
            answer = _filled(request, form)
            answer.status_code = 429
            answer.headers["Retry-After"] = str(error.retry_after_s)
            return answer
        except (passwords.WrongPasswordError, passwords.ChangedMeanwhileError) as error:
            form.refuse(str(error))
        else:
            return redirect("admin:password_change_done")
    return _filled(request, form)


def _filled(request: HttpRequest, form: PasswordForm) -> HttpResponse:
    return page(request, "registration/password_change_form.html", "Change your password", form=form)
