"""Whose rows are somebody's act when they change: what the audit notes of each. Hashes and ciphertexts are told of, never shown."""

from typing import Any, Final

MODELS: Final[list[dict[str, Any]]] = [
    {
        "model": "auth.User",
        "exclude_fields": ["last_login"],
        "mask_fields": ["password"],
        "m2m_fields": ["groups", "user_permissions"],
    },
    {"model": "auth.Group", "m2m_fields": ["permissions"]},
    {
        "model": "clients.ClientKey",
        "exclude_fields": ["last_used_at", "updated_at"],
        "mask_fields": ["key_hash", "previous_hash"],
    },
    {"model": "clients.AdminToken", "mask_fields": ["token_hash"]},
    {"model": "providers.Provider", "exclude_fields": ["updated_at"]},
    {"model": "providers.ProviderModel", "exclude_fields": ["updated_at"]},
    {
        "model": "providers.Credential",
        "exclude_fields": ["updated_at"],
        "mask_fields": ["encrypted_key"],
    },
    {"model": "strategies.Strategy", "exclude_fields": ["updated_at"]},
    {"model": "gateway.AppConfig", "mask_fields": ["notice_url"]},  # such URLs often hold a secret
]
