"""A simulated plant: devices over real sockets, for demos, for tests and for users' own tests.

Devices answer as their identities say and misbehave as they are told. They count what they are
asked, and whether anybody asked for what only reads; nothing here shares code with what asks.
"""
