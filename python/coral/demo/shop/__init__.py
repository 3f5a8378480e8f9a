"""The demo's shop: six HTTP services in one process, each with its own telemetry and its own port.

    telemetry.py   OpenTelemetry SDK set-up of one service: tracer, meter, OTLP exporters
    truth.py       writes every finished SERVER span to a file, for tests that compare
    http.py        an instrumented HTTP server and client over the standard library
    database.py    instrumented SQLite
    faults.py      seeded faults with an exact rate
    names.py       what the services are called
    services.py    the six services; their tables are in `schema/`
    traffic.py     the visitors: requests at a bounded rate
    __main__.py    the process: `python -m coral.demo.shop`

One process keeps the start short on a small machine. All else is as between machines: real sockets,
W3C trace context in the headers, one resource and one exporter pipeline per service.

May import: the OpenTelemetry API and SDK, the standard library, nothing of Coral outside this package.
"""
