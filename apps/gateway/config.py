"""`app_config` in memory, and the defaults of its columns."""

from typing import Final

from msgspec import Struct
from msgspec.structs import force_setattr

from apps.core.snapshot import Section
from apps.core.state.contract import BreakerPolicy
from apps.strategies.auto import AUTO

MODEL_NAMES: Final = "claude*haiku* = freeai-fast\nclaude*opus* = freeai-quality\nclaude* = freeai-code"
"""What the names that Anthropic's clients send mean here: see `model_names`."""


class Config(Struct, frozen=True, kw_only=True):
    """The values of AppConfig, by the names of its columns; these defaults are the table's. Times in seconds.

    `breaker` follows from the columns of the circuit breaker.
    """

    stream_idle_timeout_s: float = 45.0
    first_content_timeout_s: float = 60.0
    response_timeout_s: float = 120.0
    connect_timeout_s: float = 10.0
    total_timeout_s: float = 300.0
    max_wait_s: float = 2.0
    provider_max_retries: int = 1
    attempts_per_credential: int = 3
    circuit_breaker_threshold: int = BreakerPolicy().threshold
    circuit_breaker_window_s: float = BreakerPolicy().window_s
    circuit_breaker_base_s: float = BreakerPolicy().base_s
    circuit_breaker_max_s: float = BreakerPolicy().max_s
    use_paid: bool = False
    default_strategy: str = AUTO
    sticky: bool = True
    model_names: str = MODEL_NAMES
    notice_url: str = ""
    notice_mail: str = ""
    breaker: BreakerPolicy = BreakerPolicy()

    def __post_init__(self) -> None:
        policy = BreakerPolicy(
            threshold=self.circuit_breaker_threshold,
            window_s=self.circuit_breaker_window_s,
            base_s=self.circuit_breaker_base_s,
            max_s=self.circuit_breaker_max_s,
        )
        force_setattr(self, "breaker", policy)


COLUMNS = tuple(name for name in Config.__struct_fields__ if name != "breaker")


def _load(_previous: Config | None) -> Config:
    from apps.gateway.models import AppConfig

    row = AppConfig.objects.values(*COLUMNS).first()
    return Config(**row) if row else Config()


CONFIG: Section[Config] = Section("config", _load)
