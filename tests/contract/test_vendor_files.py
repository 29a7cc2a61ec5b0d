"""Vendors of the user's own folder: which files are found, and what is refused in one line."""

from pathlib import Path

import httpx
import pytest

from mockserver import app
from mockserver.client import Client
from mockserver.data.resources import InvalidFile
from mockserver.server.server import serving
from tests.contract.sample_vendor import FIXTURE, MODULE, SPEC, write_vendor
from tests.server_process import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the files of a vendor, without a mistake."""
    return write_vendor(tmp_path)


@pytest.mark.parametrize(
    "command", [["check"], ["vendors"], ["serve"], ["serve", "--reload"], ["exec", "true"]], ids=" ".join
)
def test_missing_folder_is_a_one_line_error(command: list[str], tmp_path: Path) -> None:
    done = run(command[0], "--vendors-from", str(tmp_path / "none"), *command[1:], MOCKSERVER_PORT="0")
    line = f"mockserver: {tmp_path}/none: the folder of vendors does not exist: choose another\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)


def test_spec_without_module_is_ignored_if_its_vendor_is_not_chosen(folder: Path) -> None:
    (folder / MODULE).unlink()
    with pytest.raises(InvalidFile, match=f"{folder / MODULE}: there is no such file"):
        app.build(products=1, vendors_from=folder)
    name = app.vendor_names()[0]
    assert [one.vendor.name for one in app.build(names=[name], vendors_from=folder).contracts] == [name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("control", "this is the name of the control API: rename the vendor"),
        ("acme.v2", "the name of the file cannot be a prefix of paths: use letters, digits, - and _ only, or "
                    "begin it with _ if it is not a vendor"),
    ],
)  # fmt: skip
def test_module_with_a_reserved_name_is_reported(name: str, message: str, folder: Path) -> None:
    (folder / MODULE).rename(file := folder / "vendors" / f"{name}.py")
    for command in ("check", "vendors"):
        done = run(command, "--vendors-from", str(folder))
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"mockserver: {file}: {message}\n")


def test_two_vendors_with_the_same_host_are_reported(folder: Path) -> None:
    for file in (MODULE, SPEC, FIXTURE):
        copy = (folder / file).read_text().replace('"acme"', '"bcme"').replace("api.acme", "API.acme")
        (folder / file.replace("acme", "bcme")).write_text(copy)
    with pytest.raises(InvalidFile) as caught:
        app.build(products=1, vendors_from=folder)
    assert str(caught.value) == (
        f"{folder}/specs/bcme.yaml: the host API.acme.example is also in {folder}/specs/acme.yaml: change "
        "one of them, or serve only one of these vendors"
    )


def test_spec_is_compiled_once_until_its_file_changes(folder: Path) -> None:
    files, file = app.VendorFiles(folder), folder / SPEC
    spec = files.spec("acme")
    assert files.spec("acme") is spec
    file.write_text(file.read_text().replace("title: Acme", "title: another"))
    assert files.spec("acme").title == "another"


def test_path_of_a_package_vendor_is_not_taken_by_an_own_vendor(folder: Path) -> None:
    native = next(path for path in app.VendorFiles().spec("sabi").paths if "{" not in path.template)
    for file in (SPEC, FIXTURE):
        (folder / file).write_text((folder / file).read_text().replace("/items/{id}", native.template))
    with serving(app.build(products=1, vendors_from=folder).application) as url:
        for target, vendor in ((native.template, "sabi"), (f"/acme{native.template}", "acme")):
            httpx.get(url + target, headers={"Authorization": "Bearer demo"})
            assert list(Client(url).sandbox().requests)[-1].vendor == vendor


@pytest.mark.parametrize("command", [["check"], ["vendors"], ["serve"], ["exec", "true"]], ids=" ".join)
def test_folder_without_files_of_vendors_is_a_one_line_error(command: list[str], tmp_path: Path) -> None:
    done = run(command[0], "--vendors-from", str(tmp_path), *command[1:], MOCKSERVER_PORT="0")
    line = f"mockserver: {tmp_path}: it has no folder vendors, specs or fixtures: choose another\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)
