"""The link card of a page: its title and its image, in the output and on the live site."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from publisher.config.settings import VerifySettings
from publisher.rehearse.preview_server import serve
from publisher.site.verify import excerpts, verify_live
from tests.embargo.built_sites import (
    BODY,
    QUIET,
    SITE_URL,
    a_live_site,
    a_page,
    a_post,
    a_site,
    look_at,
    look_at_output,
)
from tests.platforms.site import Answer, Site

IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
OLD_IMAGE = IMAGE[::-1]
NO_CARD = VerifySettings(card=False)


def og(name: str, content: str) -> str:
    return f'<meta property="og:{name}" content="{content}">'


def a_site_with_card(tmp_path: Path, *tags: str, url: str = SITE_URL) -> Path:
    output = a_site(tmp_path, a_page(head="".join(tags)), url=url)
    (output / "images").mkdir()
    (output / "images" / "salt.png").write_bytes(IMAGE)
    return output


@contextmanager
def a_live_card(
    tmp_path: Path, image: str = "/images/salt.png", **answer: object
) -> Iterator[Site]:
    """Serve a site whose page names a card image, which is answered as told."""
    with Site(tmp_path / "dist") as site:
        a_site_with_card(tmp_path, og("image", image.format(url=site.url)), url=site.url)
        if answer:
            site.cached["/images/salt.png"] = Answer(**answer)
        yield site


# --- the title ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title",
    [
        "Salt &amp; pepper",
        "Salt and more: SALT &amp; PEPPER | The Shop",
        "salt",
        "Salt &amp; pep…",
        "",
        " … ",
    ],
)
def test_a_card_title_may_be_dressed_up_or_shortened(tmp_path, title):
    assert look_at_output(a_site_with_card(tmp_path, og("title", title))).ok


@pytest.mark.parametrize("title", ["Sugar", "A coming post", "Salt &amp; pep", "Salted"])
def test_a_card_with_another_title_is_a_finding(tmp_path, title):
    output = a_site_with_card(tmp_path, og("title", title))

    finding = look_at_output(output)

    assert "the card of https://example.org/blog/salt has another title" in finding.reason
    assert "`verify: {card: false}` in jobs.yaml if it is meant" in finding.reason
    assert look_at_output(output, settings=NO_CARD).ok


LONG = "The pattern that prevents chaos in large teams: and why nobody told you about it before"


@pytest.mark.parametrize(
    "title",
    [
        "The pattern that prevents chaos in large teams: and why nob… | Bench",
        "The pattern that prevents chaos in large teams... - Bench",
        "Bench: The pattern that prevents chaos in large…",
        "Bench \u2013 The pattern that prevents chaos [...]",
        "Bench » Blog » The pattern that pre&hellip;",
        "The pattern that prevents chaos in large teams: and | Bench",
        "Bench · The pattern that prevents chaos",
    ],
)
def test_a_long_card_title_may_be_cut_beside_the_sites_name(tmp_path, title):
    output = a_site(tmp_path, a_page(title=LONG, head=og("title", title)))

    assert look_at_output(output, a_post(title=LONG)).ok


@pytest.mark.parametrize(
    "title",
    [
        "Bench…",
        "Bench",
        "Another pattern that prevents chaos… | Bench",
        "The pattern of a coming post… | Bench",
        "The pattern | Bench",
    ],
)
def test_a_card_title_that_begins_otherwise_is_another(tmp_path, title):
    output = a_site(tmp_path, a_page(title=LONG, head=og("title", title)))

    finding = look_at_output(output, a_post(title=LONG))

    assert "another title" in finding.reason


# --- the image in the output ----------------------------------------------------------------


@pytest.mark.parametrize(
    "tag",
    [
        og("image", f"{SITE_URL}/images/salt.png"),
        og("image", "/images/salt.png?v=3"),
        og("image:url", "../images/salt.png"),
        '<meta name="twitter:image" content="https://example.org/images/salt.png">',
        '<meta property="twitter:image:src" content="/images/salt.png">',
    ],
)
def test_a_card_image_that_was_built_is_fine(tmp_path, tag):
    finding = look_at_output(a_site_with_card(tmp_path, tag))

    assert finding.ok, finding.reason
    assert finding.detail.endswith(", and its card image is there")


@pytest.mark.parametrize("tag", [og("image", "/images/sugar.png"), og("image", "/../secret.png")])
def test_a_card_image_that_was_not_built_is_a_finding(tmp_path, tag):
    output = a_site_with_card(tmp_path, tag)
    (tmp_path / "secret.png").write_bytes(IMAGE)

    assert "is not in the built site" in look_at_output(output).reason
    assert look_at_output(output, settings=NO_CARD).ok


def test_an_empty_card_image_is_a_finding(tmp_path):
    output = a_site_with_card(tmp_path, og("image", "/images/salt.png"))
    (output / "images" / "salt.png").write_bytes(b"")

    assert "salt.png is empty (0 bytes)" in look_at_output(output).reason


@pytest.mark.parametrize(
    "image",
    [
        "https://images.example/salt.png",
        "/_vercel/image.png",
        "/api/og.png",
        "/card?title=salt",
        "/blog/salt/opengraph-image",
    ],
)
def test_a_card_image_that_no_build_makes_is_left_to_the_live_look(tmp_path, image):
    assert look_at_output(a_site_with_card(tmp_path, og("image", image))).ok


@pytest.mark.parametrize("image", ["http://images.example/a.png", "data:image/png,x", "//[x/a.png"])
def test_a_card_image_without_https_is_a_finding(tmp_path, image):
    reason = look_at_output(a_site_with_card(tmp_path, og("image", image))).reason

    assert "(og:image), is not an https address" in reason


@pytest.mark.parametrize(
    "image",
    [
        "/images/embargoed-0a1b2c3d.png",
        "https://images.example/w_200/embargoed-0a1b2c3d4e5f.Bx12.webp",
        "/_next/image?url=%2Fimages%2Fembargoed-0a1b2c3d.png&amp;w=64",
    ],
)
def test_the_placeholder_of_the_embargo_as_card_image_is_a_finding(tmp_path, image):
    finding = look_at_output(a_site_with_card(tmp_path, og("image", image)))

    assert "is the placeholder of the embargo" in finding.reason


def test_placeholders_of_other_posts_on_the_page_are_no_card(tmp_path):
    page = a_page().replace("</body>", '<img src="/images/embargoed-0a1b2c3d.png"></body>')

    assert look_at_output(a_site(tmp_path, page)).ok


def test_a_template_in_the_page_makes_no_card(tmp_path):
    head = f"<template>{og('image', '/gone.png')}{og('title', 'Sugar')}</template>"

    assert look_at_output(a_site_with_card(tmp_path, head)).ok


# --- the live image -------------------------------------------------------------------------


def test_a_live_card_image_is_asked_for_once_and_compared(tmp_path):
    with a_live_card(tmp_path) as site:
        finding = look_at(site, output=site.folder)

        assert [r.path for r in site.requests] == ["/blog/salt", "/blog/salt", "/images/salt.png"]
    assert finding.detail.endswith(", and its card image is there")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 404}, "answered 404; a link card would lack it"),
        ({"status": 503}, "answered 503"),
        ({"body": b"<h1>Not found</h1>" * 9}, "is not an image, but text/html (Content-Type)"),
        ({"body": b"", "headers": {"Content-Type": "image/png"}}, "is empty (0 bytes)"),
    ],
)
def test_a_live_card_image_that_is_none_is_a_finding(tmp_path, answer, words):
    with a_live_card(tmp_path, **answer) as site:
        finding = look_at(site, output=site.folder)

        assert f"the card image {site.url}/images/salt.png" in finding.reason
        assert words in finding.reason
        assert look_at(site, settings=NO_CARD).ok


def test_a_slow_card_image_is_a_finding(tmp_path):
    with a_live_card(tmp_path, delay_s=30) as site:
        assert look_at(site, answer_s=0.2).reason.endswith("did not answer within 0.2 s")


OLD = {"body": OLD_IMAGE, "headers": {"Content-Type": "image/png", "Age": "7200"}}


def with_headers(**headers: str) -> dict[str, object]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {**OLD, "headers": {"Content-Type": "image/png", **named}}


def test_an_old_card_image_that_a_cache_serves_is_a_finding(tmp_path):
    with a_live_card(tmp_path, **with_headers(Age="7200", CF_Cache_Status="HIT")) as site:
        finding = look_at(site, output=site.folder)

        assert finding.reason.startswith(
            f"the card image {site.url}/images/salt.png is an old one; a cache answered with a"
            " copy 7200 s old (CF-Cache-Status: HIT); the origin has the new image; purge"
        )
        site.cached.clear()
        assert look_at(site, output=site.folder).ok


def test_an_old_card_image_of_the_same_size_is_a_finding(tmp_path):
    with a_live_card(tmp_path, **OLD) as site:
        assert len(OLD_IMAGE) == len(IMAGE)
        assert "is an old one" in look_at(site, output=site.folder).reason


@pytest.mark.parametrize(
    "headers",
    [
        {"Age": "7200", "CF_Cache_Status": "HIT", "CF_Polished": "origSize=200"},
        {"X_Cache": "HIT", "Content_Type": "image/webp"},
        {"Age": "7200", "Server": "imgix"},
        {"CF_Cache_Status": "MISS", "Age": "0"},
        {"X_Cache": "RefreshHit from cloudfront"},
    ],
)
def test_a_card_image_made_smaller_on_the_way_is_fine(tmp_path, headers):
    with a_live_card(tmp_path, **with_headers(**headers)) as site:
        finding = look_at(site, output=site.folder)

    assert finding.ok, finding.reason
    assert finding.detail.endswith((" made anew on the way", " other bytes than in the output"))


def test_a_card_image_that_is_different_at_the_origin_too_does_not_wait_for_ever(tmp_path):
    with a_live_card(tmp_path, **OLD) as site:
        output = a_site_with_card(tmp_path / "built")
        (output / "images" / "salt.png").write_bytes(IMAGE + b"metadata that the host strips")

        finding = look_at(site, output=output)

    assert finding.ok, finding.reason
    assert "with other bytes than in the output" in finding.detail


def test_a_huge_card_image_is_not_compared(tmp_path):
    with a_live_card(tmp_path, **OLD) as site:
        (site.folder / "images" / "salt.png").write_bytes(IMAGE + bytes(20_000_000))

        assert look_at(site, output=site.folder).ok


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"])
def test_a_card_image_asks_no_other_server_of_this_machine(tmp_path, host):
    with a_live_site(tmp_path / "other") as other:
        port = other.url.rpartition(":")[2]
        with a_live_card(tmp_path, f"http://{host}:{port}/card.png") as site:
            looked = look_at(site, output=site.folder)

        assert other.requests == []
    assert not looked.ok


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "10.0.0.1", "192.168.1.1"])
def test_a_card_image_asks_nobody_in_the_network_around(tmp_path, host):
    with a_live_card(tmp_path, f"http://{host}/latest/meta-data") as site:
        looked = look_at(site, output=site.folder)

    assert not looked.ok
    assert "is not asked" in looked.reason


def test_both_images_of_a_card_are_looked_at(tmp_path):
    twitter = '<meta name="twitter:image" content="/images/pepper.png">'
    with Site(tmp_path / "dist") as site:
        a_site_with_card(tmp_path, og("image", "/images/salt.png"), twitter, url=site.url)

        assert "images/pepper.png answered 404" in look_at(site).reason


# --- a rehearsal ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "image", ["https://images.invalid/a.png", "/_vercel/image?url=a", "/images/salt.png"]
)
def test_a_rehearsal_asks_nobody_else_for_the_image(tmp_path, image):
    with serve(a_site_with_card(tmp_path, og("image", image))) as base_url:
        finding = verify_live(
            a_post(), excerpts(BODY), settings=QUIET, site_url=SITE_URL, served_at=base_url
        )

    assert finding.ok, finding.reason
    is_own = image == "/images/salt.png"
    assert is_own == ("is not looked at in a rehearsal" not in finding.detail)
