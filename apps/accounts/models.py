"""What sign-in remembers (counted attempts, and the set-up code of the first administrator), and how a user likes the admin site."""

from django.conf import settings
from django.db import models


class AttemptCount(models.Model):
    """Sign-in attempts of one kind (a name, an address, both) until `ends_at`; see `apps.accounts.throttle`."""

    key = models.CharField(max_length=20, primary_key=True)
    attempts = models.PositiveIntegerField(default=0)
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key}: {self.attempts}"


class ClosedToken(models.Model):
    """The id of a token that was used up or signed out, kept until the token would have ended anyway; see `apps.accounts.jwts`."""

    jti = models.CharField(max_length=64, primary_key=True)
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.jti


class SetupCode(models.Model):
    """The one row of the set-up code. The secret key makes the code of `nonce`: every process shows the same, and no row holds it."""

    nonce = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return "set-up code"


class Theme(models.TextChoices):
    """Of the admin site."""

    SYSTEM = "system", "As the system"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Profile(models.Model):
    """How one user likes the admin site; see `apps.accounts.profiles`."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="profile"
    )
    theme = models.CharField(max_length=10, choices=Theme, default=Theme.SYSTEM)
    time_zone = models.CharField(
        max_length=60,
        blank=True,
        help_text="Of the times on the pages, and of the day in sums and CSV. Without one: the browser's.",
    )
    single_keys = models.BooleanField(
        default=True,
        verbose_name="Single keys",
        help_text="Keys such as / act by themselves, outside of fields.",
    )
    hides_guide = models.BooleanField(
        default=False,
        verbose_name="Hide the guide",
        help_text="The dashboard comes first, although no real answer came through yet.",
    )

    def __str__(self) -> str:
        return f"{self.user}"
