"""A typed, synchronous client of a colony, for the CLI, the demo and tests. Imports wire and leaf modules."""
