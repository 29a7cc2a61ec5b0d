"""`mockserver healthcheck`: reports with its exit code if a server is ready."""

import socket
import ssl
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import click

from mockserver.cli.background.ready_file import ReadyFileError, read_ready_file
from mockserver.cli.options import PATH, CommandError, WholeNumber, option
from mockserver.server.tls.data_dir import DataDirError, certificate_file, data_folder

MIN_TIMEOUT, RETRY_PAUSE = 3.0, 0.05  # seconds
MAX_RESPONSE_BYTES = 4096
DEFAULT_PORTS = {"http": 80, "https": 443}


class NotReady(Exception):
    """Raised if no mockserver is ready; the message says why."""


@click.command("healthcheck")
@option("--ready-file", type=PATH, help="Check the server that wrote this ready file.")
@option("--url", help="Check the server at this URL.  [default: --port on this machine]")
@option(
    "--port",
    default=8080,
    type=WholeNumber(0, 65535),
    help="Check the server on this port of this machine.",
)
@option("--tls", is_flag=True, help="Use HTTPS on that port.")
@option(
    "--ca",
    type=PATH,
    help="CA certificate to trust.  [default: from the ready file, otherwise from `mockserver ca`]",
)
@click.option(
    "--wait",
    default=0,
    show_default=True,
    type=WholeNumber(0, 86400),
    help="Seconds to keep trying until the server answers.",
)
def command(
    ready_file: Path | None, url: str | None, port: int, tls: bool, ca: Path | None, wait: int
) -> None:
    """Exit with 0 if a server answers, and with 1 if it does not."""
    if not ready_file and not url and not port:
        raise CommandError("port 0 does not identify a server: give its real port, --url or --ready-file")
    url = url or f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    deadline = time.monotonic() + wait
    while True:
        remaining = deadline - time.monotonic()
        try:
            server_url, server_ca = _from_ready_file(ready_file, ca) if ready_file else (url, ca)
            check(server_url, server_ca, max(MIN_TIMEOUT, remaining))
            return click.echo(f"{server_url} is ready")
        except NotReady as error:
            if remaining <= 0:
                click.echo(f"mockserver: {error}", err=True)
                sys.exit(1)
        time.sleep(min(RETRY_PAUSE, remaining))


def check(url: str, ca: Path | None, timeout: float) -> None:
    """Ask a server once if it is ready. Raise NotReady if it is not.

    `timeout` is in seconds, for connecting and for each read. Raise CommandError if the URL or the
    certificate cannot be used.
    """
    scheme, host, port, path = _parse_url(url)
    context = _tls_context(ca) if scheme == "https" else None
    try:
        with (
            socket.create_connection((host, port), timeout) as plain,
            context.wrap_socket(plain) if context else plain as connection,
        ):
            # Written by hand, because importing http.client takes longer than the whole check.
            # Host is always localhost, because requests to a vendor's host do not reach the control API.
            connection.sendall(f"GET {path}/_mock/ready HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            response = b""
            while (
                len(response) < MAX_RESPONSE_BYTES
                and not response.endswith(b"}")
                and (chunk := connection.recv(MAX_RESPONSE_BYTES))
            ):
                response += chunk
    except ssl.SSLCertVerificationError as error:
        raise NotReady(
            f"the certificate of {url} is not trusted ({error.verify_message}): give its CA with --ca"
        ) from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NotReady(f"{url} does not answer: {reason}") from None
    if b"\nx-mock-error: not_https" in response.lower():
        raise NotReady(f"{url} expects HTTPS: use https:// or --tls")
    if not (response.startswith(b"HTTP/1.1 200 ") and b'"status":"ok"' in response):
        status_line = response.partition(b"\r\n")[0][:100].decode("latin-1")
        raise NotReady(f"{url} answers, but is not a mockserver: {status_line!r}")


def _from_ready_file(file: Path, ca: Path | None) -> tuple[str, Path | None]:
    """Return the URL in a ready file, and the CA certificate to trust.

    The certificate is `ca`. If `ca` is None, it is the certificate that the ready file names, if any.
    """
    try:
        content = read_ready_file(file)
    except FileNotFoundError:
        raise NotReady(f"ready file {file} does not exist: its server is not ready") from None
    except ReadyFileError as error:
        raise CommandError(str(error)) from None
    return content["url"], ca or (Path(content["ca"]) if content.get("ca") else None)


def _parse_url(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host, port and path of a URL. Raise CommandError if it is not an HTTP or HTTPS URL."""
    try:
        parts = urlsplit(url)
        if parts.scheme in DEFAULT_PORTS and parts.hostname and url.isascii():
            port = parts.port or DEFAULT_PORTS[parts.scheme]
            return parts.scheme, parts.hostname, port, parts.path.rstrip("/")
    except ValueError:
        pass
    raise CommandError(f"{url} is not the URL of a server: give one like http://127.0.0.1:8080")


def _tls_context(ca: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the certificate `ca`, or our own authority if it is None.

    The server's name is not checked. This is safe, because our authority signs certificates for mockservers
    only.
    """
    try:
        ca = ca or certificate_file(data_folder())
        context = ssl.create_default_context(cafile=ca)
    except DataDirError as error:
        raise CommandError(str(error)) from None
    except ssl.SSLError:
        raise CommandError(f"{ca} does not contain a PEM certificate") from None
    except OSError as error:
        raise NotReady(f"cannot read the CA certificate {ca}: {error.strerror}") from None
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # so that `ca` may be the server's own certificate
    return context
