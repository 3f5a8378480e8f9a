"""Figures of the host itself. Imports psutil, store and leaf modules."""
