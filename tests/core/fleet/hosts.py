"""Hosts of a test's own: network namespaces, each on a wire to this one."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

needs_hosts = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("ip") is None, reason="network namespaces need root and iproute2"
)

NOBODY = "02:00:00:00:00:99"
"""Whom nothing that is sent there reaches."""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Hosts:
    """Two of them beside this one, each on a wire of its own. `here` and `there` are addresses of this one that both reach."""

    def __init__(self, stack: ExitStack) -> None:
        mark = uuid.uuid4().hex[:6]
        self._names = [f"fa{mark}{number}" for number in range(2)]
        self._wires = [f"fw{mark}{number}" for number in range(2)]
        self._net = f"10.{int(mark[:2], 16)}"
        self.here, self.there = f"{self._net}.255.1", f"{self._net}.255.2"
        for address in (self.here, self.there):
            ip("address", "add", f"{address}/32", "dev", "lo")
            stack.callback(ip, "address", "delete", f"{address}/32", "dev", "lo")
        for number, (name, wire) in enumerate(zip(self._names, self._wires, strict=True)):
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
            ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("address", "add", f"{self._net}.{number}.1/24", "dev", wire)
            ip("link", "set", wire, "up")
            ip("-n", name, "address", "add", f"{self.address(number)}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "route", "add", "default", "via", f"{self._net}.{number}.1")
            ip("-n", name, "neighbour", "add", self._nobody(number), "lladdr", NOBODY, "dev", "eth0")

    def address(self, number: int) -> str:
        """Of a host."""
        return f"{self._net}.{number}.2"

    def on(self, number: int) -> list[str]:
        """What stands before a command that is run there."""
        return ["ip", "netns", "exec", self._names[number]]

    def start(self, number: int, module: str) -> "subprocess.Popen[str]":
        """A module of ours, on that host."""
        return subprocess.Popen(
            [*self.on(number), sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def cut(self, number: int, address: str) -> None:
        """Nothing that it sends to `address` arrives any more, and nobody is told."""
        ip("-n", self._names[number], "route", "add", f"{address}/32", "via", self._nobody(number))

    def mend(self, number: int, address: str) -> None:
        ip("-n", self._names[number], "route", "delete", f"{address}/32")

    def _nobody(self, number: int) -> str:
        return f"{self._net}.{number}.9"


@contextmanager
def two_hosts() -> Iterator[Hosts]:
    """Skips where there can be none."""
    with ExitStack() as stack:
        try:
            hosts = Hosts(stack)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.decode()}")
        yield hosts
