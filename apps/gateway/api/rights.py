"""Who may what in `/api`, as the views declare it: the table of docs/ADMIN_API.md."""

from typing import Any, Final

from drf_spectacular.generators import EndpointEnumerator

from apps.gateway.api.openapi.api import is_public, needs
from apps.gateway.wire.reference import Route

HEAD: Final = "| route | methods | who |\n|---|---|---|"
EVERYBODY, SIGNED_IN = "everybody", "whoever is signed in, their own"
BEGIN, END = "<!-- manage.py document_rights -->", "<!-- end -->"


def declared() -> dict[Route, str]:
    """Method and path → the Django permission that lets staff in, EVERYBODY or SIGNED_IN."""
    endpoints = EndpointEnumerator().get_api_endpoints()
    return {
        (method, path): _who(callback.cls(**callback.initkwargs), method)
        for path, _, method, callback in endpoints
    }


def written(text: str) -> str:
    """The document with the table in it. Raises ValueError where it has no place for it."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"The document has no {BEGIN} … {END}.")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def table() -> str:
    """A row for the methods of a path that ask for the same."""
    rows: dict[tuple[str, str], list[str]] = {}
    for (method, path), who in sorted(declared().items(), key=lambda row: row[0][::-1]):
        rows.setdefault((path, who), []).append(method)
    lines = [f"| `{path}` | {', '.join(methods)} | {_words(who)} |" for (path, who), methods in rows.items()]
    return "\n".join([HEAD, *lines])


def _who(view: Any, method: str) -> str:
    return EVERYBODY if is_public(view) else needs(view, method) or SIGNED_IN


def _words(who: str) -> str:
    return who if who in (EVERYBODY, SIGNED_IN) else f"`{who}`"
