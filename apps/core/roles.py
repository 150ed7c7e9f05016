"""Who is an admin. Asked of users, and of client keys for the users behind them."""

from typing import NamedTuple, Protocol


class User(Protocol):
    """What a role is made of; Django's users have it, anonymous ones too."""

    @property
    def is_active(self) -> bool: ...
    @property
    def is_staff(self) -> bool: ...
    @property
    def is_superuser(self) -> bool: ...


class Flags(NamedTuple):
    """A user of whom only this was read from the database."""

    is_active: bool
    is_staff: bool
    is_superuser: bool


def is_admin(user: User) -> bool:
    """Whether the user is an active member of staff or superuser."""
    return user.is_active and (user.is_staff or user.is_superuser)
