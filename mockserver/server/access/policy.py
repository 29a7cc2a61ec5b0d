"""The operator's choices about access."""

import hmac
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network


@dataclass(frozen=True)
class AccessPolicy:
    """The choices of a server's operator.

    `admin_token`: the token that the control API requires. None means that it is open to this machine.

    `any_credential`: True if a credential that is not of the mock's own opens the default sandbox.

    `trust_sandbox_header`: True if the header X-Mock-Sandbox may pick another sandbox than the credential
    does. None means: only if there is no admin token.

    `public_url`: the URL under which clients reach the server, without a slash at the end. Empty means the
    one that each client has used.

    `trusted_proxies`: the addresses of the proxies whose X-Forwarded headers are believed.

    `demo`: True if anybody may make a sandbox of a visitor, as in a public demo.

    `control_origins`: the other origins whose pages may use the control API, in lower case and without the
    default port. They need what any other client needs, and cannot use a cookie.

    `webhook_hosts`: the hosts, besides this machine, that webhooks may call.
    """

    admin_token: str | None = None
    any_credential: bool = False
    trust_sandbox_header: bool | None = None
    public_url: str = ""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    control_origins: frozenset[str] = frozenset()
    demo: bool = False
    webhook_hosts: frozenset[str] = frozenset()

    def is_admin_token(self, token: str) -> bool:
        """Return True if a text from a header is the admin token. Header bytes are decoded as Latin-1.

        The comparison takes the same time wherever the texts differ.
        """
        admin_token = self.admin_token
        if admin_token is None:
            return False
        return hmac.compare_digest(token.encode("latin-1", "replace"), admin_token.encode())

    @property
    def trusts_sandbox_header(self) -> bool:
        if self.trust_sandbox_header is None:
            return self.admin_token is None
        return self.trust_sandbox_header
