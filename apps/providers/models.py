"""Providers, the models that they offer, and the users' credentials for them."""

from datetime import date

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from apps.core.odd_names import plain_name
from apps.providers.tasks import task_choices

MAX_WEIGHT = 1000.0
MAX_RETRIES = 10
MAX_MODEL_NAME = 200

WEIGHT = [MinValueValidator(0.0), MaxValueValidator(MAX_WEIGHT)]


class Access(models.TextChoices):
    """What a user must have before a provider serves: nothing but an account, a payment method on file, or money."""

    FREE = "free"
    CARD = "card"
    PREPAID = "prepaid"


class Shipped(models.Model):
    """A row that came with the catalogue. `shipped` holds the values of the last sync: a field that differs was edited and stays."""

    shipped = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        abstract = True

    def plain(self, column: str) -> object:
        """The column as `shipped` would hold it, which is JSON."""
        value = getattr(self, column)
        return value.isoformat() if isinstance(value, date) else value


class Provider(Shipped):
    """A catalogue entry: an upstream API and how to speak to it."""

    name = models.SlugField(max_length=40, unique=True)
    display_name = models.CharField(max_length=80, validators=[plain_name])
    base_url = models.CharField(max_length=300)
    wire = models.JSONField(
        default=dict,
        blank=True,
        help_text="How its wire differs from its family's: apps.providers.types.Preset.",
    )
    enabled = models.BooleanField(default=True)
    weight = models.FloatField(default=1.0, validators=WEIGHT)
    tags = models.JSONField(default=list, blank=True)
    access = models.CharField(
        max_length=10,
        choices=Access,
        default=Access.FREE,
        help_text="Whether it serves without a card and without money. What is not free is used only by those who allow it.",
    )
    terms = models.JSONField(
        default=list,
        blank=True,
        help_text='What binds its users, as dated facts: [{"about": "region" | "training" | "use", "text", "seen"}].',
    )
    retired_on = models.DateField(null=True, blank=True, help_text="When the service ended for good.")
    retired_because = models.CharField(max_length=300, blank=True, validators=[plain_name])
    key_env = models.JSONField(
        default=list, blank=True, help_text="Environment variables in which its users keep a key."
    )
    limits = models.JSONField(
        default=list,
        blank=True,
        help_text='Quota windows: [{"metric", "unit", "limit", "kind"?, "zone"?, "models"?, "each"?}].',
    )
    default_model = models.CharField(max_length=MAX_MODEL_NAME, blank=True, validators=[plain_name])
    requires_key = models.BooleanField(default=True)
    listed_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its model list was last read."
    )
    list_error = models.CharField(
        max_length=300, blank=True, editable=False, help_text="Why it could not be read."
    )
    reset_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When it was last reset: what closed its accounts before counts no more.",
    )
    key_url = models.URLField(blank=True, help_text="Where a user gets a key.")
    is_custom = models.BooleanField(default=False, help_text="Added by an operator, not from the catalogue.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def ended(self) -> str:
        """That the service has ended, and why, in words for its users; "" while it serves."""
        if self.retired_on is None or self.retired_on > timezone.now().date():
            return ""
        reason = f": {self.retired_because}" if self.retired_because else "."
        return f"{self.display_name or self.name} ended on {self.retired_on.isoformat()}{reason}"


class ProviderModel(Shipped):
    """A model that a provider offers, with its capabilities, context window, limits and price."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="models")
    name = models.CharField(
        max_length=MAX_MODEL_NAME, validators=[plain_name], help_text="The upstream's own id."
    )
    task = models.CharField(max_length=20, choices=task_choices, default="chat")
    enabled = models.BooleanField(default=True)
    capabilities = models.JSONField(default=list, blank=True)
    context_window = models.PositiveIntegerField(default=0, help_text="Tokens; 0 when unknown.")
    max_output_tokens = models.PositiveIntegerField(null=True, blank=True)
    limits = models.JSONField(default=list, blank=True, help_text="Quota windows of this model alone.")
    prompt_microusd = models.BigIntegerField(
        null=True, blank=True, help_text="Micro-dollars per million prompt tokens."
    )
    completion_microusd = models.BigIntegerField(null=True, blank=True)
    tags = models.JSONField(default=list, blank=True)
    access = models.CharField(
        max_length=10, choices=Access, blank=True, help_text="Where it differs from its provider's."
    )
    listed = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="What the provider's own list said last. A field that differs from it and from the catalogue was edited and stays.",
    )
    inferred = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text="Fields that nobody told: inferred from the family that the name belongs to.",
    )
    reviewed = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="What of its provider's list somebody has looked at and left as it is: see apps.providers.listing.review.",
    )
    seen_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the provider's list last had it."
    )
    vanished_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when the provider's list has it no more."
    )
    confirmed_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When it last gave a real answer."
    )
    retires_at = models.DateField(null=True, blank=True, help_text="When the provider says that it ends.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["provider", "name"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "name"], name="one_model_name_per_provider")
        ]

    def __str__(self) -> str:
        return f"{self.provider.name}/{self.name}"

    def is_known(self) -> bool:
        """Whether anybody said what it can do: the catalogue, an operator, the provider's list, or its family."""
        if self.shipped or not self.listed:
            return True
        return "capabilities" in self.listed or bool(self.capabilities or self.tags)


class Credential(models.Model):
    """One user's key for one provider, with overrides. None means: as in the catalogue."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="credentials")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="credentials")
    encrypted_key = models.TextField(blank=True, editable=False)
    key_preview = models.CharField(max_length=20, blank=True, editable=False)
    key_origins = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text="Addresses that the key may be sent to: those of the provider when it was stored.",
    )
    enabled = models.BooleanField(default=True)
    rpm_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Requests per minute; 0 for unlimited."
    )
    rpd_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Requests per day; 0 for unlimited."
    )
    tpd_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Tokens per day; 0 for unlimited."
    )
    limits = models.JSONField(
        default=dict,
        blank=True,
        help_text='{"requests": {"second", "minute", "hour", "day", "month"}, "tokens": {…}}',
    )
    settings = models.JSONField(
        default=dict,
        blank=True,
        help_text='What the provider needs beside the key, such as {"account_id": "…"}.',
    )
    weight = models.FloatField(null=True, blank=True, validators=WEIGHT)
    default_model = models.CharField(max_length=MAX_MODEL_NAME, blank=True)
    max_retries = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(MAX_RETRIES)]
    )
    use_paid = models.BooleanField(
        default=False,
        help_text="Whether virtual models may use what costs money here; the operator must allow it as well.",
    )
    spend_cap_microusd = models.BigIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Micro-dollars a calendar month that may be spent here, by list price.",
    )
    listed_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the model list was last read with this key."
    )
    withheld = models.JSONField(
        default=list,
        blank=True,
        editable=False,
        help_text="Models of the provider that its list does not show to this key.",
    )
    account_facts = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="What the provider last said of the account: balance, plan, limits, with the time.",
    )
    trusted_since = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the key was stored, last passed a test, or was reset: what closed the account before counts no more.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["user", "provider"]
        constraints = [
            models.UniqueConstraint(fields=["user", "provider"], name="one_credential_per_user_and_provider")
        ]

    def __str__(self) -> str:
        return f"{self.user} @ {self.provider.name}"


class LimitEvidence(models.Model):
    """A limit that a provider told of one account: in headers, in a refusal, or when asked. It stands in for the catalogue's."""

    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="evidence")
    model = models.CharField(
        max_length=MAX_MODEL_NAME, blank=True, help_text="Empty: a window of the whole account."
    )
    metric = models.CharField(max_length=20)
    period = models.CharField(max_length=20)
    limit = models.BigIntegerField(validators=[MinValueValidator(0)])
    source = models.CharField(
        max_length=10, choices=[("header", "header"), ("refusal", "refusal"), ("account", "account")]
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ["credential", "model", "metric", "period"]
        verbose_name_plural = "limit evidence"
        constraints = [
            models.UniqueConstraint(
                fields=["credential", "model", "metric", "period"], name="one_evidence_per_window"
            )
        ]

    def __str__(self) -> str:
        return f"{self.credential}: {self.limit} {self.metric}/{self.period} {self.model}".rstrip()
