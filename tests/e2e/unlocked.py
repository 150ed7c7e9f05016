"""`python -m tests.e2e.unlocked PORT`: freeai.asgi as any ASGI server runs it, without the lock on its database.

The lock keeps a second gateway away, since each would grant every quota. What has nothing to do with quotas holds for many processes all
the same, and is tried with this.
"""

import asyncio
import sys
from unittest.mock import patch

import uvicorn

from freeai import asgi


async def never() -> None:
    """In the place of looking after the lock."""
    await asyncio.Event().wait()


if __name__ == "__main__":
    lock = "apps.gateway.process.database_lock"
    with patch(f"{lock}.take", lambda: None), patch(f"{lock}.keep", never):
        uvicorn.run(asgi.application, port=int(sys.argv[1]), log_config=None, access_log=False)
