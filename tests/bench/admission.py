"""What `connexion run` asks about credentials: anybody is let in, as at the other peers."""

from typing import Any


def basic(username: str, password: str, required_scopes: Any = None) -> dict[str, str]:
    return {"sub": username}


def bearer(token: str) -> dict[str, str]:
    return {"sub": token}
