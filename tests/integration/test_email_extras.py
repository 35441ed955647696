"""DKIM signatures, one-click unsubscribing and inlined styles, each as a receiver meets them."""

from __future__ import annotations

import re
import subprocess

import dkim
import pytest

from monitor.channels import samples
from monitor.channels.dkim import Dkim
from monitor.channels.email import Email, EmailSettings
from monitor.channels.render import Renderer
from monitor.channels.template_files import load_templates
from monitor.errors import ConfigurationError
from monitor.shipped import shipped
from tests.factories import T0, make_notification, make_recipient
from tests.receivers import smtp_receiver

UNSUBSCRIBE = "https://alerts.example.org/unsubscribe?" + "k=" + "0123456789abcdef" * 8 + "&who={recipient}"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A private key and what its DNS record says."""
    path = tmp_path_factory.mktemp("dkim") / "key.pem"
    subprocess.run(["openssl", "genrsa", "-out", str(path), "2048"], check=True, capture_output=True)
    public = subprocess.run(
        ["openssl", "rsa", "-in", str(path), "-pubout"], check=True, capture_output=True, text=True
    ).stdout
    return path.read_text("ascii"), "v=DKIM1; k=rsa; p=" + re.sub(r"-----[^-]*-----|\s", "", public)


async def test_a_signed_message_verifies_and_one_that_was_changed_does_not(keys):
    private, record = keys
    signer = Dkim("example.org", "monitor", private)
    signer.check()
    message = Renderer(load_templates(shipped("templates"))).render_email(samples.CONFIRMED)
    async with smtp_receiver() as smtp:
        settings = EmailSettings(
            host=smtp.host, port=smtp.port, security="none", sender="m@example.org", dkim=signer,
            unsubscribe_url=UNSUBSCRIBE,
        )  # fmt: skip
        email = Email(settings)
        await email.send(make_notification("n1", message=message), make_recipient("desk"), T0)
        await email.close()
        raw = smtp.messages[0].raw

    def dns(name, timeout=0):
        assert name == b"monitor._domainkey.example.org."
        return record.encode()

    assert dkim.verify(raw, dnsfunc=dns)
    assert not dkim.verify(raw.replace(b"CRITICAL", b"harmless", 1), dnsfunc=dns)
    assert not dkim.verify(raw.replace(b"who=desk", b"who=boss", 1), dnsfunc=dns), "RFC 8058 wants it signed"


async def test_unsubscribing_takes_one_click_where_an_endpoint_is_configured():
    async with smtp_receiver() as smtp:
        for url in (UNSUBSCRIBE, ""):
            settings = EmailSettings(
                host=smtp.host, port=smtp.port, security="none", sender="m@example.org", unsubscribe_url=url
            )
            email = Email(settings)
            await email.send(make_notification("n1"), make_recipient("desk"), T0)
            await email.close()
        with_url, without = smtp.messages
        assert (
            b"List-Unsubscribe: <" + UNSUBSCRIBE.format(recipient="desk").encode() + b">\r\n" in with_url.raw
        )
        assert with_url.parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "List-Unsubscribe" not in without.parsed


@pytest.mark.parametrize(("key", "words"), [("no key", "cannot sign"), ("", "cannot sign")])
def test_a_key_that_cannot_sign_is_told_at_the_start(key, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        Dkim("example.org", "monitor", key).check()
    assert "no key" not in str(caught.value)
    assert "openssl genrsa" in str(caught.value)


def test_styles_are_put_into_the_elements_when_that_is_asked_for():
    pytest.importorskip("css_inline")
    sources = {
        **load_templates(shipped("templates")),
        "email/alert.html": "<html><head><style>p { color: #123456 }</style></head>"
        "<body><p>x</p></body></html>",
    }
    plain = Renderer(sources).render_email(samples.NOTIFICATION).html
    inlined = Renderer(sources, inline_css=True).render_email(samples.NOTIFICATION).html
    assert '<p style="color' not in plain
    assert re.search(r'<p style="color: ?#123456', inlined)


def test_the_shipped_mails_look_the_same_with_styles_inlined():
    pytest.importorskip("css_inline")
    for view in samples.VIEWS:
        html = Renderer(load_templates(shipped("templates")), inline_css=True).render_email(view).html
        assert "prefers-color-scheme: dark" in html
        assert html.startswith("<!DOCTYPE html>")
