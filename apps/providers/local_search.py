"""Looking for model servers on this machine (`local_servers`): at start, and when an admin asks. What was found last is remembered."""

from collections.abc import Iterable, Iterator

import structlog
from asgiref.sync import async_to_sync

from apps.providers.facts import ProviderFacts
from apps.providers.local_servers import LocalServer, Place, find, is_local
from apps.providers.models import Provider
from apps.providers.offers import CATALOGUE
from apps.providers.presets import PresetError, parse_preset

log = structlog.get_logger("freeai.providers")

_own: set[tuple[str, int]] = set()
_found: dict[str, LocalServer] = {}


def we_listen_at(addresses: Iterable[tuple[str, int]]) -> None:
    """This process serves there: it does not ask itself."""
    _own.update(addresses)


def models_seen(provider: str) -> int | None:
    """How many models the provider's server listed when this process last looked; None where none answered, or nobody looked."""
    server = _found.get(provider)
    return None if server is None else len(server.models)


async def at_start() -> None:
    """Look once for servers that nobody uses yet, and log how to use those that answer; what an operator disabled is left alone."""
    catalogue = CATALOGUE.value
    unused = [
        facts
        for facts in catalogue.providers.values()
        if facts.enabled and not catalogue.is_used(facts.name) and _is_local(facts)
    ]
    places = [Place(facts.name, facts.base_url, facts.preset) for facts in unused]
    for server in await find(places, _own):
        _found[server.provider] = server
        log.info(
            "local_server.found",
            provider=server.provider,
            models=len(server.models),
            to_use_it=f"manage.py find_local_servers --accept {server.provider}",
        )


def look(rows: Iterable[Provider]) -> list[LocalServer]:
    """Those of the providers whose servers answer on this machine, disabled ones too. Blocks for a moment, see `find`."""
    places = list(_places(rows))
    found = async_to_sync(find)(places, _own)
    for place in places:
        _found.pop(place.provider, None)
    _found.update({server.provider: server for server in found})
    return found


def _places(rows: Iterable[Provider]) -> Iterator[Place]:
    for row in rows:
        if row.retired_on is None and _is_local(row):
            try:
                yield Place(row.name, row.base_url, parse_preset(row.wire))
            except PresetError:
                continue  # the log says so whenever it is loaded


def _is_local(provider: Provider | ProviderFacts) -> bool:
    return is_local(provider.base_url, requires_key=provider.requires_key)
