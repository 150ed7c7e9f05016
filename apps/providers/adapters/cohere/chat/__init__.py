from apps.providers.adapters.contract import ChatCodec

from .request import build_chat, dropped
from .response import parse_chat
from .stream import CohereStream
from .tools import NAMES

CODEC = ChatCodec(
    build=build_chat, parse=parse_chat, open_stream=CohereStream, dropped=dropped, tool_names=NAMES
)
