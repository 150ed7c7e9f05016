"""What every call to Gemini carries."""

from apps.providers.adapters.shared.headers import common_headers
from apps.providers.types import Offer


def google_headers(offer: Offer) -> dict[str, str]:
    """The key is a Secret, so that a logged request does not show it."""
    headers = offer.preset.compiled(common_headers)
    return {"x-goog-api-key": offer.api_key, **headers} if offer.api_key else headers.copy()
