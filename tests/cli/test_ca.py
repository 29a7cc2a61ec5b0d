"""`mockserver ca`: the path of the certificate, or the certificate itself."""

from pathlib import Path

import pytest

from tests.server_process import run


def test_ca_prints_the_path_or_the_certificate(tmp_path: Path) -> None:
    located = run("ca", MOCKSERVER_DATA_DIR=str(tmp_path))
    file, out = Path(located.stdout.strip()), tmp_path / "out.pem"
    assert (located.returncode, located.stderr, file) == (0, "", tmp_path / "tls/ca.pem")
    printed = run("ca", "--data-dir", str(tmp_path), "--out", "-").stdout
    written = run("ca", "--data-dir", str(tmp_path), "--out", str(out))
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
    assert printed == out.read_text() == file.read_text()
    assert "PRIVATE" not in printed
    piped = run("ca", "--data-dir", str(tmp_path), "--out", "/dev/stdout")
    assert (piped.returncode, piped.stdout) == (0, printed)
    assert Path("/dev/stdout").is_symlink(), "the link was replaced instead of followed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "/nowhere/at/all"], "cannot write /nowhere/at/all: No such file or directory"),
        (["--data-dir", "/dev/null"], "cannot use /dev/null/tls: "),
    ],
    ids=["out", "data-dir"],
)
def test_unusable_path_is_a_one_line_error(tmp_path: Path, arguments: list[str], message: str) -> None:
    environment = {} if "--data-dir" in arguments else {"MOCKSERVER_DATA_DIR": str(tmp_path)}
    done = run("ca", *arguments, **environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"mockserver: {message}")
    assert len(done.stderr.splitlines()) == 1
