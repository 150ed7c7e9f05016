"""`python -m benchmarks.pool [--scenario NAME …] [--policy NAME …] [--seeds 101-104] [--minutes N]`: how much of a pool's quota is used."""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from statistics import mean

from benchmarks.pool.scenarios import SCENARIOS
from benchmarks.pool.simulation import POLICIES, Result, simulate
from benchmarks.pool.world import Scenario

HEAD = (
    "scenario",
    "policy",
    "answered",
    "share of reference",
    "(worst)",
    "429",
    "answered while quota left",
    "(at once)",
    "404s",
    "small keys answered",
)


def main() -> int:
    """Run, and print the table."""
    asked = _arguments()
    chosen = [
        replace(SCENARIOS[name], minutes=asked.minutes or SCENARIOS[name].minutes) for name in asked.scenario
    ]
    with ProcessPoolExecutor(asked.processes, get_context("spawn"), max_tasks_per_child=1) as pool:
        jobs = {
            (scenario.name, policy, seed): pool.submit(simulate, scenario, seed, policy, asked.gateways)
            for scenario in chosen
            for policy in asked.policy
            for seed in asked.seeds
        }
        results = {key: job.result() for key, job in jobs.items()}
    print(" | ".join(HEAD))
    for scenario in chosen:
        for policy in asked.policy:
            print(" | ".join(_row(scenario, policy, asked.seeds, results)))
    return 0


def _row(
    scenario: Scenario, policy: str, seeds: list[int], results: dict[tuple[str, str, int], Result]
) -> list[str]:
    of_policy = [results[scenario.name, policy, seed] for seed in seeds]
    shares = [
        result.served / max(1, reference.served)
        for seed, result in zip(seeds, of_policy, strict=True)
        if (reference := results.get((scenario.name, "reference", seed)))
    ]
    return [
        scenario.name,
        policy,
        f"{mean(result.served for result in of_policy):.0f}",
        f"{mean(shares):.1%}" if shares else "?",
        f"{min(shares):.1%}" if shares else "?",
        f"{mean(result.refusals for result in of_policy):.2%}",
        f"{mean(result.success_while_left for result in of_policy):.2%}",
        f"{mean(result.success_at_once for result in of_policy):.2%}",
        f"{mean(result.not_found for result in of_policy):.0f}",
        f"{mean(result.small for result in of_policy):.1%}",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.pool", description="How much of a pool's quota is used."
    )
    parser.add_argument("--scenario", nargs="+", choices=[*SCENARIOS], default=[*SCENARIOS])
    parser.add_argument(
        "--policy", nargs="+", choices=POLICIES, default=POLICIES, help="shares need the reference"
    )
    parser.add_argument("--seeds", type=_seeds, default=_seeds("101-102"), help="such as 101-104")
    parser.add_argument("--minutes", type=int, default=0, help="another length than the scenario's")
    parser.add_argument("--gateways", type=int, default=1, help="processes of FreeAI, on views of 100 ms ago")
    parser.add_argument("--processes", type=int, default=2, help="runs at a time")
    return parser.parse_args()


def _seeds(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return [*range(int(first), int(last or first) + 1)]


if __name__ == "__main__":
    sys.exit(main())
