"""The names of the shop's services, for those who must not load the services themselves."""

from __future__ import annotations

SERVICES = ("cart", "frontend", "inventory", "orders", "payments", "shipping")
"""Every service of the shop, by name."""
