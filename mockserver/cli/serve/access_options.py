"""Options of `serve` about access: who may use the control API, and what a client may choose."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from mockserver.cli.options import option
from mockserver.server.access.control_access import is_loopback, new_admin_token


@dataclass(frozen=True)
class AccessSettings:
    """The values of these options."""

    admin_token: str | None
    trust_sandbox_header: bool | None

    def new_token(self, host: str) -> str | None:
        """Return a new admin token if a server on this host needs one and was given none, otherwise None."""
        return None if self.admin_token or is_loopback(host) else new_admin_token()

    def policy(self, new_token: str | None) -> dict[str, Any]:
        """Return the fields of `AccessPolicy`, for `app.build`."""
        return {
            "admin_token": self.admin_token or new_token,
            "trust_sandbox_header": self.trust_sandbox_header,
        }


OPTIONS = (
    option(
        "--admin-token",
        help="Token that the control API requires.  "
        "[default: none if --host is a loopback address, otherwise a new one, printed at start]",
    ),
    option(
        "--trust-sandbox-header/--no-trust-sandbox-header",
        default=None,
        help="Let the header X-Mock-Sandbox pick another sandbox than the credential.  "
        "[default: only if there is no admin token]",
    ),
)


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add these options to a command, which gets their values as `access`, an AccessSettings."""

    @functools.wraps(command)
    def with_settings(**values: Any) -> Any:
        access = AccessSettings(**{field.name: values.pop(field.name) for field in fields(AccessSettings)})
        return command(access=access, **values)

    for add_option in reversed(OPTIONS):
        with_settings = add_option(with_settings)
    return with_settings
