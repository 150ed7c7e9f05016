"""The gateway: the client API, the attempt loop, and what a running process holds."""

__version__ = "0.1.0"
