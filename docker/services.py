"""PostgreSQL and Redis for development, without Docker: `make services`. Starts each from the system's packages where none answers, in a
folder of its own, on loopback; says what it did, and may be run again at any time. `--stop` ends what it started."""

import argparse
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg

HOST: Final = "127.0.0.1"
DATABASE: Final = "test"
PATIENCE_S: Final = 3
START_S: Final = 60


class CannotError(Exception):
    """A service cannot be had. The text says why, and what to do."""


def main() -> None:
    """Exit codes: 0 both answer (or have been stopped), 1 one cannot be had, 2 wrong usage."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=main.__doc__)
    parser.add_argument(
        "--folder", type=Path, default=_folder(), help="where they keep everything (%(default)s)"
    )
    parser.add_argument("--postgres-port", type=int, default=5432)
    parser.add_argument("--redis-port", type=int, default=6379)
    parser.add_argument("--stop", action="store_true", help="end what was started from the folder")
    options = parser.parse_args()
    services = Postgres(options.folder, options.postgres_port), Redis(options.folder, options.redis_port)
    failed = False
    for service in services:
        try:
            print(service.stop() if options.stop else service.start(), flush=True)  # noqa: T201 - a script
        except CannotError as error:
            failed = True
            print(error, file=sys.stderr)  # noqa: T201
    sys.exit(failed)


def _folder() -> Path:
    """Of this user, outlives a boot, and open to the user that a service of root's runs as."""
    return Path("/var/tmp") / f"freeai-services-{os.getuid()}"  # noqa: S108 - closed to others when it is made


class Postgres:
    """As the user `postgres`, or whoever asks: it refuses to run as root. Everybody on this machine may do everything in it."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder / "postgres", port
        self._url = f"postgres://postgres@{HOST}:{port}/{DATABASE}"

    def start(self) -> str:
        """Raises CannotError."""
        if _is_open(self._port):
            self._make_database()
            return f"PostgreSQL answers already: FREEAI_DATABASE_URL={self._url}"
        data = self._folder / "data"
        _make(self._folder, self._user())
        if not (data / "PG_VERSION").exists():
            self._run("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync")
        settings = f"-p {self._port} -c listen_addresses={HOST} -c unix_socket_directories="
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(data), "-l", log, "-o", settings, "-w", "-t", str(START_S), "start")
        self._make_database()
        return f"PostgreSQL was started from {self._folder}: FREEAI_DATABASE_URL={self._url}"

    def stop(self) -> str:
        """Raises CannotError."""
        data = self._folder / "data"
        if not (data / "postmaster.pid").exists():
            return f"No PostgreSQL runs from {self._folder}."
        self._run("pg_ctl", "-D", str(data), "-m", "fast", "-w", "-t", str(START_S), "stop")
        return f"The PostgreSQL of {self._folder} was stopped; its data is kept."

    def _make_database(self) -> None:
        server = self._url.removesuffix(DATABASE) + "postgres"
        try:
            with psycopg.connect(server, connect_timeout=PATIENCE_S, autocommit=True) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if not found.fetchall():
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.Error as error:
            raise CannotError(
                f"What answers on port {self._port} does not let the user postgres in without a password "
                f"({str(error).strip().splitlines()[0]}): name it in FREEAI_TEST_DATABASE_URL, or choose another --postgres-port."
            ) from error

    def _user(self) -> str | None:
        """Whom it runs as, where that is not whoever asks. Raises CannotError."""
        if os.getuid():
            return None
        try:
            return pwd.getpwnam("postgres").pw_name
        except KeyError:
            raise CannotError(
                "PostgreSQL does not run as root, and there is no user postgres: apt-get install postgresql"
            ) from None

    def _run(self, program: str, *arguments: str) -> None:
        found = shutil.which(program) or next(self._packaged(program), None)
        if found is None:
            raise CannotError("PostgreSQL is not installed: apt-get install postgresql")
        _run([found, *arguments], "PostgreSQL", self._user())

    def _packaged(self, program: str) -> Iterator[str]:
        """Where Debian has them, the newest first."""
        versions = Path("/usr/lib/postgresql").glob(f"*/bin/{program}")
        for path in sorted(versions, key=lambda path: int(path.parts[-3]), reverse=True):
            yield str(path)


class Redis:
    """Nothing is saved, nothing is evicted."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder / "redis", port
        self._url = f"redis://{HOST}:{port}"

    def start(self) -> str:
        """Raises CannotError."""
        urls = f"FREEAI_REDIS_URL={self._url}/0 FREEAI_STATE={self._url}/1"
        if _is_open(self._port):
            if not self._ask("PING").startswith(b"+PONG"):
                raise CannotError(
                    f"What answers on port {self._port} is no Redis: choose another --redis-port."
                )
            return f"Redis answers already: {urls}"
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            raise CannotError("Redis is not installed: apt-get install redis-server")
        _make(self._folder, None)
        settings = {
            "bind": HOST,
            "port": str(self._port),
            "daemonize": "yes",
            "dir": str(self._folder),
            "logfile": str(self._folder / "log"),
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        _run([program, *(word for name, value in settings.items() for word in (f"--{name}", value))], "Redis")
        (self._folder / "port").write_text(str(self._port))
        return f"{Path(program).name} was started from {self._folder}: {urls}"

    def stop(self) -> str:
        """Only what was started from the folder."""
        mark = self._folder / "port"
        if not mark.exists() or not _is_open(self._port) or mark.read_text() != str(self._port):
            return f"No Redis runs from {self._folder}."
        self._ask("SHUTDOWN NOSAVE")
        mark.unlink()
        return f"The Redis of {self._folder} was stopped."

    def _ask(self, words: str) -> bytes:
        try:
            with socket.create_connection((HOST, self._port), timeout=PATIENCE_S) as connection:
                connection.sendall(f"{words}\r\n".encode())
                return connection.recv(100)
        except OSError:
            return b""


def _is_open(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=PATIENCE_S).close()
    except OSError:
        return False
    return True


def _make(folder: Path, user: str | None) -> None:
    """For one's own eyes, and those of the user that a service runs as. Raises CannotError where somebody else has it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.parent.stat().st_uid != os.getuid():
        raise CannotError(f"{folder.parent} is somebody else's: choose another --folder.")
    folder.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        folder.parent.chmod(0o711)
        shutil.chown(folder, user)


def _run(command: list[str], name: str, user: str | None = None) -> None:
    """What it says goes to a file, not a pipe: a daemon would keep that open. Raises CannotError."""
    whose: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": [user]}
    with tempfile.TemporaryFile() as said:
        ended = subprocess.run(  # noqa: S603 - our own words
            command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, cwd="/", check=False, **whose
        )
        said.seek(0)
        if ended.returncode:
            words = said.read().decode(errors="replace").strip()
            raise CannotError(f"{name} could not be started ({' '.join(command[:4])} …): {words[-500:]}")


if __name__ == "__main__":
    main()
