"""Faults on purpose: kills, cut networks and full disks, while a client sends numbered spans.

numbered.py  a client with the OpenTelemetry SDK that sends each span until it is acknowledged
proxy.py     the network between agent and colony, which can be cut and healed
disk.py      a small disk that can be filled and freed
fleet.py     an agent and a colony that are killed and started again
campaign.py  a seeded run of faults, and whether all spans were counted exactly once
"""
