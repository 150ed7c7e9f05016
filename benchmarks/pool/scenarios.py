"""The runs that the figures of docs/ROUTING.md come from."""

from typing import Final

from benchmarks.pool.world import Scenario

SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario(name="right"),
        Scenario(name="flat", load=0.7),
        Scenario(name="skewed", skew_s=2.0),
        Scenario(name="retired", retired=0.08),
        Scenario(name="wrong", wrong=0.5, unknown=0.2),
        Scenario(name="unknown", unknown=0.4),
        Scenario(name="shared", foreign=0.25),
        Scenario(name="false", unknown=0.4, false=0.005),
        Scenario(name="greedy", load=3.0, clients=(105.0, 5.0, 5.0, 5.0)),
        Scenario(name="all", wrong=0.5, unknown=0.2, skew_s=2.0, retired=0.08, foreign=0.25),
    )
}
