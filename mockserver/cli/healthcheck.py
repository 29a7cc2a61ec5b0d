"""`mockserver healthcheck`: whether a server answers, told by the exit code."""

import socket
import ssl
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import click

from mockserver.cli.options import FILE, CommandError, option
from mockserver.cli.ready_file import ReadyFileError, read
from mockserver.server.tls.data_dir import DataDirError, certificate_file, data_folder

TIMEOUT, PAUSE = 3.0, 0.05
MAX_ANSWER_BYTES = 4096
PORTS = {"http": 80, "https": 443}


class NotReady(Exception):
    """There is nothing that answers as a mockserver does; the message says what there is."""


@click.command("healthcheck")
@option("--ready-file", type=FILE, help="Ask the server whose ready file this is.")
@option("--url", help="Ask the server at this URL.  [default: the one at --port]")
@option("--port", default=8080, type=click.IntRange(0, 65535), help="Ask the server on this machine's port.")
@option("--tls", is_flag=True, help="That port speaks HTTPS.")
@option("--ca", type=FILE, help="Certificate to trust.  [default: the ready file's, else `mockserver ca`]")
@click.option("--wait", default=0, type=click.IntRange(0, 86400), help="Seconds to wait until it answers.")
def command(
    ready_file: Path | None, url: str | None, port: int, tls: bool, ca: Path | None, wait: int
) -> None:
    """Exit with 0 if a server answers, with 1 if none does."""
    if not ready_file and not url and not port:
        raise CommandError("port 0 is no place to ask at: give --url or --ready-file")
    url = url or f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    until = time.monotonic() + wait
    while True:
        left = until - time.monotonic()
        try:
            where, trusted = _announced(ready_file, ca) if ready_file else (url, ca)
            ask(where, trusted, max(TIMEOUT, left))
            return click.echo(f"{where} is ready")
        except NotReady as error:
            if left <= 0:
                click.echo(f"mockserver: {error}", err=True)
                sys.exit(1)
        time.sleep(min(PAUSE, left))


def ask(url: str, ca: Path | None, patience: float) -> None:
    """NotReady, or Refusal of what is no URL of a server."""
    scheme, host, port, path = _parts(url)
    context = _trusting(ca) if scheme == "https" else None
    try:
        with (
            socket.create_connection((host, port), patience) as plain,
            context.wrap_socket(plain) if context else plain as connection,
        ):
            # By hand: the library's client takes longer to import than all of this takes to run.
            # Control is nowhere on a vendor's host, so the host is not the one of the URL.
            connection.sendall(f"GET {path}/_mock/ready HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            answer = b""
            while (
                len(answer) < MAX_ANSWER_BYTES
                and not answer.endswith(b"}")
                and (more := connection.recv(MAX_ANSWER_BYTES))
            ):
                answer += more
    except ssl.SSLCertVerificationError as error:
        raise NotReady(f"{url} cannot be trusted: {error.verify_message}") from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NotReady(f"{url} does not answer: {reason}") from None
    if b"\nx-mock-error: not_https" in answer.lower():
        raise NotReady(f"{url} speaks HTTPS")
    if not (answer.startswith(b"HTTP/1.1 200 ") and b'"status":"ok"' in answer):
        line = answer.partition(b"\r\n")[0][:100].decode("latin-1")
        raise NotReady(f"{url} answers, but not as a mockserver: {line!r}")


def _announced(file: Path, ca: Path | None) -> tuple[str, Path | None]:
    try:
        said = read(file)
    except FileNotFoundError:
        raise NotReady(f"there is no {file}") from None
    except ReadyFileError as error:
        raise CommandError(str(error)) from None
    return said["url"], ca or (Path(said["ca"]) if said.get("ca") else None)


def _parts(url: str) -> tuple[str, str, int, str]:
    try:
        parts = urlsplit(url)
        if parts.scheme in PORTS and parts.hostname and url.isascii():
            port = parts.port or PORTS[parts.scheme]
            return parts.scheme, parts.hostname, port, parts.path.rstrip("/")
    except ValueError:
        pass
    raise CommandError(f"{url} is no URL of a server: http://127.0.0.1:8080 is one")


def _trusting(ca: Path | None) -> ssl.SSLContext:
    """What is kept may be trusted under any name: all that it ever signs are servers of this kind."""
    try:
        ca = ca or certificate_file(data_folder())
        context = ssl.create_default_context(cafile=ca)
    except DataDirError as error:
        raise CommandError(str(error)) from None
    except ssl.SSLError:
        raise CommandError(f"{ca} holds no certificate") from None
    except OSError as error:
        raise NotReady(f"cannot read {ca}: {error.strerror}") from None
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the server's own certificate is enough
    return context
