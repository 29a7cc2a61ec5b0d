"""The backend of the pages: what they need of the server."""

from collections.abc import Sequence
from dataclasses import dataclass

from mockserver.contract.contract import Contract
from mockserver.server.access.policy import AccessPolicy
from mockserver.server.access.quotas.guard import DemoGuard
from mockserver.server.pipeline.pipeline import Pipeline

ROOT = "/_mock/ui"  # the path of all pages


@dataclass(frozen=True)
class Backend:
    """The pipeline that answers calls, the vendors' contracts, and the operator's choices about access.

    `guard` is that of a public demo.
    """

    pipeline: Pipeline
    contracts: Sequence[Contract]
    access: AccessPolicy
    guard: DemoGuard | None = None
