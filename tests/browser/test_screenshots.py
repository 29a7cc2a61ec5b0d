"""The pictures in the docs: each one that a page shows is there, and can be taken again."""

import re

from tests.browser.screenshots import IMAGES, IN_THE_DEMO, IN_THE_DOCS
from tests.conftest import ROOT

PICTURE = re.compile(r"\]\(images/([a-z]+)\.webp\)")
MAX_BYTES = 150_000


def test_docs_show_every_picture_and_no_other() -> None:
    shown = {name for page in (ROOT / "docs").glob("*.md") for name in PICTURE.findall(page.read_text())}
    taken = {*IN_THE_DOCS, *IN_THE_DEMO}
    assert shown == taken == {path.stem for path in IMAGES.glob("*.webp")}


def test_pictures_are_small() -> None:
    for path in IMAGES.glob("*.webp"):
        assert path.read_bytes()[8:12] == b"WEBP"
        assert path.stat().st_size < MAX_BYTES
