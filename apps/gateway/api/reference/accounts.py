"""Set-up, sign-in, users and client keys in the OpenAPI document."""

from typing import Any, Final

from msgspec import Struct
from rest_framework import serializers

from apps.accounts.api.password import PasswordForm
from apps.accounts.api.serializers import UserSerializer
from apps.accounts.api.setup import FirstAdminForm
from apps.accounts.api.sign_in import LoginForm, RefreshForm
from apps.clients.api.serializers import ClientKeySerializer, NewClientKeySerializer, RotationForm
from apps.core.roles import Role
from apps.gateway.wire.reference import Operation, Route


class SetupStatus(Struct):
    """What a front end needs at start."""

    needs_setup: bool


class Administrator(Struct):
    """Who was made."""

    username: str
    role: Role


class SignInStatus(Struct):
    """null: nobody is signed in."""

    authenticated: bool
    username: str | None
    role: Role | None


class TokenPair(Struct):
    """Both are set as cookies too."""

    access: str
    refresh: str


class Me(Struct):
    """Whom the credentials speak for. `permissions`: of staff."""

    id: int
    username: str
    email: str
    role: Role
    is_staff: bool
    groups: list[str]
    permissions: list[str]


class IssuedKey(ClientKeySerializer):
    """The only answer that holds the key."""

    api_key = serializers.CharField(read_only=True)

    class Meta(ClientKeySerializer.Meta):
        fields = [*ClientKeySerializer.Meta.fields, "api_key"]


PASSWORD: Final = "correct horse battery"  # noqa: S105 - an example
TOKENS: Final = {"access": "eyJhbGciOi…", "refresh": "eyJhbGciOi…"}
OPERATIONS: Final[dict[Route, Operation]] = {
    ("GET", "/api/setup/status"): Operation(
        summary="Whether an administrator is missing", answer=SetupStatus, example={"needs_setup": False}
    ),
    ("POST", "/api/setup/first-admin"): Operation(
        summary="Make the first administrator, by the set-up code",
        body=FirstAdminForm,
        answer=Administrator,
        status=201,
        errors=(403, 409, 429),
        sent={"code": "K7Q2-M4XD", "username": "ada", "password": PASSWORD},
        example={"username": "ada", "role": "admin"},
    ),
    ("GET", "/api/auth/status"): Operation(
        summary="Whether one is signed in",
        answer=SignInStatus,
        example={"authenticated": True, "username": "ada", "role": "admin"},
    ),
    ("POST", "/api/auth/login"): Operation(
        summary="Sign in",
        body=LoginForm,
        answer=TokenPair,
        errors=(401, 429),
        sent={"username": "ada", "password": PASSWORD},
        example=TOKENS,
    ),
    ("POST", "/api/auth/refresh"): Operation(
        summary="The next pair of tokens",
        body=RefreshForm,
        answer=TokenPair,
        errors=(401, 403),
        sent={"refresh": TOKENS["refresh"]},
        example=TOKENS,
    ),
    ("POST", "/api/auth/logout"): Operation(
        summary="Sign out", body=RefreshForm, status=204, errors=(401, 403), sent={}
    ),
    ("POST", "/api/auth/password"): Operation(
        summary="Change one's own password",
        body=PasswordForm,
        answer=TokenPair,
        errors=(409, 429),
        sent={"current_password": PASSWORD, "new_password": "battery staple correct"},
        example=TOKENS,
    ),
    ("GET", "/api/auth/me"): Operation(
        summary="Who one is, and what one may",
        answer=Me,
        example={
            "id": 1,
            "username": "ada",
            "email": "ada@example.com",
            "role": "admin",
            "is_staff": True,
            "groups": [],
            "permissions": ["auth.view_user"],
        },
    ),
}


def _crud(path: str, one: str, kind: str, forms: tuple[Any, Any, Any], sent: Any) -> None:
    """`forms`: of a new one, of the answer to it, of one that there is."""
    new, made, row = forms
    flags = ("all",) if kind == "client key" else ()
    OPERATIONS.update(
        {
            ("GET", path): Operation(summary=f"Every {kind}", answer=row(many=True), paged=True, flags=flags),
            ("POST", path): Operation(summary=f"Make a {kind}", body=new, answer=made, status=201, sent=sent),
            ("GET", one): Operation(summary=f"One {kind}", answer=row, flags=flags),
            ("PATCH", one): Operation(summary=f"Change a {kind}", body=row, answer=row, flags=flags),
            ("DELETE", one): Operation(summary=f"Delete a {kind}", status=204, flags=flags, errors=(400,)),
        }
    )


_crud(
    "/api/users",
    "/api/users/{id}",
    "user",
    (UserSerializer, UserSerializer, UserSerializer),
    {"username": "grace", "password": PASSWORD},
)
_crud(
    "/api/clients",
    "/api/clients/{key_hash}",
    "client key",
    (NewClientKeySerializer, IssuedKey, ClientKeySerializer),
    {"name": "my-app", "rpm_limit": 60},
)
OPERATIONS[("POST", "/api/clients/{key_hash}/rotate")] = Operation(
    summary="Give a client key another secret; the old one opens until the grace ends",
    body=RotationForm,
    answer=IssuedKey,
    flags=("all",),
    sent={"grace_s": 3600},
)
