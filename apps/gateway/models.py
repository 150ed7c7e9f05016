"""`app_config`: the one row of settings that an operator changes while the gateway runs; and notices on their way to one."""

from collections.abc import Collection

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from apps.gateway import model_names
from apps.gateway.config import Config
from apps.gateway.outlook.webhook import why_not
from apps.providers.models import MAX_RETRIES
from apps.strategies.models import Strategy
from apps.strategies.naming import is_virtual, selected_by

DEFAULTS = Config()
UNSIGNED = "Set FREEAI_NOTICE_SECRET first: notices are signed with it."
NO_MAIL = "Set FREEAI_MAIL_URL first: the server that sends mails."
MAX_WINDOW = 500
POSITIVE = [MinValueValidator(0.1), MaxValueValidator(86_400)]


class AppConfig(models.Model):
    """Timeouts, retries, the circuit breaker, and who is told of what. Times in seconds."""

    stream_idle_timeout_s = models.FloatField(
        default=DEFAULTS.stream_idle_timeout_s,
        validators=POSITIVE,
        help_text="Longest silence within a streamed answer; comments break none once it has begun.",
    )
    first_content_timeout_s = models.FloatField(
        default=DEFAULTS.first_content_timeout_s,
        validators=POSITIVE,
        help_text="Longest wait for the first content of a streamed answer, per attempt, whatever comments come.",
    )
    response_timeout_s = models.FloatField(
        default=DEFAULTS.response_timeout_s,
        validators=POSITIVE,
        help_text="Longest wait for a whole answer, per attempt.",
    )
    connect_timeout_s = models.FloatField(default=DEFAULTS.connect_timeout_s, validators=POSITIVE)
    total_timeout_s = models.FloatField(
        default=DEFAULTS.total_timeout_s,
        validators=POSITIVE,
        help_text="Budget of a whole request, all attempts included.",
    )
    max_wait_s = models.FloatField(
        default=DEFAULTS.max_wait_s,
        validators=[MinValueValidator(0), MaxValueValidator(300)],
        help_text="How long a request waits for the next slot where all quota is spent, before it is refused; 0: not at all.",
    )
    provider_max_retries = models.PositiveSmallIntegerField(
        default=DEFAULTS.provider_max_retries, validators=[MaxValueValidator(MAX_RETRIES)]
    )
    attempts_per_credential = models.PositiveSmallIntegerField(
        default=DEFAULTS.attempts_per_credential,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="How often one request may fail at one account, whatever the model, before it goes on to others.",
    )
    circuit_breaker_threshold = models.PositiveSmallIntegerField(
        default=DEFAULTS.circuit_breaker_threshold,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
    )
    circuit_breaker_window_s = models.FloatField(
        default=DEFAULTS.circuit_breaker_window_s, validators=POSITIVE
    )
    circuit_breaker_base_s = models.FloatField(default=DEFAULTS.circuit_breaker_base_s, validators=POSITIVE)
    circuit_breaker_max_s = models.FloatField(default=DEFAULTS.circuit_breaker_max_s, validators=POSITIVE)
    use_paid = models.BooleanField(
        default=DEFAULTS.use_paid,
        help_text="Whether users may let virtual models use providers that cost money, each for their own key.",
    )
    sticky = models.BooleanField(
        default=DEFAULTS.sticky,
        help_text="Whether a conversation stays with the model that answered it last, where that is about as good as the best.",
    )
    default_strategy = models.CharField(max_length=60, default=DEFAULTS.default_strategy)
    model_names = models.TextField(
        max_length=25_000,
        blank=True,
        default=DEFAULTS.model_names,
        help_text="What names mean on /v1/messages and /v1/responses, one a line: pattern = model. The first that matches counts.",
    )
    notice_url = models.CharField(
        max_length=500,
        blank=True,
        default=DEFAULTS.notice_url,
        help_text="Where a notice is posted when an account's quota will not last the day; empty for nowhere.",
    )
    notice_mail = models.EmailField(
        blank=True, default=DEFAULTS.notice_mail, help_text="Who gets the same by mail; empty for nobody."
    )

    class Meta:
        db_table = "app_config"
        verbose_name = verbose_name_plural = "configuration"

    def __str__(self) -> str:
        return "Configuration"

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Raises ValidationError."""
        super().clean_fields(exclude)
        objections = {
            name: words
            for name, objection in (
                ("default_strategy", self._no_strategy),
                ("model_names", self._no_table),
                ("notice_url", self._no_webhook),
                ("notice_mail", self._no_mail),
            )
            if name not in (exclude or ()) and (words := objection())
        }
        if objections:
            raise ValidationError(objections)

    def _no_strategy(self) -> str:
        known = Strategy.objects.filter(name=self.default_strategy).exists()
        return "" if known else f"There is no strategy `{self.default_strategy}`."

    def _no_table(self) -> str:
        """Why a row cannot be used."""
        try:
            named = model_names.rows(self.model_names)
        except model_names.TableError as error:
            return str(error)
        known = set(Strategy.objects.values_list("name", flat=True))
        for _, model in named:
            if is_virtual(model) and selected_by(model) not in known:
                return f"There is no model `{model}`: no strategy has that name."
        return ""

    def _no_webhook(self) -> str:
        if not self.notice_url:
            return ""
        return why_not(self.notice_url) or ("" if settings.FREEAI_NOTICE_SECRET else UNSIGNED)

    def _no_mail(self) -> str:
        return NO_MAIL if self.notice_mail and not settings.EMAIL_HOST else ""


class Notice(models.Model):
    """That a day of an account ends early, on its way to an operator: one a window, day and channel."""

    window = models.CharField(max_length=MAX_WINDOW, help_text="The key of the window in the state store.")
    day = models.DateField()
    channel = models.CharField(max_length=10, choices=[("webhook", "webhook"), ("mail", "mail")])
    identity = models.CharField(max_length=32)
    told = models.JSONField()
    until = models.DateTimeField(help_text="When there is more again, and nobody needs to hear of it.")
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["window", "day", "channel"], name="one_notice_per_window_and_day")
        ]
        indexes = [models.Index(fields=["day"], name="notices_by_day")]

    def __str__(self) -> str:
        return f"{self.window} {self.day} by {self.channel}"


class RequestDecision(models.Model):
    """Why a request went where it went, for a day: see `apps.gateway.traffic.decisions`. `id` is the request's own, a UUIDv7; `body` a
    packed Decision. Users by number, without a constraint: it is gone soon."""

    id = models.UUIDField(primary_key=True, editable=False)
    user_id = models.BigIntegerField()
    body = models.BinaryField()

    class Meta:
        db_table = "request_decisions"

    def __str__(self) -> str:
        return self.id.hex
