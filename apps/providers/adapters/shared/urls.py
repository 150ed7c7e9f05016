"""URLs of the tasks beside chat."""

from urllib.parse import quote, urljoin

from apps.providers.adapters.refusals.unsayable import cannot_say


def resolve_base(provider_url: str, base_url: str) -> str:
    """`base_url` of a task's wire, absolute and without a slash at its end: relative to the provider's, and "" is that one.

    `resolve_base("https://x.test/v1", "../v2")` is `https://x.test/v2`.
    """
    return urljoin(provider_url.rstrip("/") + "/", base_url).rstrip("/")


def model_path(model: str) -> str:
    """A model's name as part of a path; its slashes are the path's own.

    Raises UpstreamError(REFUSED) for a name that would lead elsewhere: it may be the client's own.
    """
    if not {"", ".", ".."}.isdisjoint(model.split("/")):
        raise cannot_say("the model's name is no path", "model")
    return quote(model, safe="/@:")
