"""Verification of the output and of a real local site."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from publisher.model import Post, PostId, PostState
from publisher.preview_server import serve
from publisher.settings import RebuildSettings, VerifySettings
from publisher.verify import Finding, excerpts, verify_live, verify_output
from tests.platforms.site import Site

SITE_URL = "https://example.org"
TITLE = "Salt & pepper"
BODY = """
The first drawer I built was square in every direction but one. It's *still* here -- in use...

## Steps

Then a drummer told me that the silence is what makes the beat audible.
"""
TEXT = """
<p>The first drawer I built was square in every direction but one. It&rsquo;s <em>still</em> here
&ndash; in use&hellip;</p><h2 id="steps">Steps</h2>
<p>Then a drummer told me that the silence is what makes the beat audible.</p>
"""
FILLER = "<p>Lorem ipsum dolor sit amet, consectetur adipiscing elit sed do eiusmod tempor.</p>"
QUIET = VerifySettings()
LISTED = VerifySettings(feed="/feed.xml", sitemap="/sitemap.xml")


def a_post(**changes) -> Post:
    values = {
        "id": PostId("salt"),
        "path": "content/blog/salt.md",
        "digest": "0" * 64,
        "state": PostState.PUBLISHED,
        "title": TITLE,
        "url": f"{SITE_URL}/blog/salt",
    }
    return Post(**(values | changes))


def a_page(text: str = TEXT, *, title: str = "Salt &amp; pepper", head: str = "") -> str:
    return (
        f"<!doctype html><html><head><title>{title} | Shop</title>{head}</head><body>{text}</body>"
    )


def a_site(tmp_path: Path, page: str | None = None, *, url: str = SITE_URL) -> Path:
    """Write an output with one post, a feed and a sitemap."""
    output = tmp_path / "dist"
    (output / "blog").mkdir(parents=True)
    (output / "blog" / "salt.html").write_text(a_page() if page is None else page)
    (output / "feed.xml").write_text(
        f"<rss><channel><link>{url}</link><item><guid>{url}/blog/salt</guid></item></channel></rss>"
    )
    (output / "sitemap.xml").write_text(
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        f"<url><loc>{url}/blog/salt.html</loc></url></urlset>"
    )
    return output


def look_at_output(
    output: Path, post: Post | None = None, *, settings=QUIET, body=BODY, site_url=SITE_URL
) -> Finding:
    return verify_output(
        a_post() if post is None else post,
        excerpts(body),
        settings=settings,
        rebuild=RebuildSettings(command=("true",), output=output),
        site_url=site_url,
    )


def look_at(
    site: Site, *, settings=QUIET, body=BODY, path="/blog/salt", answer_s=5.0, **changes
) -> Finding:
    return verify_live(
        a_post(url=site.url + path, **changes),
        excerpts(body),
        settings=settings,
        site_url=site.url,
        answer_timeout_s=answer_s,
        connect_timeout_s=0.5,
    )


@contextmanager
def a_live_site(tmp_path: Path, page: str | None = None) -> Iterator[Site]:
    with Site(tmp_path / "dist") as site:
        a_site(tmp_path, page, url=site.url)
        yield site


# --- excerpts -------------------------------------------------------------------------------


def test_excerpts_are_sentences_of_the_prose():
    assert excerpts(BODY) == (
        "The first drawer I built was square in every direction but one.",
        "It's still here -- in use...",
        "Then a drummer told me that the silence is what makes the",
    )


def test_excerpts_are_at_most_six_and_spread_over_the_text():
    body = "\n\n".join(f"Paragraph number {n} has some words." for n in range(60))

    numbers = [int(excerpt.split()[2]) for excerpt in excerpts(body)]

    assert [number // 10 for number in numbers] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "body",
    [
        "```\nthis is code and never an excerpt of it\n```",
        "    this is indented code and never an excerpt",
        "<script setup>\nconst one = 'two three four five six'\n</script>",
        "<!-- a comment that nobody ever gets to see -->",
        "::: tip A container title of more than five words\n:::",
        "{{ $frontmatter.title }} {% include some thing or other here %}",
        "![alternative text of an image with many words](a.png)",
        "",
    ],
)
def test_what_is_no_prose_gives_no_excerpt(body):
    assert excerpts(body) == ()


def test_links_are_reduced_to_their_text_and_marks_removed():
    body = "Look **at** the [bench plan](/blog/bench), `then` at ~~my~~ _own_ hands &amp; feet."

    assert excerpts(body) == ("Look at the bench plan, then at my own hands & feet.",)


def test_what_a_theme_replaces_separates_two_fragments():
    body = 'This stands before the mark :tada: and this stands after it [feed](/x){target="_self"}.'

    assert excerpts(body) == ("This stands before the mark", "and this stands after it feed")


def test_prose_inside_components_is_used_only_when_there_is_no_other():
    block = "<PostPreview blurred>\n\nThis may well be filler on the page.\n\n</PostPreview>\n\n"

    assert excerpts(block + "This is on the page for sure.") == ("This is on the page for sure.",)
    assert excerpts(block) == ("This may well be filler on the page.",)


def test_short_posts_give_what_they_have():
    assert excerpts("# Heading\n\nShort words.") == ("Short words.",)
    assert excerpts("<div>\nHello raw world\n</div>") == ("Hello raw world",)
    assert excerpts("# Only a heading") == ("Only a heading",)
    assert excerpts("今日は天気がいい。散歩に行く。") == ("今日は天気がいい。", "散歩に行く。")


# --- the output -----------------------------------------------------------------------------


def test_a_good_page_with_typographic_text_and_entities_is_verified(tmp_path):
    finding = look_at_output(a_site(tmp_path), settings=LISTED)

    assert finding == Finding(
        ok=True,
        detail="https://example.org/blog/salt shows its title, 3 of 3 excerpts found,"
        " and is in the feed, and is in the sitemap",
    )


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("blog/salt/index.html", "/blog/salt"),
        ("blog/salt/index.html", "/blog/salt/"),
        ("blog/salt.html", "/blog/salt/"),
        ("blog/salt.html", "/blog/salt.html"),
        ("blog/smør og salt.html", "/blog/sm%C3%B8r%20og%20salt"),
        ("index.html", "/"),
        ("index.html", ""),
    ],
)
def test_the_page_is_found_as_a_static_host_finds_it(tmp_path, file, path):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(a_page())

    assert look_at_output(tmp_path, a_post(url=SITE_URL + path)).ok


def test_the_path_of_the_site_itself_is_not_a_folder_of_the_output(tmp_path):
    post = a_post(url=f"{SITE_URL}/notes/blog/salt")

    assert look_at_output(a_site(tmp_path), post, site_url=f"{SITE_URL}/notes").ok


def test_a_missing_page_is_named(tmp_path):
    finding = look_at_output(a_site(tmp_path), a_post(url=f"{SITE_URL}/blog/sugar"))

    assert not finding.ok
    assert (
        "nothing for '/blog/sugar' (looked for blog/sugar.html, blog/sugar/index" in finding.reason
    )


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/blog/%2E%2E/../../secret"])
def test_nothing_outside_the_output_is_read(tmp_path, path):
    (tmp_path / "secret.html").write_text(a_page())

    finding = look_at_output(a_site(tmp_path), a_post(url=SITE_URL + path))

    assert "leads out of the output" in finding.reason


def test_a_link_out_of_the_output_is_not_followed(tmp_path):
    output = a_site(tmp_path)
    (tmp_path / "secret.html").write_text(a_page())
    (output / "blog" / "link.html").symlink_to(tmp_path / "secret.html")

    finding = look_at_output(output, a_post(url=f"{SITE_URL}/blog/link"))

    assert "leads out of the output" in finding.reason


@pytest.mark.parametrize("path", ["/blog/%00", f"/blog/{'x' * 300}"])
def test_an_impossible_file_name_is_a_finding(tmp_path, path):
    assert "cannot be read" in look_at_output(a_site(tmp_path), a_post(url=SITE_URL + path)).reason


def test_a_url_of_another_site_is_a_finding(tmp_path):
    finding = look_at_output(a_site(tmp_path), a_post(url="https://example.org.evil.test/x"))

    assert "is not below the site's address https://example.org" in finding.reason


def test_a_page_under_embargo_is_not_verified(tmp_path):
    finding = look_at_output(a_site(tmp_path, a_page(FILLER)))

    assert finding.reason == (
        "https://example.org/blog/salt shows the page without its text (0 of 3 excerpts found);"
        " still the old page, or still under embargo?"
    )


def test_a_teaser_taken_from_the_post_proves_nothing(tmp_path):
    teaser = BODY.partition("## Steps")[0].strip()
    output = a_site(tmp_path, a_page(f"<p>{teaser}</p>{FILLER}"))

    assert look_at_output(output, a_post()).ok
    assert "0 of 1 excerpts found" in look_at_output(output, a_post(teaser=teaser)).reason


def test_one_excerpt_is_not_enough(tmp_path):
    output = a_site(
        tmp_path, a_page("<p>The first drawer I built was square in every direction but one.")
    )

    assert "1 of 3 excerpts found" in look_at_output(output).reason


def test_text_in_scripts_styles_and_templates_does_not_count(tmp_path):
    hidden = "".join(f"<{tag}>{TEXT}</{tag}>" for tag in ("script", "style", "template"))

    assert "0 of 3" in look_at_output(a_site(tmp_path, a_page(hidden + FILLER))).reason


def test_hyphenation_and_inline_tags_do_not_hide_the_text(tmp_path):
    text = (
        TEXT.replace("drawer", "draw\u00ader")
        .replace("beat", "b<b>ea</b>t")
        .replace("is what", "is<br>what")
    )

    assert "3 of 3" in look_at_output(a_site(tmp_path, a_page(text))).detail


def test_another_title_is_a_finding(tmp_path):
    finding = look_at_output(a_site(tmp_path, a_page(title="Salt &amp; peppermint")))

    assert "does not show the title 'Salt & pepper' (3 of 3 excerpts found)" in finding.reason


def test_a_post_without_text_is_verified_by_its_title(tmp_path):
    output = a_site(tmp_path)

    assert look_at_output(output, body="").ok
    assert not look_at_output(output, a_post(title="Sugar"), body="").ok


def test_a_post_with_nothing_to_look_for_is_not_verified(tmp_path):
    finding = look_at_output(a_site(tmp_path), a_post(title=""), body="")

    assert "neither title nor text" in finding.reason


@pytest.mark.parametrize(
    "meta",
    [
        '<meta name="robots" content="noindex">',
        '<META content="nofollow, NOINDEX" name="Robots">',
        '<meta name="googlebot" content="none" />',
    ],
)
def test_noindex_is_a_finding(tmp_path, meta):
    assert "robots: noindex" in look_at_output(a_site(tmp_path, a_page(head=meta))).reason


def test_other_robots_rules_are_fine(tmp_path):
    meta = '<meta name="robots" content="max-image-preview:large, nofollow">'

    assert look_at_output(a_site(tmp_path, a_page(head=meta))).ok


# --- feed and sitemap -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "feed",
    [
        "<rss><channel><item><link>https://example.org/blog/salt/</link></item></channel></rss>",
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/blog/salt"/></entry></feed>',
        "<feed><entry><id>https://example.org/blog/salt.html</id></entry></feed>",
        '{"version": "https://jsonfeed.org/version/1.1", "items": [{"url": "/blog/salt"}]}',
    ],
)
def test_every_kind_of_feed_is_read(tmp_path, feed):
    output = a_site(tmp_path)
    (output / "feed.xml").write_text(feed)

    assert look_at_output(output, settings=LISTED).ok


def test_a_feed_that_only_links_to_the_post_does_not_list_it(tmp_path):
    output = a_site(tmp_path)
    (output / "feed.xml").write_text(
        "<rss><channel><item><link>https://example.org/blog/sugar</link><description>"
        "<![CDATA[<a href='https://example.org/blog/salt'>salt</a>]]></description></item></channel></rss>"
    )

    finding = look_at_output(output, settings=LISTED)

    assert finding.reason.startswith(
        "the feed https://example.org/feed.xml does not list https://example.org/blog/salt;"
    )


def test_a_missing_feed_is_a_finding(tmp_path):
    output = a_site(tmp_path)
    (output / "feed.xml").unlink()

    reason = look_at_output(output, settings=LISTED).reason

    assert "the feed https://example.org/feed.xml: the output" in reason


@pytest.mark.parametrize("feed", ["", "<rss><channel>", "{nonsense", "plain words"])
def test_an_unreadable_feed_is_a_finding(tmp_path, feed):
    output = a_site(tmp_path)
    (output / "feed.xml").write_text(feed)

    assert "is not well-formed" in look_at_output(output, settings=LISTED).reason


def test_a_sitemap_index_is_followed(tmp_path):
    output = a_site(tmp_path)
    (output / "sitemap.xml").rename(output / "sitemap-0.xml")
    (output / "sitemap.xml").write_text(
        "<sitemapindex><sitemap><loc>https://other.test/sitemap.xml</loc></sitemap>"
        f"<sitemap><loc>{SITE_URL}/sitemap-0.xml</loc></sitemap></sitemapindex>"
    )

    assert look_at_output(output, settings=LISTED).ok


def test_a_sitemap_without_the_post_is_a_finding(tmp_path):
    output = a_site(tmp_path)
    (output / "sitemap.xml").write_text(
        "<urlset><url><loc>https://example.org/</loc></url></urlset>"
    )

    assert "sitemap.xml does not list" in look_at_output(output, settings=LISTED).reason


# --- the live site --------------------------------------------------------------------------


def test_a_live_page_must_match_twice_on_fresh_connections(tmp_path):
    with a_live_site(tmp_path) as site:
        finding = look_at(site, settings=LISTED)

        assert finding.ok
        assert [r.path for r in site.requests] == [
            "/blog/salt",
            "/blog/salt",
            "/feed.xml",
            "/sitemap.xml",
        ]
        assert {r.headers["cache-control"] for r in site.requests} == {"no-cache"}
        assert len({r.client_port for r in site.requests}) == 4


def test_a_404_is_a_finding_and_the_next_look_succeeds(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(404)

        assert look_at(site).reason == f"{site.url}/blog/salt answered 404"
        assert look_at(site).ok


def test_a_good_answer_before_a_bad_one_is_not_enough(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next()
        site.next(503)

        assert look_at(site).reason == f"{site.url}/blog/salt answered 503"


def test_a_stale_page_is_not_verified_until_it_is_fresh(tmp_path):
    stale = a_site(tmp_path / "stale", a_page(FILLER))
    with a_live_site(tmp_path) as site:
        site.next()
        site.next(folder=stale)

        assert "without its text (0 of 3 excerpts found)" in look_at(site).reason
        assert look_at(site).ok


def test_a_server_that_is_down_is_named(tmp_path):
    with a_live_site(tmp_path) as site:
        pass

    assert look_at(site).reason == f"{site.url}/blog/salt does not answer: connection refused"


def test_an_unknown_host_is_a_finding():
    post = a_post(url="http://no-such-host.invalid/x")

    finding = verify_live(post, (), settings=QUIET, site_url="http://no-such-host.invalid")

    assert finding.reason.startswith("http://no-such-host.invalid/x does not answer: ")


def test_missing_certificates_are_a_finding(tmp_path, monkeypatch):
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "gone.pem"))
    url = "https://127.0.0.1:1/x"

    finding = verify_live(a_post(url=url), (), settings=QUIET, site_url="https://127.0.0.1:1")

    assert not finding.ok
    assert finding.reason.startswith(f"{url} does not answer: it cannot be asked: ")
    assert "gone.pem" in finding.reason


@pytest.mark.parametrize("url", ["", "/blog/salt", "ftp://127.0.0.1/x", "http://[::1/x", "http://"])
def test_an_unusable_address_is_a_finding(url):
    finding = verify_live(a_post(url=url), (), settings=QUIET, site_url="http://127.0.0.1")

    assert finding.reason == f"{url} does not answer: it is no usable web address"


def test_a_server_without_tls_is_a_finding(tmp_path):
    with a_live_site(tmp_path) as site:
        url = site.url.replace("http:", "https:")

        finding = verify_live(a_post(url=f"{url}/x"), (), settings=QUIET, site_url=url)

    assert "does not answer: " in finding.reason
    assert "ssl" in finding.reason.lower()


def test_a_redirect_on_the_same_host_is_followed(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(301, location="/blog/salt.html", times=1)

        assert look_at(site).ok
        assert [r.path for r in site.requests][:2] == ["/blog/salt", "/blog/salt.html"]


def test_a_redirect_loop_ends(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(302, location="/blog/salt", times=20)

        assert look_at(site).reason == f"{site.url}/blog/salt redirects more than 3 times"
        assert len(site.requests) == 4


def test_a_redirect_to_another_host_is_not_followed(tmp_path):
    with a_live_site(tmp_path / "one") as site, a_live_site(tmp_path / "two") as other:
        site.next(302, location=f"{other.url}/blog/salt?token=x")

        finding = look_at(site)

        assert f"redirects to another host, {other.url}/blog/salt" in finding.reason
        assert other.requests == []


def test_a_redirect_to_nonsense_is_a_finding(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(302, location="http://[::1/")

        assert "redirects to an unusable URL" in look_at(site).reason


def test_a_redirect_with_an_endless_body_is_followed(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(302, location="/blog/salt.html", body=b"x" * 1000, trickle_s=1)

        assert look_at(site, answer_s=0.5).ok


def test_a_redirect_without_target_is_a_finding(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(302)

        assert look_at(site).reason == f"{site.url}/blog/salt answered 302"


def test_only_the_beginning_of_a_huge_page_is_read(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(body=b" " * 6_000_000 + a_page().encode())
        site.next(body=a_page().encode() + b" " * 6_000_000, times=2)

        assert "does not show the title" in look_at(site).reason
        assert look_at(site).ok


def test_a_slow_answer_is_a_finding(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(delay_s=30)

        assert look_at(site, answer_s=0.2).reason.endswith("answer: nothing came for 0.2 s")


def test_an_answer_in_a_trickle_is_a_finding(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(body=b"x" * 1000, trickle_s=0.1)

        assert look_at(site, answer_s=0.3).reason.endswith("answer: not complete within 0.8 s")


def test_a_connection_that_breaks_off_is_a_finding():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hang_up = threading.Thread(target=lambda: listener.accept()[0].close())
        hang_up.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        finding = verify_live(a_post(url=f"{url}/x"), (), settings=QUIET, site_url=url)

        hang_up.join()
    assert finding.reason.startswith(f"{url}/x does not answer: connection ") or (
        finding.reason == f"{url}/x does not answer: the connection broke off"
    )


def test_a_feed_that_is_not_deployed_yet_is_a_finding(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(times=2)
        site.next(404)

        reason = look_at(site, settings=LISTED).reason

        assert reason == f"the feed {site.url}/feed.xml: {site.url}/feed.xml answered 404"


def test_a_password_in_the_address_is_not_shown(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(404)
        url = site.url.replace("//", "//reader:hunter2@")

        finding = verify_live(a_post(url=f"{url}/x"), (), settings=QUIET, site_url=url)

    assert finding.reason == f"{site.url}/x answered 404"


# --- the preview server ---------------------------------------------------------------------


def test_a_rehearsal_verifies_the_output_through_the_preview_server(tmp_path):
    with serve(a_site(tmp_path)) as base_url:
        finding = verify_live(
            a_post(), excerpts(BODY), settings=LISTED, site_url=SITE_URL, served_at=base_url
        )

    assert finding.ok, finding.reason


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/blog/salt", 200),
        ("/blog/salt.html", 200),
        ("/blog/salt/", 200),
        ("/", 200),
        ("/feed.xml", 200),
        ("/blog/", 404),
        ("/blog/sugar", 404),
        ("/../secret.html", 404),
        ("/%2e%2e/secret.html", 404),
    ],
)
def test_the_preview_server_serves_clean_urls_and_nothing_else(tmp_path, path, status):
    output = a_site(tmp_path)
    (output / "index.html").write_text("home")
    (tmp_path / "secret.html").write_text("secret")
    (tmp_path / "dist.html").write_text("secret")

    with serve(output) as base_url:
        response = requests.get(base_url + path, timeout=5)

    assert response.status_code == status


def test_the_preview_server_never_leaves_its_folder(tmp_path):
    (tmp_path / "dist.html").write_text("secret")
    (tmp_path / "dist").mkdir()

    with serve(tmp_path / "dist") as base_url:
        response = requests.get(base_url, timeout=5)

    assert response.status_code == 404


def test_the_preview_server_ends_with_its_context(tmp_path):
    with serve(tmp_path) as base_url:
        pass

    with pytest.raises(requests.ConnectionError):
        requests.get(base_url, timeout=5)
