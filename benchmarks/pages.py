"""How long the pages of the admin site take over a ledger of 90 days: those of the sidebar, and one of each kind that they lead to."""

import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from time import perf_counter
from typing import Final

from benchmarks.bench import Bench
from benchmarks.gateway import Gateway
from benchmarks.report import Figure, Figures
from benchmarks.stats import middle
from benchmarks.writing import database

DAYS: Final = 90
TIMES: Final = 3
MOST_PAGES: Final = 250
SPAN: Final = "span"  # how many days a page looks at: each is a kind of its own
HOME: Final = "/admin/dashboard/"
_LINK: Final = re.compile(r'href="(/admin/[^"#]*|\?[^"#]*)"')
_CHANGES: Final = re.compile(r"logout|/delete/|jsi18n|format=|export|revoke|rotate|/sso/")


class Window:
    """Somebody who has signed in."""

    def __init__(self, gateway: Gateway) -> None:
        self._base = f"http://127.0.0.1:{gateway.port}"
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))
        self.get("/admin/login/")
        token = next(one.value for one in self._cookies if one.name == "csrftoken")
        fields = {
            "username": "admin",
            "password": gateway.password,
            "csrfmiddlewaretoken": token,
            "next": HOME,
        }
        with self._opener.open(
            f"{self._base}/admin/login/", urllib.parse.urlencode(fields).encode()
        ) as answer:
            if urllib.parse.urlsplit(answer.url).path != HOME:
                raise ValueError(f"the sign-in led to {answer.url}")

    def get(self, path: str) -> str:
        """The page. Raises OSError: HTTPError for what is no 2xx."""
        with self._opener.open(self._base + path, timeout=60) as answer:
            return str(answer.read().decode())

    def ms(self, path: str) -> float:
        """What it takes."""
        began = perf_counter()
        self.get(path)
        return (perf_counter() - began) * 1000


def pages(bench: Bench) -> Figures:
    """The slowest page's median, over Effort.events on PostgreSQL; no figures where there is none."""
    with database() as url:
        if url is None:
            return {}
        gateway = bench.rolled_up("pages", bench.effort.events, DAYS, url)
        window = Window(gateway)
        took = {path: middle([window.ms(path) for _ in range(TIMES)]) for path in _paths(window)}
        gateway.stop()
    slowest = max(took, key=lambda path: took[path])
    print(
        *(f"{took[path]:7.0f} ms  {path}" for path in sorted(took, key=lambda path: -took[path])[:10]),
        sep="\n",
    )
    return {"pages_looked_at": Figure(len(took)), "slowest_page_ms": Figure(took[slowest])}


def _paths(window: Window) -> list[str]:
    """One of each kind: addresses that differ in nothing but numbers and the values of their filters are of one."""
    found = {_kind(HOME): HOME}
    for depth in range(2):
        for path in list(found.values()):
            for link in _links(window.get(path), path):
                if len(found) < MOST_PAGES and (depth == 0 or not link.startswith(path + "?")):
                    found.setdefault(_kind(link), link)
    return list(found.values())


def _links(page: str, path: str) -> Iterator[str]:
    for match in _LINK.finditer(page):
        link = match[1].replace("&amp;", "&")
        if not _CHANGES.search(link):
            yield urllib.parse.urljoin(path, link)


def _kind(link: str) -> str:
    path, _, query = link.partition("?")
    asked = sorted(
        name if name != SPAN else f"{name}={value}" for name, value in urllib.parse.parse_qsl(query)
    )
    return f"{re.sub(r'[0-9]+|[0-9a-f-]{32,}', '*', path)}?{asked}"
