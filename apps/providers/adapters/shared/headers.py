"""What every call carries, on the wires that take the key as a bearer token."""

from apps.providers.types import Offer, Preset, Secret


def common_headers(preset: Preset) -> dict[str, str]:
    """The headers that are the same for all credentials. What an upstream sends compressed would have to be unpacked in the loop."""
    return {"content-type": "application/json", "accept-encoding": "identity", **preset.headers}


def bearer_headers(offer: Offer) -> dict[str, str]:
    """Headers of a call. The authorization is a Secret, so that a logged request does not show it."""
    headers = offer.preset.compiled(common_headers)
    if not offer.api_key:
        return headers.copy()
    return {"authorization": Secret(f"Bearer {offer.api_key}"), **headers}
