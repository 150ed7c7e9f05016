"""Whose it is: the `--user` of commands that work for one user."""

from argparse import ArgumentParser

from django.contrib.auth.models import User
from django.core.management.base import CommandError

REFUSED = 2
USER_HELP = "user name; the first superuser without it"


def add_user_argument(parser: ArgumentParser) -> None:
    """`--user NAME`, for `named_user`."""
    parser.add_argument("--user", help=USER_HELP)


def named_user(name: str | None) -> User:
    """The user of that name, the first superuser where none is named. Raises CommandError."""
    users = User.objects.order_by("pk")
    user = users.filter(is_superuser=True).first() if name is None else users.filter(username=name).first()
    if user is None:
        raise CommandError(f"No user {name!r}." if name else "There is no superuser yet.", returncode=REFUSED)
    return user
