"""What is still missing until a real answer came through."""

from collections.abc import Sequence
from typing import Final

from django.contrib.auth.models import User
from msgspec import Struct

from apps.accounts.models import Profile
from apps.analytics.models import UsageEventRow
from apps.analytics.selection import Selection, page
from apps.clients.models import ClientKey
from apps.console.pool import Offered, offers_without_key, requests_a_day
from apps.providers.models import Credential

SUGGESTED: Final = 4


class Steps(Struct, frozen=True):
    """`credentials`: the user's provider keys; `client_key`: the newest of theirs that works; `answer`: the newest real one.
    `suggestions`: with the requests a day that they add, 0 where nobody counts those. `providers`: how many there are to choose from."""

    credentials: Sequence[Credential]
    client_key: ClientKey | None
    answer: UsageEventRow | None
    suggestions: Sequence[tuple[Offered, int]]
    providers: int

    @property
    def now(self) -> int:
        """The number of the first that is not done, of four; 5 when all are."""
        done = (True, bool(self.credentials), self.client_key is not None, self.answer is not None)
        return next((number for number, is_done in enumerate(done, start=1) if not is_done), 5)


def is_needed(user: User, profile: Profile) -> bool:
    """Whether it takes the dashboard's place: nobody hid it, and no real answer came through yet."""
    return not profile.hides_guide and real_answer(user) is None


def steps_of(user: User) -> Steps:
    """A fixed number of queries."""
    keys = ClientKey.objects.filter(user=user, enabled=True, revoked_at=None)
    offered = offers_without_key(user.pk)
    return Steps(
        _credentials(user),
        keys.order_by("-created_at").first(),
        real_answer(user),
        _best(offered),
        len(offered),
    )


def real_answer(user: User) -> UsageEventRow | None:
    """The newest that one of the user's providers gave, among the newest events that a page looks at."""
    names = [row.provider.name for row in _credentials(user)]
    if not names:
        return None
    wanted = Selection(user_id=user.pk, values={"outcome": ["success"], "provider": names})
    return next(iter(page(wanted, 1).rows), None)


def _credentials(user: User) -> list[Credential]:
    rows = Credential.objects.filter(user=user).select_related("provider")
    return [row for row in rows if row.encrypted_key or not row.provider.requires_key]


def _best(offered: Sequence[Offered]) -> list[tuple[Offered, int]]:
    """Those that give the most requests a day for nothing but a sign-up, then those that count otherwise."""
    free = [one for one in offered if not one.takes_money and one.provider.requires_key and one.limits]
    known = [(one, requests_a_day(one.provider)) for one in free]
    return sorted(known, key=lambda each: -each[1])[:SUGGESTED]
