"""What tests share: fixtures, fakes and contract suites.

    processes.py   real colonies and agents as child processes, and the `coral` command line
    otel_client.py a service that sends traces and metrics by OpenTelemetry for Python

May import anything of Coral; nothing of Coral imports it, and it is not in the wheel.
"""
