"""The QueryService contract over any store: the same answers on colony and agent.

`helpers.py` holds our own statements, `api.py` maps requests to responses, `servicer.py` serves them
by gRPC. Imports store, wire, model and leaf modules.
"""
