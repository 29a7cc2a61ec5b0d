"""Fingerprints: what must be the same for all servers that share a store."""

from collections.abc import Mapping


def differences(kept: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """Return how the fingerprint in a store differs from ours, for people. It is empty if it does not."""
    return "; ".join(
        f"{key} {kept.get(key, 'not set')} there and {ours.get(key, 'not set')} here"
        for key in {**kept, **ours}
        if kept.get(key) != ours.get(key)
    )
