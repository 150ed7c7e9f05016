"""What of NVIDIA's hosted microservices is not OpenAI's dialect."""

from apps.providers.adapters.contract import Wire

from . import images, rerank

WIRE = Wire(images=images.CODEC, rerank=rerank.CODEC)
