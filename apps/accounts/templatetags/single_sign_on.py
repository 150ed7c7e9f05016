"""What the sign-in page shows of single sign-on."""

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def single_sign_on() -> str:
    """The name on the button; "" where single sign-on is not configured."""
    return settings.FREEAI_OIDC_NAME if settings.FREEAI_OIDC_ISSUER else ""
