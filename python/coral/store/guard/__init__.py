"""Callers' SQL, run in killable worker processes over sealed segments.

The serving process never runs a caller's statement: it hands the text and the list of segment files
to a worker, relays what comes back, and kills the worker when time is up.
"""
