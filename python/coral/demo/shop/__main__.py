"""The shop's process: `python -m coral.demo.shop`, driven by JSON lines on stdin.

    stdin   {"otlp_grpc": "127.0.0.1:4317", "otlp_http": "127.0.0.1:4318"}   first, once: start
            {"do": "pause"}                                                  stop the visitors, send all
            end of file                                                      stop
    stdout  {"event": "ready", "frontend": "127.0.0.1:8080"}
            {"event": "paused", "answered": 12, "failed": 0, "turned_away": 0, "sent": true}

With `--otlp-grpc` and `--otlp-http` nothing comes by stdin, and the shop is open until SIGTERM: a load in a
container. Otherwise the addresses come by stdin so that this process can load its libraries while the agent
still starts, and so that it ends when its parent does: then stdin ends too.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from coral.demo.shop.services import Shop, ShopSettings
from coral.demo.shop.telemetry import OtlpAddresses
from coral.demo.shop.traffic import Traffic
from coral.demo.shop.truth import TruthFile

FLUSH_SECONDS = 10.0
"""How long a pause waits for the agent to take all telemetry."""


def main(arguments: list[str]) -> int:
    """Runs the shop until stdin ends or SIGTERM arrives."""
    parser = argparse.ArgumentParser(prog="python -m coral.demo.shop")
    parser.add_argument("--folder", type=Path, required=True, help="where the services keep their databases")
    parser.add_argument("--rate", type=float, default=30.0, help="visits a second")
    parser.add_argument("--seed", default="coral", help="seed of visits and faults")
    parser.add_argument(
        "--otlp-grpc", metavar="HOST:PORT", help="the agent's OTLP over gRPC; with --otlp-http"
    )
    parser.add_argument("--otlp-http", metavar="HOST:PORT", help="the agent's OTLP over HTTP")
    parser.add_argument("--truth", type=Path, help="write every finished SERVER span to this file")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    signal.signal(signal.SIGTERM, _stop)
    alone = options.otlp_grpc is not None and options.otlp_http is not None
    if alone:
        wanted = {"otlp_grpc": options.otlp_grpc, "otlp_http": options.otlp_http}
    else:
        first = sys.stdin.readline()
        if not first:
            return 0
        wanted = json.loads(first)
    with ExitStack() as stack:
        truth = stack.enter_context(TruthFile(options.truth)) if options.truth is not None else None
        options.folder.mkdir(parents=True, exist_ok=True)
        addresses = OtlpAddresses(grpc=wanted["otlp_grpc"], http=wanted["otlp_http"])
        shop = Shop(ShopSettings(addresses, options.folder, options.seed, truth))
        shop.start()
        stack.callback(shop.stop)
        traffic = Traffic(shop.frontend, options.rate, options.seed)
        stack.callback(traffic.stop)
        traffic.start()
        _say({"event": "ready", "frontend": shop.frontend})
        if alone:
            threading.Event().wait()  # SIGTERM ends it
        for line in sys.stdin:
            if json.loads(line)["do"] == "pause":
                traffic.stop()
                shop.drain()
                sent = shop.flush(FLUSH_SECONDS)
                _say({"event": "paused", "sent": sent, **dataclasses.asdict(traffic.statistics())})
    return 0


def _say(event: dict[str, Any]) -> None:
    print(json.dumps(event), flush=True)


def _stop(_signal: int, _frame: object) -> None:
    # Unwinds the reading of stdin; the exit stack then stops visitors and services in order.
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
