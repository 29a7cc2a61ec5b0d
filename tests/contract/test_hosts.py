"""Kinds of host names, and NO_PROXY entries that could let a call reach a real vendor."""

import pytest

from mockserver import app
from mockserver.contract.hosts import NAME, Hosts
from mockserver.contract.vendor_files import VendorFiles

SPECS = {name: VendorFiles().spec(name) for name in app.vendor_names()}
HOSTS = Hosts(SPECS.values(), SPECS.values())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("services.leadconnectorhq.com", "vendor"),
        ("SERVICES.LeadConnectorHQ.com", "vendor"),
        ("services.leadconnectorhq.com.", "vendor"),
        ("myshoplazza.com", "vendor"),
        ("any.myshoplazza.com", "vendor"),
        ("a.b.MYSHOPLAZZA.com.", "vendor"),
        ("leadconnectorhq.com", "vendor_domain"),
        ("backend.leadconnectorhq.com", "vendor_domain"),
        ("services.services.leadconnectorhq.com", "vendor_domain"),
        ("www.demo.ro.", "vendor_domain"),
        ("x.narvar.example", "vendor_domain"),
        ("services.leadconnectorhq.com.example.org", "other"),
        ("xleadconnectorhq.com", "other"),
        ("example", "other"),
        ("localhost", "other"),
        ("127.0.0.1", "other"),
        ("[::1]", "other"),
    ],
)
def test_kind_of_a_host_name(name: str, kind: str) -> None:
    assert HOSTS.kind(name) == kind


def test_host_has_the_kind_vendor_domain_if_its_vendor_is_not_served() -> None:
    hosts = Hosts([SPECS["narvar"]], SPECS.values())
    assert hosts.kind("narvar.example") == "vendor"
    for name in ("sabi.example", "shop.demo.ro", "x.myshoplazza.com"):
        assert hosts.kind(name) == "vendor_domain"


@pytest.mark.parametrize("vendor", SPECS)
def test_every_vendor_host_is_on_exactly_one_domain(vendor: str) -> None:
    for name in SPECS[vendor].host_names:
        host = name.replace("*", "some-shop")
        assert HOSTS.kind(host) == "vendor"
        assert [host == domain or host.endswith(f".{domain}") for domain in HOSTS.domains].count(True) == 1


def test_every_domain_belongs_to_a_vendor() -> None:
    hosts = [name for spec in SPECS.values() for name in spec.host_names]
    for domain in HOSTS.domains:
        assert any(host.endswith(domain) for host in hosts), domain
    assert {"leadconnectorhq.com", "myshoplazza.com", "demo.ro"} <= set(HOSTS.domains)


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "a..b", ".a", "a b", "a/b", "a@b", "a%2eb", "a\x00b", "a\nb", "a" * 64, "\uff41.com",
        "\u017fervices.leadconnectorhq.com", "services\u3002leadconnectorhq\u3002com", "::1", "[g]", "[::1",
    ],
)  # fmt: skip
def test_invalid_or_ambiguous_host_name_is_rejected(name: str) -> None:
    assert not NAME.fullmatch(name)


@pytest.mark.parametrize("domain", HOSTS.domains)
@pytest.mark.parametrize(
    "pattern",
    ["{}", ".{}", "*.{}", "*{}", "{}:443", ".{}.", "x.{}", "services.{}", "{}.", "{}:", "*{}*"],
)
def test_may_match_vendor_is_true_for_an_entry_with_a_vendors_domain(domain: str, pattern: str) -> None:
    assert HOSTS.may_match_vendor(pattern.format(domain))
    assert HOSTS.may_match_vendor(pattern.format(domain).upper())


@pytest.mark.parametrize(
    "entry", ["*", "", ".", "com", ".com", "m", "hq.com", "*om", "443", ":443", "om:443", "le*"]
)
def test_may_match_vendor_is_true_for_an_entry_with_part_of_a_domain(entry: str) -> None:
    assert HOSTS.may_match_vendor(entry)


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
def test_may_match_vendor_is_false_for_an_entry_for_other_hosts(entry: str) -> None:
    assert not HOSTS.may_match_vendor(entry)
