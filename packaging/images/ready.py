"""The health check of the images: `ready.py PORT` ends with 0 when /readyz at that port is fine.

Kept apart from `coral`: it runs every few seconds and imports next to nothing.
"""

import http.client
import sys

SECONDS = 4


def main() -> int:
    """Asks once."""
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        text = answer.read(2000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer at port {sys.argv[1]}: {error}")
        return 1
    print(text)
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
