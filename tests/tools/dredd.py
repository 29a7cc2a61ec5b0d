"""Dredd: it sends a request for each documented response, and compares status, headers and form of body."""

from collections.abc import Iterator
from pathlib import Path

from mockserver import app
from mockserver.server.access.quotas.demo_quotas import DemoQuotas
from mockserver.server.server import serving
from tests.tools.command import Tools, credential, tail

HOOKS = Path(__file__).parent / "dredd_hooks.cjs"
# Dredd takes every declared header for required. This vendor's are sent while rate limits are on.
LIMITED = "highlevel"
TOKEN = "t" * 32


def failures(tools: Tools) -> Iterator[str]:
    """Yield the end of each report that has failures."""
    quotas = DemoQuotas(calls_per_second=1, burst=1)
    with serving(app.build(demo=quotas, admin_token=TOKEN).application) as demo_url:
        environment = {"MOCKSERVER_DEMO_URL": demo_url, "MOCKSERVER_ADMIN_TOKEN": TOKEN}
        for name in tools.names:
            headers = [
                word for header in credential(name).items() for word in ("--header", ": ".join(header))
            ]
            url = tools.base_url(name, limited=name == LIMITED)
            words = ["dredd", tools.served(name), url, *headers, "--hookfiles", HOOKS]
            done = tools.run(*words, environment=environment)
            if done.returncode or "complete: 0 passing" in done.stdout:
                failed = [line for line in done.stdout.splitlines() if "fail: " in line or " At '" in line]
                yield f"{name}: " + ("\n    ".join(failed) or tail(done))
