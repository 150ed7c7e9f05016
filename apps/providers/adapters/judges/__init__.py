"""Moderation where there is no endpoint for it: by chats in OpenAI's dialect, with models that are made to judge."""

from apps.providers.adapters.contract import Wire

from . import guard, policy

POLICY = Wire(moderation=policy.CODEC)
GUARD = Wire(moderation=guard.CODEC)
