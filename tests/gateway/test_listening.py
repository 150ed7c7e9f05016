"""The address is taken first; whoever cannot have it is told why, in one line."""

import socket
from collections.abc import Iterator

import pytest

from apps.gateway.process import listening
from apps.gateway.process.announcements import url_of
from apps.gateway.process.listening import AddressError


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_that_is_taken_is_refused(taken: int):
    with pytest.raises(AddressError, match=rf"127\.0\.0\.1, port {taken}: another process.*FREEAI_PORT"):
        listening.listen("127.0.0.1", taken)


def test_what_was_taken_cannot_be_taken_again():
    sockets = listening.listen("127.0.0.1", 0)

    with pytest.raises(AddressError, match="another process"):
        listening.listen("127.0.0.1", listening.port_of(sockets))

    listening.close(sockets)


def test_connections_wait_from_then_on():
    sockets = listening.listen("127.0.0.1", 0)

    socket.create_connection(("127.0.0.1", listening.port_of(sockets)), timeout=5).close()

    listening.close(sockets)


def test_a_name_with_several_addresses_is_listened_on_at_one_port():
    sockets = listening.listen("localhost", 0)

    assert len({each.getsockname()[1] for each in sockets}) == 1
    assert len({each.family for each in sockets}) == len(sockets) > 0
    listening.close(sockets)


@pytest.mark.parametrize("host", ["203.0.113.1", "no-such-host.invalid", "a..b", "a" * 300])
def test_a_host_that_is_not_here_is_refused(host: str):
    with pytest.raises(AddressError, match=r"correct --host \(FREEAI_HOST\)\.\Z") as refused:
        listening.listen(host, 0)

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("localhost", "http://localhost:8000"),
        ("::1", "http://[::1]:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104 - an address that listens everywhere answers here
        ("::", "http://[::1]:8000"),
    ],
)
def test_the_url_that_is_announced_can_be_opened(host: str, url: str):
    assert url_of(host, 8000) == url


@pytest.mark.parametrize("host", ["", " "])
def test_no_host_is_told_what_is_one(host: str):
    with pytest.raises(AddressError, match=r"^Cannot listen: --host \(FREEAI_HOST\) is empty; "):
        listening.listen(host, 0)


def test_an_address_of_an_interface_that_has_it_not_is_told_so():
    with pytest.raises(AddressError, match=r"this machine has no such address|correct --host"):
        listening.listen("fe80::1%lo", 0)
