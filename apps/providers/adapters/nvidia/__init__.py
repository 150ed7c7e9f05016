"""What of NVIDIA's hosted microservices is not OpenAI's dialect."""

from apps.providers.adapters.contract import Wire

from . import rerank

WIRE = Wire(rerank=rerank.CODEC)
