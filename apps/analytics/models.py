"""The usage ledger."""

from django.db import models

from apps.analytics.fields import HourField


class UsageEventRow(models.Model):
    """One attempt, or a refusal before any: see `apps.analytics.events.UsageEvent`. Users and clients by number, without a constraint: the
    ledger outlives them."""

    id = models.UUIDField(primary_key=True, editable=False)
    at = models.DateTimeField()
    request_id = models.CharField(max_length=64)
    user_id = models.BigIntegerField()
    client_id = models.BigIntegerField(null=True)
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=200)
    strategy = models.CharField(max_length=60, blank=True)
    virtual_model = models.CharField(max_length=80, blank=True)
    endpoint = models.CharField(max_length=20)
    stream = models.BooleanField(default=False)
    outcome = models.CharField(max_length=20)
    error_kind = models.CharField(max_length=40, blank=True)
    upstream_status = models.PositiveSmallIntegerField(null=True)
    latency_ms = models.FloatField(null=True)
    ttfb_ms = models.FloatField(null=True)
    connect_ms = models.FloatField(null=True)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    cached_tokens = models.PositiveBigIntegerField(default=0)
    reasoning_tokens = models.PositiveBigIntegerField(default=0)
    estimated = models.BooleanField(default=False)
    fallback_position = models.PositiveSmallIntegerField(default=1)
    cost_microusd = models.BigIntegerField(null=True)
    saved_microusd = models.BigIntegerField(null=True)
    charged = models.JSONField(default=dict)
    request_uuid = models.UUIDField(null=True)
    # With defaults in the database: a process of the version before may still write while this one is migrated in.
    is_last = models.BooleanField(default=False, db_default=False)
    stands_for = models.PositiveIntegerField(default=1, db_default=1)

    class Meta:
        db_table = "usage_events"
        ordering = ["-at"]
        verbose_name = "usage event"
        indexes = [
            models.Index(fields=["at"], name="usage_events_at"),
            models.Index(fields=["request_id"], name="usage_events_request"),
            models.Index(fields=["user_id", "id"], name="usage_events_by_user"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.provider or '-'}/{self.model} {self.outcome}"


class CarriedUsage(models.Model):
    """What of one user's events on one model is no longer in the ledger, summed up: amounts that are given once never come back."""

    user_id = models.BigIntegerField()
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=200)
    until = models.DateTimeField(help_text="Of the latest of these events.")
    requests = models.PositiveBigIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    charged = models.JSONField(default=dict)

    class Meta:
        db_table = "usage_carried"
        verbose_name_plural = "carried usage"
        constraints = [
            models.UniqueConstraint(
                fields=["user_id", "provider", "model"], name="one_carried_usage_per_model"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.provider}/{self.model} until {self.until:%Y-%m-%d}"


class DailyRollup(models.Model):
    """What the events of one UTC day come to that agree in user, provider, model, strategy and client (0: none). Counts as in
    `apps.analytics.rollup.measures.Measures`; `ends` holds all of them by outcome and error kind: see `rollup.days`."""

    user_id = models.BigIntegerField()
    day = models.DateField()
    provider = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=200)
    strategy = models.CharField(max_length=60, blank=True)
    client_id = models.BigIntegerField(default=0)
    attempts = models.PositiveBigIntegerField(default=0)
    charged_attempts = models.PositiveBigIntegerField(
        default=0, help_text="Those that the provider counts against its limits."
    )
    requests = models.PositiveBigIntegerField(default=0)
    successes = models.PositiveBigIntegerField(default=0)
    refusals = models.PositiveBigIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    cached_tokens = models.PositiveBigIntegerField(default=0)
    reasoning_tokens = models.PositiveBigIntegerField(default=0)
    cost_microusd = models.BigIntegerField(default=0)
    saved_microusd = models.BigIntegerField(default=0)
    cost_unknown = models.PositiveBigIntegerField(default=0)
    saved_unknown = models.PositiveBigIntegerField(default=0)
    charged = models.JSONField(default=dict)
    latest = models.DateTimeField(help_text="Of these events.")
    ends = models.BinaryField()

    class Meta:
        db_table = "usage_daily_rollup"
        constraints = [
            models.UniqueConstraint(
                fields=["user_id", "day", "provider", "model", "strategy", "client_id"],
                name="one_rollup_a_day_and_cell",
            )
        ]
        indexes = [models.Index(fields=["day"], name="usage_daily_rollup_day")]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.user_id} {self.provider or '-'}/{self.model}"


class UsageDigest(models.Model):
    """What a report says of a UTC hour, day or month of one user's events, or of everybody's (`user_id` 0). The row of everybody says that
    the span is rolled up, if nothing happened in it too, and until when: the day and the month that run are not over. Its contents are
    those of `apps.analytics.rollup.digests`."""

    grain = models.CharField(max_length=5)
    start = HourField()
    until = HourField()
    user_id = models.BigIntegerField()
    build = models.UUIDField(help_text="New whenever the span is rolled up.")
    total = models.BinaryField()
    parts = models.BinaryField()
    spent = models.BinaryField(
        null=True, help_text="Of an hour of everybody: see `apps.analytics.rollup.spent`."
    )

    class Meta:
        db_table = "usage_digests"
        constraints = [
            models.UniqueConstraint(fields=["grain", "user_id", "start"], name="one_digest_a_span_and_user")
        ]

    def __str__(self) -> str:
        return f"{self.grain} {self.start:%Y-%m-%d %H:%M} {self.user_id or 'all'}"


class UnrolledHour(models.Model):
    """A UTC hour to which `writer` wrote events that the rollups may not know yet. `batch` is new with every write: so that it can be seen
    whether there was another one meanwhile."""

    hour = models.DateTimeField()
    writer = models.CharField(max_length=80)
    batch = models.UUIDField()

    class Meta:
        db_table = "usage_unrolled_hours"
        constraints = [models.UniqueConstraint(fields=["hour", "writer"], name="one_mark_an_hour_and_writer")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:%M} by {self.writer}"


class LedgerHorizon(models.Model):
    """One row: events from before this UTC day are gone, or about to go. Rollups alone tell of that time, and nothing changes them.
    `seen`: the day by which the schedule last deleted any."""

    day = models.DateField(null=True)
    seen = models.DateField(null=True)

    class Meta:
        db_table = "usage_horizon"

    def __str__(self) -> str:
        return str(self.day)
