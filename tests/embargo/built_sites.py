"""A built site with one post, on disk and served, and looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from publisher.config.settings import RebuildSettings, VerifySettings
from publisher.model import Post, PostId, PostState
from publisher.site.verify import Finding, excerpts, verify_live, verify_output
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
    site: Site,
    *,
    settings=QUIET,
    body=BODY,
    path="/blog/salt",
    output: Path | None = None,
    answer_s=5.0,
    **changes,
) -> Finding:
    return verify_live(
        a_post(url=site.url + path, **changes),
        excerpts(body),
        settings=settings,
        site_url=site.url,
        output=output,
        answer_timeout_s=answer_s,
        connect_timeout_s=0.5,
    )


@contextmanager
def a_live_site(tmp_path: Path, page: str | None = None) -> Iterator[Site]:
    with Site(tmp_path / "dist") as site:
        a_site(tmp_path, page, url=site.url)
        yield site
