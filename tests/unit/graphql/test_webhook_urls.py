"""Which addresses may be registered, in every spelling that a host can have."""

import pytest

from resumepair_graphql.errors import Refusal
from resumepair_graphql.webhook_urls import checked_url


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://example.com/hooks?key=1", "https://example.com/hooks?key=1"),
        ("HTTPS://Example.COM", "https://example.com"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("https://bücher.example.com/", "https://xn--bcher-kva.example.com/"),
        ("https://a-b.xn--p1ai/", "https://a-b.xn--p1ai/"),
        ("https://_hooks.example.com/", "https://_hooks.example.com/"),
        ("https://93.184.216.34/", "https://93.184.216.34/"),
        ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://localhost.example.com/", "https://localhost.example.com/"),
        ("https://1.example.com/", "https://1.example.com/"),
    ],
)
def test_public_addresses_are_kept_as_they_are_used(text: str, kept: str) -> None:
    assert checked_url(text, allow_insecure=False) == kept


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://example.com/", "has to begin with `https://`"),
        ("ftp://example.com/", "has to begin with `https://`"),
        ("example.com", "has to begin with `https://`"),
        ("//example.com", "has to begin with `https://`"),
        ("", "has to begin with `https://`"),
        ("https://", "has no host"),
        ("https:///hooks", "has no host"),
        ("https://example.com:99999/", "between 1 and 65535"),
        ("https://exa mple.com/", "no name, and no address"),
        ("https://a..example.com/", "no name, and no address"),
        ("https://example.com/\n", "no address"),
        ("https://\uff11\uff12\uff17.0.0.1/", "no address"),
        ("https://ⓛocalhost/", "no address"),
        ("https://[::1/", "no address"),
        ("https://[fe80::1%25eth0]/", "not a public one"),
        ("https://example.com:0/", "between 1 and 65535"),
        ("https://me:word@example.com/", "user name or a password"),
        ("https://me@example.com/", "user name or a password"),
        ("https://example.com/#part", "after `#`"),
        ("https://example.com/#", "after `#`"),
        ("https://example.com/" + "x" * 2040, "at most 2048"),
        ("https://example.com/" + "é" * 500, "at most 2048"),
        ("https://-example-.com/", "no name, and no address"),
        ("https://example-.com/", "no name, and no address"),
        ("https://a.-example.com/", "no name, and no address"),
        ("https://example.com-/", "no name, and no address"),
        ("https://x.test/", "not a public name"),
        ("https://a.example/", "not a public name"),
        ("https://a.INVALID./", "not a public name"),
        ("https://x.onion/", "not a public name"),
        ("https://x.alt/", "not a public name"),
        ("https://kubernetes.default.svc/", "not a public name"),
        ("https://localhost/", "not a public name"),
        ("https://LOCALHOST./", "not a public name"),
        ("https://a.localhost/", "not a public name"),
        ("https://printer.local/", "not a public name"),
        ("https://metadata.google.internal/", "not a public name"),
        ("https://router.home.arpa/", "not a public name"),
        ("https://intranet/", "not a public name"),
        ("https://127.0.0.1/", "not a public one"),
        ("https://127.0.0.1./", "not a public one"),
        ("https://169.254.169.254/latest/meta-data/", "not a public one"),
        ("https://10.0.0.1/", "not a public one"),
        ("https://0.0.0.0/", "not a public one"),
        ("https://224.0.0.1/", "not a public one"),
        ("https://192.0.0.8/", "not a public one"),
        ("https://192.88.99.1/", "not a public one"),
        ("https://168.63.129.16/", "not a public one"),
        ("https://[3fff::1]/", "not a public one"),
        ("https://[::ffff:192.0.0.8]/", "not a public one"),
        ("https://[::1]/", "not a public one"),
        ("https://[::]/", "not a public one"),
        ("https://[::ffff:127.0.0.1]/", "not a public one"),
        ("https://[::ffff:7f00:1]/", "not a public one"),
        ("https://[::127.0.0.1]/", "not a public one"),
        ("https://[2002:7f00:1::]/", "not a public one"),
        ("https://[64:ff9b::7f00:1]/", "not a public one"),
        ("https://[fd00:ec2::254]/", "not a public one"),
        ("https://[fe80::1]/", "not a public one"),
        ("https://2130706433/", "four decimal numbers"),
        ("https://0x7f000001/", "four decimal numbers"),
        ("https://0x7f.1/", "four decimal numbers"),
        ("https://127.1/", "four decimal numbers"),
        ("https://0177.0.0.1/", "no address"),
        ("https://127.0.0.01/", "no address"),
        ("https://127.0.0.0x1/", "four decimal numbers"),
        ("https://017700000001/", "four decimal numbers"),
        ("https://example.com.1/", "four decimal numbers"),
    ],
)
def test_others_are_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(Refusal, match=reason) as refusal:
        checked_url(text, allow_insecure=False)
    assert refusal.value.input_path == ["input", "url"]


def test_in_development_a_receiver_may_be_on_this_machine() -> None:
    assert checked_url("http://127.0.0.1:9000/hooks", allow_insecure=True) == "http://127.0.0.1:9000/hooks"
    assert checked_url("http://localhost/", allow_insecure=True) == "http://localhost/"
    with pytest.raises(Refusal):
        checked_url("ftp://127.0.0.1/", allow_insecure=True)
