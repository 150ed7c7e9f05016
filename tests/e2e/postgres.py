"""A PostgreSQL database of the test's own, and a wire to it that can go silent."""

import os
import selectors
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import psycopg
import pytest

SERVER_URL = os.environ.get("FREEAI_TEST_DATABASE_URL") or "postgresql://postgres@127.0.0.1:5432/test"


class Database:
    """An empty database; `url` leads to it, `over` through a proxy."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.url = urlsplit(SERVER_URL)._replace(scheme="postgres", path=f"/{name}").geturl()

    def over(self, proxy: "Proxy") -> str:
        url = urlsplit(self.url)
        user = url.netloc.rpartition("@")[0]
        return url._replace(netloc=f"{user}@{proxy.host}:{proxy.port}").geturl()

    def execute(self, statements: str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statements)

    def value(self, query: str):
        """The one value of the one row."""
        with psycopg.connect(self.url) as connection:
            ((value,),) = connection.execute(query).fetchall()
        return value

    def connections(self) -> int:
        """How many the gateway holds just now."""
        return self.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


@contextmanager
def database() -> Iterator[Database]:
    """Made for one test, and dropped. Skips where there is no PostgreSQL."""
    name = f"freeai_{uuid.uuid4().hex[:12]}"
    try:
        admin = psycopg.connect(SERVER_URL, connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    with admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield Database(name)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Proxy:
    """TCP to the server, from `host`, an address of this machine. `silence` swallows everything on the connections of now, `deaf` on new
    ones too."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        server = urlsplit(SERVER_URL)
        self._target = (server.hostname or "127.0.0.1", server.port or 5432)
        self._listener = socket.create_server((host, 0))
        self.host = host
        self.port = self._listener.getsockname()[1]
        self.deaf = False
        self._peers: dict[socket.socket, socket.socket] = {}
        self._silent: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def silence(self, *, new: bool = False) -> None:
        """From now on nothing passes on open connections, which stay open; nor, with `new`, on later ones."""
        self._silent = set(self._peers)
        self.deaf = new

    def speak(self) -> None:
        """New connections work again; those that were silenced stay so."""
        self.deaf = False

    def close(self) -> None:
        self._ended.set()
        self._thread.join(5)
        for each in [self._listener, *self._peers]:
            each.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            for key, _ in self._selector.select(0.05):
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket):
                    self._forward(key.fileobj)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(self._target)
        self._peers |= {near: far, far: near}
        if self.deaf:
            self._silent = self._silent | {near, far}
        for each in (near, far):
            self._selector.register(each, selectors.EVENT_READ)

    def _forward(self, source: socket.socket) -> None:
        data = b""
        with suppress(OSError):
            data = source.recv(65536)
        if data:
            if source not in self._silent:
                with suppress(OSError):
                    self._peers[source].sendall(data)
            return
        self._selector.unregister(source)
        if source not in self._silent:
            with suppress(OSError):
                self._peers[source].shutdown(socket.SHUT_WR)
