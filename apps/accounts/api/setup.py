"""`/api/setup`: whether there is an administrator, and the first one by the set-up code."""

from django.contrib.auth.models import User
from django.db import IntegrityError
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import first_admin
from apps.accounts.api.errors import Conflict, Throttled
from apps.accounts.api.serializers import NAME_TAKEN, NewUserFields, refuse_weak
from apps.accounts.api.sign_in import OwnAuthentication
from apps.accounts.throttle import TooManyAttemptsError
from apps.core.addresses import client_address
from apps.core.roles import role

MAX_CODE = 100


class FirstAdminForm(NewUserFields):
    code = serializers.CharField(max_length=MAX_CODE)


class Status(OwnAuthentication):
    """GET, for everybody."""

    def get(self, request: Request) -> Response:
        return Response({"needs_setup": first_admin.is_needed()}, headers={"Cache-Control": "no-store"})


class FirstAdmin(OwnAuthentication):
    """POST code, username and password, once. 403 for a wrong code, 409 when there is an administrator."""

    def post(self, request: Request) -> Response:
        form = FirstAdminForm(data=request.data)
        form.is_valid(raise_exception=True)
        code, username, password = (form.validated_data[name] for name in ("code", "username", "password"))
        refuse_weak(password, User(username=username))
        try:
            user = first_admin.make(code, username, password, client_address(request._request))
        except TooManyAttemptsError as error:
            raise Throttled(error) from None
        except first_admin.AlreadySetUpError as error:
            raise Conflict(str(error)) from None
        except first_admin.SetupRefusedError as error:
            raise PermissionDenied(str(error)) from None
        except IntegrityError:
            raise ValidationError({"username": [NAME_TAKEN]}) from None
        return Response({"username": user.username, "role": role(user)}, status=status.HTTP_201_CREATED)
