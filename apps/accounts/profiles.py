"""How a user likes the admin site: a row once they have said so, the defaults until then."""

from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from apps.accounts.models import Profile


def profile_of(user: AbstractBaseUser | AnonymousUser) -> Profile:
    """The user's, not stored before it is saved; the defaults for who is not signed in."""
    if not user.is_authenticated:
        return Profile()
    return Profile.objects.filter(pk=user.pk).first() or Profile(user_id=user.pk)


def zone_of(user: AbstractBaseUser | AnonymousUser) -> ZoneInfo:
    """Where the user's days begin: UTC's until they have said so."""
    return ZoneInfo(profile_of(user).time_zone or "UTC")


def zones() -> list[str]:
    """The time zones that a user may fix, by name; those of old spelling are left out."""
    return sorted(name for name in available_timezones() if "/" in name and not name.startswith(OLD))


OLD = ("Etc/", "SystemV/", "US/", "posix/", "right/")
