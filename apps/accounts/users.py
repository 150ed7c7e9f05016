"""Users as an administrator changes them: never without a superuser left, and staff never above their own station."""

from django.contrib.auth.models import User
from django.db.models import QuerySet

LAST_SUPERUSER = "This is the last active superuser: without one nobody could administer this installation."


class LastSuperuserError(Exception):
    """A change that would leave no active superuser."""

    def __init__(self) -> None:
        super().__init__(LAST_SUPERUSER)


def lock_superusers() -> None:
    """Let no other transaction change superusers until this one ends: two that demote each other must not both succeed."""
    list(User.objects.select_for_update().filter(is_superuser=True).order_by("pk").values_list("pk"))


def refuse_without(leaving: QuerySet[User]) -> None:
    """Raises LastSuperuserError if no active superuser would be left without these."""
    if _are_superusers(leaving) and not _are_superusers(User.objects.exclude(pk__in=leaving.values("pk"))):
        raise LastSuperuserError


def may_change(user: User, other: User) -> bool:
    """Whether `user` may change `other`: who sets a password has the rights behind it, so only superusers change staff."""
    return user.is_superuser or not (other.is_staff or other.is_superuser)


def _are_superusers(rows: QuerySet[User]) -> bool:
    return rows.filter(is_superuser=True, is_active=True).exists()
