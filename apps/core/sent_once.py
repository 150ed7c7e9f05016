"""Forms that make something anew each time they are sent: a page that is loaded again sends its form again, and must not make a second one.

Each page of such a form has a number of its own; those that were used are kept with the session, the last few.
"""

import secrets
from typing import Final

from django.http import HttpRequest

FIELD: Final = "once"
KEPT: Final = "forms_sent"
MOST: Final = 20
MOST_CHARACTERS: Final = 64


def number() -> str:
    """For the hidden field of a page."""
    return secrets.token_urlsafe(12)


def was_sent(request: HttpRequest) -> bool:
    """Whether this very form made something already. One without a number never did."""
    return request.POST.get(FIELD, "") in request.session.get(KEPT, [])


def note(request: HttpRequest) -> None:
    """It has made something now."""
    if sent := request.POST.get(FIELD, "")[:MOST_CHARACTERS]:
        request.session[KEPT] = [*request.session.get(KEPT, []), sent][-MOST:]
