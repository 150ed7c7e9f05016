"""How much of a pool's quota the gateway uses, simulated on virtual time: `python -m benchmarks.pool`."""
