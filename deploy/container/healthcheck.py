"""The container's health check: asks a health endpoint, says why when the answer is no.

Use: healthcheck.py [URL], by default the liveness endpoint of a monitor in the same container.
It uses only the standard library and no proxy, and imports nothing of the monitor: a check every half
minute must not cost a start of the whole program.
"""

import http.client
import json
import sys
from urllib.parse import urlsplit

DEFAULT = "http://127.0.0.1:8080/health/live"
TIMEOUT_SECONDS = 8


def main(url: str) -> int:
    """Return 0 when the endpoint answers 200, else 1 after printing the reasons."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        print(f"{url} does not answer: {error}")  # noqa: T201 - the engine shows it in `inspect`
        return 1
    finally:
        connection.close()
    if response.status == http.client.OK:
        return 0
    try:
        reasons = " ".join(json.loads(body)["reasons"])
    except (ValueError, LookupError, TypeError):
        reasons = f"HTTP status {response.status}"
    print(reasons)  # noqa: T201 - as above
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else DEFAULT))
