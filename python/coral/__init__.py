"""Coral: scriptable observability. See ARCHITECTURE.md for what lives where."""

__version__ = "0.1.0"
