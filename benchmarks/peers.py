"""Peers in the same run, where they are installed: nginx, which passes on and knows nothing, and LiteLLM, which has a ledger to switch on.

LiteLLM is looked for on the path, or where FREEAI_BENCH_LITELLM says: it wants an environment of its own.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from benchmarks import wire
from benchmarks.bench import Bench, Side
from benchmarks.processes import Child, free_port, wait_for
from benchmarks.report import Figures
from benchmarks.scenarios import FRAME_CONNECTIONS, LONG, SHORT, Turns
from benchmarks.stats import slope
from docker.services import HOST, CannotError, Redis

CONNECTIONS: Final = 16
START_S: Final = 300.0  # LiteLLM takes minutes on a busy machine
LITELLM_KEY: Final = "sk-bench-litellm-key"
NGINX_CONFIG: Final = """
daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/nginx.log; {user}
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000; client_max_body_size 30m;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  upstream bench {{ server {upstream}; keepalive 512; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""
LITELLM_CONFIG: Final = """
model_list:
  - model_name: freeai-auto
    litellm_params: {{model: openai/{model}, api_base: {url}/v1, api_key: {provider_key}}}
general_settings: {{master_key: {key}}}
"""


def peers(bench: Bench) -> Figures:
    """CPU of a request and of a frame: FreeAI's and theirs, each beside the floor. Nothing where none is installed."""
    with ExitStack() as stack:
        sides = {
            name: side
            for name, start in (("nginx", _nginx), ("litellm", _litellm))
            if (side := stack.enter_context(start(bench))) is not None
        }
        if not sides:
            return {}
        sides["freeai"] = bench.gateway()
        turns = Turns()
        for _ in range(bench.effort.rounds):
            floor = _costs(bench, bench.floor)
            for name, side in sides.items():
                for kind, cost, of_floor in zip(("ms", "frame_us"), _costs(bench, side), floor, strict=True):
                    turns.add(f"beside_{name}_{kind}", cost, floor=False)
                    turns.add(f"beside_{name}_{kind}", of_floor, floor=True)
        return turns.figures()


def _costs(bench: Bench, side: Side) -> tuple[float, float]:
    """Milliseconds of a request, microseconds of a frame."""
    bench.warm_up(side, CONNECTIONS)
    whole = bench.window(side, CONNECTIONS).cpu_per_request_s * 1000
    streams = []
    for count in (SHORT, LONG):
        shape = wire.FAST.format(count=count)
        streams.append((count, bench.window(side, FRAME_CONNECTIONS, shape=shape).cpu_per_request_s))
    return whole, slope(*streams) * 1_000_000


@contextmanager
def _nginx(bench: Bench) -> Iterator[Side | None]:
    program = shutil.which("nginx")
    if program is None:
        yield None
        return
    directory, port = bench.place("nginx"), free_port()
    upstream, user = f"127.0.0.1:{bench.upstream_port}", "user root;" if os.geteuid() == 0 else ""
    config = directory / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(directory=directory, port=port, upstream=upstream, user=user))
    command = [program, "-c", str(config), "-e", str(directory / "nginx.log")]
    with _running(bench, Child("nginx", command, directory), port, "") as side:
        yield side


@contextmanager
def _litellm(bench: Bench) -> Iterator[Side | None]:
    program = os.environ.get("FREEAI_BENCH_LITELLM") or shutil.which("litellm")
    if program is None:
        yield None
        return
    directory, port = bench.place("litellm"), free_port()
    config = directory / "config.yaml"
    config.write_text(
        LITELLM_CONFIG.format(
            model=wire.MODEL, url=bench.upstream_url, provider_key=wire.PROVIDER_KEY, key=LITELLM_KEY
        )
    )
    command = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    child = Child("litellm", command, directory, os.environ.copy())
    with _running(bench, child, port, LITELLM_KEY) as side:
        yield side


@contextmanager
def _running(bench: Bench, child: Child, port: int, key: str) -> Iterator[Side]:
    target: dict[str, Any] = bench.direct | {"port": port, "key": key}

    def answers() -> bool:
        child.check()
        try:
            return not bench.load.run("alternate", targets=[target], count=1)["targets"][0]["errors"]
        except RuntimeError:
            return False

    with child:
        wait_for(answers, START_S, f"{child.name} did not start", interval_s=0.2)
        child.pin(bench.core)
        yield Side(child, target)


def redis_mode(bench: Bench) -> Figures:
    """CPU of a gateway that counts in Redis over one that counts by itself; Redis' own is not in it. Nothing where there is no Redis."""
    from benchmarks.growth import compare

    port = free_port()
    redis = Redis(bench.place("redis"), port)
    try:
        redis.start()
    except CannotError:
        return {}
    try:
        bench.installation("shared", env={"FREEAI_STATE": f"redis://{HOST}:{port}/0"})
        try:
            return {"redis_mode": compare(bench, bench.gateway(), bench.gateway("shared"))}
        finally:
            bench.installation("shared").stop()
    finally:
        redis.stop()
