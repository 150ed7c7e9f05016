"""Who may what: superusers all, staff what their Django permissions say. Asked of users, and of client keys for their users."""

from typing import Literal, NamedTuple, Protocol

Role = Literal["admin", "user"]


class Superuser(Protocol):
    """What makes an admin; Django's users have it, anonymous ones too."""

    @property
    def is_active(self) -> bool: ...
    @property
    def is_superuser(self) -> bool: ...


class User(Superuser, Protocol):
    """A user whose permissions can be asked for."""

    @property
    def is_staff(self) -> bool: ...
    def has_perm(self, perm: str) -> bool:
        """Whether the user has it, by themselves or by a group."""


class Flags(NamedTuple):
    """A user of whom only this was read from the database."""

    is_active: bool
    is_superuser: bool


def is_admin(user: Superuser) -> bool:
    """Whether the user is an active superuser."""
    return user.is_active and user.is_superuser


def role(user: Superuser) -> Role:
    """What `/api` calls the user."""
    return "admin" if is_admin(user) else "user"


def may(user: User, action: str, model: str) -> bool:
    """Whether the user may `view`, `add`, `change` or `delete` rows of the model (`auth.user`): in `/api` as in the admin site."""
    app, name = model.split(".")
    return is_admin(user) or (user.is_active and user.is_staff and user.has_perm(f"{app}.{action}_{name}"))
