"""`python -m benchmarks`: FreeAI beside a floor proxy, the same stack without any logic, in the same run."""
