"""What every long-running Coral server does: listening, health, reflection, clean stops.

Used by colony and agent; imports grpc, wire, config and leaf modules.
"""
