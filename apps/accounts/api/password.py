"""`/api/auth/password`: another password, by who knows the present one."""

from typing import cast

from django.contrib.auth.models import User
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import passwords
from apps.accounts.api.errors import Conflict, Throttled
from apps.accounts.api.serializers import MAX_PASSWORD, refuse_weak
from apps.accounts.api.sign_in import signed_in
from apps.accounts.throttle import TooManyAttemptsError
from apps.core.api import StrictSerializer
from apps.core.json_types import JSONObject


class PasswordForm(StrictSerializer):
    current_password = serializers.CharField(max_length=MAX_PASSWORD, trim_whitespace=False)
    new_password = serializers.CharField(max_length=MAX_PASSWORD, trim_whitespace=False)

    def validate(self, attrs: JSONObject) -> JSONObject:
        """Raises ValidationError."""
        if attrs["new_password"] == attrs["current_password"]:
            raise ValidationError({"new_password": ["This is the current password."]})
        refuse_weak(attrs["new_password"], self.context["user"], "new_password")
        return attrs


class Password(APIView):
    """POST the current and the new one: signed in anew, and everywhere else signed out."""

    def post(self, request: Request) -> Response:
        from apps.accounts import jwts  # late: see there

        user = cast(User, request.user)
        form = PasswordForm(data=request.data, context={"user": user})
        form.is_valid(raise_exception=True)
        current, new = (form.validated_data[name] for name in ("current_password", "new_password"))
        try:
            stored = passwords.change(request._request, user, current, new)
        except TooManyAttemptsError as error:
            raise Throttled(error) from None
        except passwords.WrongPasswordError as error:
            raise ValidationError({"current_password": [str(error)]}) from None
        except passwords.ChangedMeanwhileError as error:
            raise Conflict(str(error)) from None
        return signed_in(request, jwts.issue(stored))
