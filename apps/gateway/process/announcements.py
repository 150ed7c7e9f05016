"""What the console shows at start."""

from ipaddress import ip_address

from apps.gateway.process.key_offers import News
from apps.gateway.process.setup import Made

IPV4 = 4
IMPORT = "manage.py import_provider_keys"


def url_of(host: str, port: int) -> str:
    """Where this machine reaches what listens there."""
    try:
        address = ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == IPV4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def first_run(made: Made, url: str, public_url: str = "") -> str:
    """The secrets of the first run, shown this once, and a request that works as pasted. `public_url`: where browsers reach it, which
    are sent there from `url`; the proxy on the way may not be there yet."""
    site = public_url or url
    lines = ["", "FreeAI is set up. These are shown once; keep them:", ""]
    if made.password:
        lines += [
            f"  admin page    {site}/admin/",
            "  user          admin",
            f"  password      {made.password}",
        ]
    if made.admin_token:
        lines += [f"  admin token   {made.admin_token}   (header X-Admin-Token, for {site}/api/)"]
    if made.client_key:
        lines += [f"  client key    {made.client_key}", "", "Try it:", "", _curl(url, made.client_key)]
    return "\n".join([*lines, ""])


def keys_in_environment(news: News) -> str:
    """Which provider keys could be imported, by the names of their variables; "" where there is nothing to tell."""
    if not news.offers:
        return ""
    if not news.first:
        names = ", ".join(offer.variable for offer in news.offers)
        return f"New provider keys in the environment: {names}. To use them: {IMPORT}"
    lines = [f"  {offer.provider:14}{offer.variable}" for offer in news.offers]
    return "\n".join(["Provider keys in the environment; to use them:", "", *lines, "", f"  {IMPORT}", ""])


def _curl(url: str, key: str) -> str:
    body = '{"model": "freeai-auto", "messages": [{"role": "user", "content": "Hello!"}]}'
    return (
        f"  curl {url}/v1/chat/completions \\\n"
        f"    -H 'Authorization: Bearer {key}' \\\n"
        f"    -H 'Content-Type: application/json' \\\n"
        f"    -d '{body}'"
    )
