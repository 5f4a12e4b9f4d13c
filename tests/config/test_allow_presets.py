"""Presets of `allow`: what they stand for, and that the gateway takes all that the config takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fabrik.config.presets import expanded, presets
from fabrik.config.read import load_config
from fabrik.errors import UsageError
from fabrik.gateway.allowlist import Allowlist
from fabrik.gateway.places import place

# Hosts that answer DNS questions over HTTPS: a way out that needs no name on the list.
DOH = """
    dns.google dns.google.com 8.8.8.8 8.8.4.4 cloudflare-dns.com one.one.one.one 1.1.1.1 1.0.0.1
    mozilla.cloudflare-dns.com chrome.cloudflare-dns.com dns.quad9.net 9.9.9.9 doh.opendns.com
    dns.nextdns.io doh.cleanbrowsing.org dns.adguard-dns.com dns.alidns.com doh.pub doh.dns.sb
"""


def allow(tmp_path: Path, project: str, user: str = "") -> tuple[str, ...]:
    (tmp_path / "fabrik.toml").write_text(f"allow = [{project}]\n")
    (tmp_path / "user.toml").write_text(f"allow = [{user}]\n")
    return load_config(tmp_path, tmp_path / "user.toml", {}).allow


def test_presets_become_hosts_each_once(tmp_path: Path) -> None:
    found = allow(tmp_path, '"preset:python", "x.example", "pypi.org"', '"pypi.org", "preset:npm"')
    assert found == (
        "pypi.org",
        "registry.npmjs.org",
        "registry.yarnpkg.com",
        "nodejs.org",
        "files.pythonhosted.org",
        "x.example",
    )


def test_a_preset_that_is_none_is_an_error() -> None:
    with pytest.raises(UsageError, match="preset:python"):
        expanded(["preset:cobol"])


@pytest.mark.parametrize("name", sorted(presets()))
def test_every_preset_has_hosts_and_sources(name: str) -> None:
    preset = presets()[name]
    assert preset.hosts
    for host in preset.hosts:
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host)
    assert all(page.startswith(("https://", "http://")) for page in preset.source)
    assert preset.source
    assert len(Allowlist.parse(preset.hosts).patterns) == len(preset.hosts)


def test_the_ecosystems_are_there() -> None:
    assert {"python", "npm", "rust", "go", "java", "ruby", "debian", "github"} <= set(presets())


def test_no_preset_leads_to_dns_or_past_ports_80_and_443() -> None:
    everything = Allowlist.parse(expanded(f"preset:{name}" for name in presets()))
    for host in DOH.split():
        assert not everything.rule(place(host), 443).allowed
    for port in (22, 25, 53, 853, 8080):
        assert not everything.rule(place("github.com"), port).allowed
    assert everything.rule(place("pypi.org"), 443).allowed


@pytest.mark.parametrize(
    "text",
    ["pypi.org", "*.pypi.org:8443", "10.0.0.1", "10.0.0.0/8", "10.0.0.0/8:22", "[fd00::1]:80", "[fd00::/8]"],
)
def test_what_the_config_takes_the_gateway_takes(tmp_path: Path, text: str) -> None:
    assert Allowlist.parse(allow(tmp_path, f'"{text}"')).patterns[0].text == text
