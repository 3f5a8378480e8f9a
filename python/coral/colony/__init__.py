"""The colony: takes the agents' summaries and answers questions about the fleet.

One module per service. May import query, serve, store, wire, model, config and leaf modules; knows
agents only through `proto`.
"""
