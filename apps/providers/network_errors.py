"""What goes wrong between here and an upstream, in words that name no address and no key. Both engines say the same."""

from apps.providers.errors import ErrorKind, UpstreamError


def out_of_time() -> UpstreamError:
    return UpstreamError(ErrorKind.NETWORK, "The upstream did not answer in time.", timed_out=True)


def not_trusted() -> UpstreamError:
    return UpstreamError(ErrorKind.NETWORK, "The upstream's TLS certificate was refused.")


def not_found() -> UpstreamError:
    return UpstreamError(ErrorKind.NETWORK, "The upstream's host name does not resolve.")


def not_reached() -> UpstreamError:
    return UpstreamError(ErrorKind.NETWORK, "The upstream refused the connection.")


def cut_short() -> UpstreamError:
    return UpstreamError(ErrorKind.NETWORK, "The upstream cut its answer short.")


def broken(how: str) -> UpstreamError:
    """`how`: in a word or two of ours."""
    return UpstreamError(ErrorKind.NETWORK, f"The connection to the upstream broke ({how}).")


def lost() -> UpstreamError:
    return broken("closed by the upstream")


def given_up() -> UpstreamError:
    return broken("closed here")


def not_http() -> UpstreamError:
    return broken("its answer is no HTTP")


def not_usable() -> UpstreamError:
    return UpstreamError(ErrorKind.NETWORK, "The provider's base URL is not usable.")
