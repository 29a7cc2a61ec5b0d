"""Ready files that another program has written, or that are damaged: one line says so."""

import json
from pathlib import Path
from typing import Any

import pytest

from mockserver.cli.background.ready_file import ReadyFileError, read_ready_file

VALID = {"url": "http://127.0.0.1:1", "port": 1, "pid": 1, "process": "x", "ca": None}


def damaged(**fields: Any) -> str:
    return json.dumps(VALID | fields)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[]",
        "",
        "\ufeff{}",
        damaged(url=None),
        damaged(url="http://a\0"),
        damaged(ca=["/ca.pem"]),
        damaged(ca="/ca\0.pem"),
    ],
    ids=["deep", "list", "empty", "mark", "no-url", "url-with-nul", "ca-list", "ca-with-nul"],
)
def test_other_content_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ready.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ReadyFileError, match=r"^.*ready\.json is not a mockserver ready file: [^\n]*$"):
        read_ready_file(file)


def test_ready_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "ready.json").write_text(damaged(ca="/ca.pem"))
    assert read_ready_file(tmp_path / "ready.json") == VALID | {"ca": "/ca.pem"}
