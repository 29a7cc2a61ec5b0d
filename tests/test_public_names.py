"""The names that `import mockserver` offers."""

import subprocess
import sys

import pytest

import mockserver


@pytest.mark.parametrize("name", mockserver.__all__)
def test_module_of_a_public_name_is_imported_on_first_use(name: str) -> None:
    code = f"""
import sys, mockserver
assert not [name for name in sys.modules if name.startswith("mockserver.")]
mockserver.{name}
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'verify_all'"):
        mockserver.verify_all  # noqa: B018


def test_dir_lists_the_public_names() -> None:
    code = "import mockserver; print(set(mockserver.__all__) <= set(dir(mockserver)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "True\n"


def test_import_of_the_package_is_light() -> None:
    own = ("mockserver.app", "mockserver.embedding.interception")
    heavy = ("uvicorn", "connexion", "faker", "httpx", "asyncio", *own)
    code = f"import mockserver, sys; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
