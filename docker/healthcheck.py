"""Whether the gateway in this container answers: exit code 0 or 1. Without Django, which would take a second of CPU each time."""

import http.client
import os
import sys

TIMEOUT_S = 4


def answers(port: int) -> bool:
    """Whether /livez on loopback says so."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if answers(int(os.environ.get("FREEAI_PORT") or 8000)) else 1)
