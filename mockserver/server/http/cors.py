"""CORS: what lets a page of another origin call a vendor."""

from collections.abc import Mapping


def _cross_origin(asked: Mapping[str, str], method: str) -> list[tuple[str, str]]:
    """What lets a page of any origin call a vendor; credentials are headers, never cookies."""
    if "origin" not in asked:
        return []
    headers = [("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", "*")]
    if method == "OPTIONS" and (wanted := asked.get("access-control-request-method")):
        headers += [("Access-Control-Allow-Methods", wanted), ("Access-Control-Max-Age", "600")]
        if names := asked.get("access-control-request-headers"):
            headers.append(("Access-Control-Allow-Headers", names))
    return headers
