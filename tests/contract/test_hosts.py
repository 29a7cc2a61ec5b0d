"""Hosts: a vendor's name is known however it is written, and nothing near it is anybody else's."""

import pytest

from mockserver import app
from mockserver.contract.hosts import NAME, Hosts
from mockserver.contract.openapi.spec import Spec

SPECS = {name: Spec(name) for name in app.vendor_names()}
HOSTS = Hosts(SPECS.values(), SPECS.values())
DOMAINS = (
    "leadconnectorhq.com",
    "myshoplazza.com",
    "myshoplaza.com",
    "demo.ro",
    "sabi.example",
    "narvar.example",
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("services.leadconnectorhq.com", "vendor"),
        ("SERVICES.LeadConnectorHQ.com", "vendor"),
        ("services.leadconnectorhq.com.", "vendor"),
        ("myshoplazza.com", "vendor"),
        ("any.myshoplazza.com", "vendor"),
        ("a.b.MYSHOPLAZZA.com.", "vendor"),
        ("leadconnectorhq.com", "kin"),
        ("backend.leadconnectorhq.com", "kin"),
        ("services.services.leadconnectorhq.com", "kin"),
        ("www.demo.ro.", "kin"),
        ("x.narvar.example", "kin"),
        ("services.leadconnectorhq.com.example.org", "other"),
        ("xleadconnectorhq.com", "other"),
        ("example", "other"),
        ("localhost", "other"),
        ("127.0.0.1", "other"),
        ("[::1]", "other"),
    ],
)
def test_a_name_is_a_vendors_or_near_one_or_another(name: str, kind: str) -> None:
    assert HOSTS.kind(name) == kind


def test_the_names_of_vendors_that_are_not_served_lead_nowhere() -> None:
    hosts = Hosts([SPECS["narvar"]], SPECS.values())
    assert hosts.kind("narvar.example") == "vendor"
    assert {hosts.kind(name) for name in ("sabi.example", "shop.demo.ro", "x.myshoplazza.com")} == {"kin"}


def test_every_domain_of_a_vendor_is_closed() -> None:
    assert set(HOSTS.domains) == set(DOMAINS)


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "a..b", ".a", "a b", "a/b", "a@b", "a%2eb", "a\x00b", "a\nb", "a" * 64, "\uff41.com",
        "\u017fervices.leadconnectorhq.com", "services\u3002leadconnectorhq\u3002com", "::1", "[g]", "[::1",
    ],
)  # fmt: skip
def test_what_a_resolver_might_read_otherwise_is_no_name(name: str) -> None:
    assert not NAME.fullmatch(name)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize(
    "pattern",
    ["{}", ".{}", "*.{}", "*{}", "{}:443", ".{}.", "x.{}", "services.{}", "{}.", "{}:", "*{}*"],
)
def test_an_exception_that_names_a_vendor_is_found(domain: str, pattern: str) -> None:
    assert HOSTS.touched_by(pattern.format(domain))
    assert HOSTS.touched_by(pattern.format(domain).upper())


@pytest.mark.parametrize(
    "entry", ["*", "", ".", "com", ".com", "m", "hq.com", "*om", "443", ":443", "om:443", "le*"]
)
def test_an_exception_that_some_client_reads_as_an_ending_is_found(entry: str) -> None:
    assert HOSTS.touched_by(entry)


@pytest.mark.parametrize(
    "entry",
    [
        "localhost",
        "127.0.0.1",
        "::1",
        "10.0.0.0/8",
        "fe80::/10",
        "db",
        "db:5432",
        ".corp.internal",
        "*.corp.internal",
    ],
)
def test_an_exception_for_other_hosts_is_kept(entry: str) -> None:
    assert not HOSTS.touched_by(entry)
