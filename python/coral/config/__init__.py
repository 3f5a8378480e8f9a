"""Where files live, which colony is meant, and what the configuration file says.

Everything here is imported on the way to `coral run`, so it uses the standard library's cheapest
parts only (`os`, no `pathlib`, no `re`); PyYAML is loaded when a configuration file exists.
Imports only leaf modules (`coral.errors`).
"""
