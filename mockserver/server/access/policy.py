"""The operator's choices about access."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AccessPolicy:
    """What the operator of a server allows.

    `admin_token`: the token that the control API requires. None means that it is open to this machine.

    `trust_sandbox_header`: True if the header X-Mock-Sandbox may pick another sandbox than the credential
    does. None means: only if there is no admin token.
    """

    admin_token: str | None = None
    trust_sandbox_header: bool | None = None

    @property
    def trusts_sandbox_header(self) -> bool:
        if self.trust_sandbox_header is None:
            return self.admin_token is None
        return self.trust_sandbox_header
