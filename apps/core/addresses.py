"""Where a request of the Django side comes from."""

from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "unknown"


def client_address(request: HttpRequest) -> str:
    """The sender's IP address, or "unknown" (a Unix socket).

    Behind a trusted proxy it is the last entry of `X-Forwarded-For`: what stands before it, the sender may have made up.
    """
    text = request.META.get("REMOTE_ADDR", "")
    if settings.TRUST_PROXY and (forwarded := request.META.get("HTTP_X_FORWARDED_FOR", "")):
        text = forwarded.rsplit(",", 1)[-1].strip()
    try:
        address = ip_address(text)
    except ValueError:
        return UNKNOWN
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def neighbourhood(address: str) -> str:
    """What one sender can vary at will is one: of an IPv6 address its /64."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return parsed.exploded[:19] if isinstance(parsed, IPv6Address) else address
