"""Which calls a run makes: its script's, and none of Coral's own."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from tests.runner.program import Program, Result

SDK = 'import * as coral from "@coral/sdk";\n'


class Colony(http.server.ThreadingHTTPServer):
    """Something at a colony's address that counts who connects."""

    connections = 0

    def process_request(self, request: object, client_address: object) -> None:
        """Counts, then answers."""
        self.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers each request."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def colony() -> Iterator[Colony]:
    with Colony(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_coral_itself_calls_nobody(coral: Program, colony: Colony) -> None:
    script = coral.script(SDK + "console.log(coral.mode);")
    address = f"127.0.0.1:{colony.server_port}"
    assert coral.run("run", script, "--colony", address) == Result(0, "cli\n", "")
    assert coral.run("run", script, CORAL_COLONY=address) == Result(0, "cli\n", "")
    assert coral.run("run", script, "--check", "--colony", address).code == 0
    assert coral.run("run", script, "--help-script", "--colony", address).code == 0
    assert coral.run("run", script, "--dry-run", "--colony", address).code == 0
    assert colony.connections == 0


def test_a_script_may_fetch_from_its_colony(coral: Program, colony: Colony) -> None:
    script = coral.script(
        f'console.log(await (await fetch("http://127.0.0.1:{colony.server_port}/")).text());'
    )
    address = f"127.0.0.1:{colony.server_port}"
    assert coral.run("run", script, "--colony", address) == Result(0, "here\n", "")
    assert colony.connections == 1


def test_workers_of_data_urls_have_the_same_walls(coral: Program, colony: Colony) -> None:
    address = f"127.0.0.1:{colony.server_port}"
    body = (
        "const out = [];"
        f'try {{ out.push(await (await fetch("http://{address}/")).text()); }} catch (e) {{ out.push(e.name); }}'
        'try { await fetch("http://127.0.0.1:4444/"); } catch (e) { out.push(e.name); }'
        'try { Deno.readTextFileSync("/etc/passwd"); } catch (e) { out.push(e.name); }'
        "postMessage(out);"
    )
    script = coral.script(
        f"const text = {body!r};\n"
        'const worker = new Worker("data:text/javascript," + encodeURIComponent(text), { type: "module" });\n'
        "worker.onmessage = ({ data }) => { console.log(data.join()); worker.terminate(); };\n"
    )
    ended = coral.run("run", script, "--colony", address)
    assert ended == Result(0, "here,NotCapable,NotCapable\n", "")
