"""`app_config` in memory."""

from msgspec import Struct

from apps.core.snapshot import Section
from apps.core.state.contract import BreakerPolicy


class Config(Struct, frozen=True, kw_only=True):
    """The values of AppConfig; its defaults apply while there is no row. Times in seconds."""

    stream_idle_timeout_s: float = 45.0
    response_timeout_s: float = 120.0
    connect_timeout_s: float = 10.0
    total_timeout_s: float = 300.0
    provider_max_retries: int = 1
    default_strategy: str = "auto"
    breaker: BreakerPolicy = BreakerPolicy()


def _load(_previous: Config | None) -> Config:
    from apps.gateway.models import AppConfig

    row = AppConfig.objects.first() or AppConfig()
    return Config(
        stream_idle_timeout_s=row.stream_idle_timeout_s,
        response_timeout_s=row.response_timeout_s,
        connect_timeout_s=row.connect_timeout_s,
        total_timeout_s=row.total_timeout_s,
        provider_max_retries=row.provider_max_retries,
        default_strategy=row.default_strategy,
        breaker=BreakerPolicy(
            threshold=row.circuit_breaker_threshold,
            window_s=row.circuit_breaker_window_s,
            base_s=row.circuit_breaker_base_s,
            max_s=row.circuit_breaker_max_s,
        ),
    )


CONFIG: Section[Config] = Section("config", _load)
