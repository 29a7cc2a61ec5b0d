"""The servers in the background: each has a ready file in the data folder, called after its port."""

import os
from dataclasses import dataclass
from pathlib import Path

from mockserver.cli.background.process_identity import identity_of
from mockserver.cli.background.ready_file import ReadyFileError, read_ready_file
from mockserver.cli.options import CommandError
from mockserver.server.tls.data_dir import DataDirError, data_folder, make_private

FOLDER = "servers"


class NotRunning(Exception):
    """Raised if a server does not run; the message is one line that says which one was looked for."""


@dataclass(frozen=True)
class BackgroundServer:
    """A server that runs in the background, as its ready file describes it.

    `process` is the identity of process `pid`.
    """

    url: str
    port: int
    pid: int
    process: str
    ca: Path | None

    @property
    def is_alive(self) -> bool:
        return identity_of(self.pid) == self.process


def default_ready_file(port: int, data_dir: Path | None) -> Path | None:
    """Return the place of the ready file for a server in the background, or None if there can be none."""
    try:
        folder = data_folder(data_dir)
        make_private(folder)
        make_private(folder / FOLDER)
    except DataDirError:
        return None
    return folder / FOLDER / f"{port}.json" if os.access(folder / FOLDER, os.W_OK) else None


def server_of(file: Path) -> BackgroundServer:
    """Return the server that wrote a ready file.

    Raise NotRunning if it has ended, and ReadyFileError if the file is not a ready file.
    """
    try:
        content = read_ready_file(file)
    except FileNotFoundError:
        raise NotRunning(f"ready file {file} does not exist: its server does not run") from None
    port, pid, process = (content.get(name) for name in ("port", "pid", "process"))
    if not (isinstance(port, int) and isinstance(pid, int) and isinstance(process, str)):
        raise ReadyFileError(f"{file} does not identify a process: stop its server yourself")
    ca = Path(content["ca"]) if content.get("ca") else None
    server = BackgroundServer(content["url"], port, pid, process, ca)
    if not server.is_alive:
        raise NotRunning(f"the server that wrote {file} has ended")
    return server


def find_server(ready_file: Path | None, port: int | None, data_dir: Path | None) -> BackgroundServer:
    """Return the server that wrote a ready file, or else the only one in the background, or on a port.

    Raise NotRunning if there is none, CommandError if there are several, ReadyFileError if the file is not a
    ready file, and DataDirError without a data folder.
    """
    if ready_file:
        return server_of(ready_file)
    servers = [one for one in servers_in_background(data_dir) if port in (None, one.port)]
    if not servers:
        raise NotRunning(f"no server runs in the background{f' on port {port}' if port else ''}")
    if len(servers) > 1:
        ports = ", ".join(str(server.port) for server in servers)
        raise CommandError(f"servers run on the ports {ports}: say which one with --port")
    return servers[0]


def servers_in_background(data_dir: Path | None) -> list[BackgroundServer]:
    """Return the servers in the background that run, by port. Raise DataDirError without a data folder."""
    found = []
    for file in (data_folder(data_dir) / FOLDER).glob("*.json"):
        try:
            found.append(server_of(file))
        except (NotRunning, ReadyFileError):  # left behind by a server that was killed
            continue
    return sorted(found, key=lambda server: server.port)
