"""Verification of the output and of a real local site."""

from __future__ import annotations

import gzip
import socket
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, thread_time

import certifi
import pytest
import requests
from markdown_it import MarkdownIt

from publisher.config.settings import VerifySettings
from publisher.embargo.redact.page import embargoed_page
from publisher.model import Embargo
from publisher.model.errors import SiteError
from publisher.rehearse.preview_server import serve
from publisher.site.verify import Finding, excerpts, verify_live
from publisher.system.pages import Live
from publisher.text.feeds import LISTING_BYTES, read_listing
from publisher.text.frontmatter import parse
from tests.embargo.built_sites import (
    BODY,
    FILLER,
    LISTED,
    QUIET,
    SITE_URL,
    TEXT,
    a_live_site,
    a_page,
    a_post,
    a_site,
    look_at,
    look_at_output,
)
from tests.factories import SITE
from tests.platforms.site import Answer, Site

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
        "```mermaid\ngraph of what a page shows as a picture\n```",
        "```mermaid{theme=dark}\ngraph of what a page shows as a picture\n```",
        "*[HTML]: Hyper Text Markup Language, which few pages spell out",
        "\\[ x + y = z \\]\n\n\\[\n\\text{a word of the formula that is drawn}\n\\]",
        "export const marks = {\n  one: 'two three four five six',\n}\n\n<Slides />",
        "export function Mark() {\n  return 'two three four five six'\n}\n",
        '<Slides deck="of the pepper mill" />',
        "import Slides from '../of/the/pepper-mill.astro'\n\n<Slides />",
        "<<< @/snippets/of/the/pepper-mill.js",
        "<script setup>\nconst one = 'two three four five six'\n</script>",
        "<!-- a comment that nobody ever gets to see -->",
        "::: tip A container title of more than five words\n:::",
        "{{ $frontmatter.title }} {% include some thing or other here %}",
        "![](a.png)",
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


def test_what_a_generator_sets_in_another_way_separates_two_fragments():
    body = "We pour H~2~O on it while the mill grinds 10^6^ grains (c) the miller of the valley."

    assert excerpts(body) == (
        "O on it while the mill grinds 10",
        "the miller of the valley.",
    )


def test_code_of_a_module_ends_with_its_bracket():
    body = "```js\nexport default {\n```\n\nThis is on the page for sure.\n\n```js\n}\n```\n"

    assert excerpts(body) == ("This is on the page for sure.",)


@pytest.mark.parametrize(
    "torn",
    [
        *("import a,b\n", "<a b='", "{{ ", "{% ", "[[ ", "[^", "~a", "`{{ ", "\\[ \n", "*[a]"),
        "export const a = [\n",
    ],
)
def test_an_odd_text_takes_no_longer_than_its_length(torn):
    def seconds(count):
        began = thread_time()
        excerpts(torn * count)
        return thread_time() - began

    assert min(seconds(8_000) for _ in range(2)) < 30 * max(seconds(800), 0.01)


def test_prose_inside_components_is_used_only_when_there_is_no_other():
    block = "<PostPreview blurred>\n\nThis may well be filler on the page.\n\n</PostPreview>\n\n"

    assert excerpts(block + "This is on the page for sure.") == ("This is on the page for sure.",)
    assert excerpts(block) == ("This may well be filler on the page.",)


def test_short_posts_give_what_they_have():
    assert excerpts("# Heading\n\nShort words.") == ("Short words.",)
    assert excerpts("<div>\nHello raw world\n</div>") == ("Hello raw world",)
    assert excerpts("# Only a heading") == ("Only a heading",)
    assert excerpts("今日は天気がいい。散歩に行く。") == ("今日は天気がいい。", "散歩に行く。")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("```py\nprint('salt')\n\nx = grind({n: 2})\n```", ("print('salt')", "x = grind({n: 2})")),
        ("    $ grind --pepper\n", ("$ grind --pepper",)),
        ("```js\ngrind(pepper) // [!code ++]\n```", ("grind(pepper) //",)),
        ("| a | b |\n|--|--|\n| of salt | of pepper |\n", ("of salt", "of pepper")),
        ("- <https://a.example/mill>\n- https://b.example\n", ("https://a.example/mill", "https://b.example")),
        ("![The mill](/a.png)\n\n<img src='/b.png' alt='The jar'>\n", ("The mill", "The jar")),
        ("!!! note\n\n    Salt first. *Pepper* then.\n", ("Salt first.", "Pepper then.")),
        ("??? tip \"More\"\n\n    === \"One\"\n\n        Salt first.\n", ("Salt first.",)),
        ("# Salt & pepper\n\n```\ngrind --pepper\n```", ("grind --pepper",)),
        ("See:\n\n```\ngrind --pepper\n```", ("grind --pepper",)),
    ],
)  # fmt: skip
def test_a_post_without_prose_gives_what_else_a_page_shows(body, expected):
    assert excerpts(body) == expected


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


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            "```py\nprint('salt', 2)\nx = grind(pepper)\n```",
            "<pre><i>print</i><span>('salt'</span>, 2)\n<i>x</i> = grind(<b>pepper</b>)</pre>",
        ),
        ("| of salt | of pepper |\n|--|--|\n", "<table><th>of salt<th>of <b>pepper</b></table>"),
        ("![The mill](/a.png)\n\n![The jar](/b.png)\n", "<img alt='The mill'><img alt='The jar'>"),
    ],
)
def test_what_is_no_prose_is_found_on_the_page_and_missed_under_embargo(tmp_path, body, text):
    shown = look_at_output(a_site(tmp_path / "shown", a_page(text)), body=body)
    hidden = look_at_output(a_site(tmp_path / "hidden", a_page(FILLER)), body=body)

    assert (shown.reason, shown.ok) == ("", True)
    assert "shows the page without its text (0 of 2 excerpts found)" in hidden.reason


@pytest.mark.parametrize(
    ("is_overdue", "stamp"), [(False, "Coming Tuesday March 9 2027"), (True, "Coming soon")]
)
@pytest.mark.parametrize(
    ("policy", "body"),
    [
        (Embargo.REDACT, "![](/a.png)\n"),
        (Embargo.REDACT, "<Slides />\n"),
        (Embargo.TEASER, "<Slides />\n"),
        (Embargo.TEASER, "The mill grinds both, they say.\n"),
    ],
)
def test_a_page_that_promises_the_post_is_not_taken_for_it(
    tmp_path, policy, body, is_overdue, stamp
):
    post = a_post(
        title="Mill",
        description="The mill grinds both, they say.",
        release_at=datetime(2027, 3, 9, 8, tzinfo=UTC),
    )
    document = parse(f"---\ntitle: Mill\n---\n{body}".encode(), post.path)
    staged = embargoed_page(document, post, SITE, policy, image=str, is_overdue=is_overdue).decode()
    text = MarkdownIt().render(staged.split("---")[2])
    before = look_at_output(a_site(tmp_path / "a", a_page(text, title="Mill")), post, body=body)
    text = MarkdownIt().render(body)
    after = look_at_output(a_site(tmp_path / "b", a_page(text, title="Mill")), post, body=body)

    assert f"still says {stamp!r}; still under embargo?" in before.reason
    assert (after.reason, after.ok) == ("", True)


def test_a_page_with_its_text_may_promise_another_post_of_that_day(tmp_path):
    post = a_post(release_at=datetime(2027, 3, 9, 8, tzinfo=UTC))
    page = a_page(f"{TEXT}<p>Next: Sugar. Coming Tuesday, March 9, 2027</p>")

    assert look_at_output(a_site(tmp_path, page), post).ok


def test_a_page_without_much_text_may_promise_other_things_further_down(tmp_path):
    rest = "<p>Sketches of mills, all of them drawn in spring.</p>" * 3
    page = a_page(f'<img src="/a.png">{rest}<p>Newsletter: Coming soon</p>', title="Mill")

    assert look_at_output(a_site(tmp_path, page), a_post(title="Mill"), body="![](/a.png)\n").ok


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


# --- the page's own address -----------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "https://example.org/blog/salt",
        "https://EXAMPLE.org/blog/salt/",
        "https://example.org/blog/salt.html",
        "https://example.org/blog/salt/index.html",
        "http://example.org:80/blog/salt",
        "/blog/salt",
        "salt",
        " //example.org/blog/%73alt ",
    ],
)
@pytest.mark.parametrize(
    "tag", ['<link rel="canonical" href="{}">', '<meta property="og:url" content="{}">']
)
def test_a_canonical_address_may_be_written_in_many_ways(tmp_path, tag, written):
    output = a_site(tmp_path, a_page(head=tag.format(written)))

    assert look_at_output(output).ok


@pytest.mark.parametrize(
    "written",
    [
        "https://example.org/",
        "https://example.org/blog/sugar",
        "https://www.example.org/blog/salt",
        "https://example.org:8443/blog/salt",
        "https://example.org/blog/salt?page=2",
        "https://[nonsense",
    ],
)
@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ('<link rel="canonical" href="{}">', "link rel=canonical"),
        ("<META content='{}' property='OG:url' />", "og:url"),
    ],
)
def test_a_canonical_address_of_another_page_is_a_finding(tmp_path, tag, name, written):
    output = a_site(tmp_path, a_page(head=tag.format(written)))

    finding = look_at_output(output)

    assert f"says that its address is another, {written} ({name})" in finding.reason
    assert "`verify: {canonical: false}`" in finding.reason
    assert look_at_output(output, settings=VerifySettings(canonical=False)).ok


def test_two_canonical_addresses_of_which_one_is_another_are_a_finding(tmp_path):
    own, other = (f'<link rel=canonical href="{SITE_URL}/blog/{n}">' for n in ("salt", "sugar"))

    assert look_at_output(a_site(tmp_path / "1", a_page(head=own + own))).ok
    assert "/blog/sugar" in look_at_output(a_site(tmp_path / "2", a_page(head=own + other))).reason


def test_a_relative_canonical_is_relative_to_where_the_page_is_served(tmp_path):
    page = a_page(head='<link rel="canonical" href="./">')
    output = a_site(tmp_path)
    (output / "blog" / "salt.html").unlink()
    (output / "blog" / "salt").mkdir()
    (output / "blog" / "salt" / "index.html").write_text(page)

    assert look_at_output(output).ok


def test_a_base_on_the_page_counts(tmp_path):
    head = f'<base href="{SITE_URL}/blog/"><link rel="canonical" href="salt">'

    assert look_at_output(a_site(tmp_path, a_page(head=head)), settings=QUIET).ok


def test_what_a_page_says_is_shown_without_commands_and_secrets(tmp_path):
    url = "https://reader:hunter2@example.org/`publisher retry`" + "x" * 500
    output = a_site(tmp_path, a_page(head=f'<link rel="canonical" href="{url}">'))

    reason = look_at_output(output).reason

    assert "hunter2" not in reason
    assert "`publisher" not in reason
    assert len(reason) < 600


# --- the index ------------------------------------------------------------------------------

INDEXED = VerifySettings(index="/blog/")


def write_index(output: Path, page: str) -> None:
    (output / "blog" / "index.html").write_text(page)


@pytest.mark.parametrize(
    "link",
    [
        '<a href="/blog/salt">',
        "<a href='salt.html#steps'>",
        '<base href="/"><A HREF=blog/salt/>',
        '<a href="https://example.org/blog/salt/index.html?from=index">',
    ],
)
def test_an_index_that_links_to_the_post_is_fine(tmp_path, link):
    output = a_site(tmp_path)
    write_index(output, f'<a href="http://[nonsense">broken</a>{link}Salt</a>')

    finding = look_at_output(output, settings=INDEXED)

    assert finding.ok, finding.reason
    assert finding.detail.endswith(", and is linked from the index")


@pytest.mark.parametrize(
    "link",
    [
        "Salt &amp; pepper",
        '<a href="/blog/sugar">Salt</a>',
        '<template><a href="/blog/salt">Salt</a></template>',
        '<link rel="prefetch" href="/blog/salt">',
    ],
)
def test_an_index_that_does_not_link_to_the_post_is_a_finding(tmp_path, link):
    output = a_site(tmp_path)
    write_index(output, link)

    assert look_at_output(output, settings=INDEXED).reason == (
        "the index https://example.org/blog/ does not link to https://example.org/blog/salt;"
        " see why the theme leaves it out, or drop verify.index from jobs.yaml"
    )


def test_a_missing_index_is_a_finding(tmp_path):
    reason = look_at_output(a_site(tmp_path), settings=INDEXED).reason

    assert reason.startswith("the index https://example.org/blog/: the built site ")
    assert reason.endswith("or correct verify.index in jobs.yaml")
    assert "post_url" not in reason


@pytest.mark.parametrize("kind", ["feed", "sitemap"])
def test_a_setting_that_names_no_file_of_the_output_is_named(tmp_path, kind):
    reason = look_at_output(a_site(tmp_path), settings=VerifySettings(**{kind: "/nope/"})).reason

    assert reason.startswith(f"the {kind} https://example.org/nope/: the built site ")
    assert reason.endswith(f"or correct verify.{kind} in jobs.yaml")
    assert "post_url" not in reason


def test_an_index_that_a_cache_keeps_old_is_named_as_such(tmp_path):
    with a_live_site(tmp_path) as site:
        write_index(site.folder, '<a href="salt">Salt</a>')
        site.cached["/blog/"] = Answer(body=b"nothing yet", headers={"X-Cache": "HIT"})

        reason = look_at(site, settings=INDEXED).reason
        site.cached.clear()

        assert "a cache answered with a page (X-Cache: HIT)" in reason
        assert look_at(site, settings=INDEXED).ok


# --- feed and sitemap -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "feed",
    [
        "<rss><channel><item><link>https://example.org/blog/salt/</link></item></channel></rss>",
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/blog/salt"/></entry></feed>',
        "<feed><entry><id>https://example.org/blog/salt.html</id></entry></feed>",
        '{"version": "https://jsonfeed.org/version/1.1", "items": [{"url": "/blog/salt"}]}',
        '<feed xml:base="https://example.org/blog/"><entry><link href="salt"/></entry></feed>',
        '<feed xml:base="/"><entry xml:base="blog/"><link href="salt"/></entry></feed>',
        "<rss><item><guid>//[x</guid></item><item><link>/blog/salt</link></item></rss>",
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

    assert "the feed https://example.org/feed.xml: the built site" in reason


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


@pytest.mark.parametrize("name", ["sitemap.xml.gz", "sitemap.txt"])
def test_a_sitemap_may_be_packed_or_a_plain_list(tmp_path, name):
    output = a_site(tmp_path)
    sitemap = (output / "sitemap.xml").read_bytes()
    plain = f"{SITE_URL}/\n{SITE_URL}/blog/salt\n".encode()
    (output / name).write_bytes(gzip.compress(sitemap) if name.endswith("gz") else plain)
    packed = VerifySettings(sitemap=f"/{name}")

    finding = look_at_output(output, settings=packed)
    missing = look_at_output(output, a_post(url=f"{SITE_URL}/blog/sugar"), settings=packed)

    assert finding.ok, finding.reason
    assert not missing.ok


def test_the_parts_of_a_sitemap_may_be_packed(tmp_path):
    with a_live_site(tmp_path) as site:
        sitemap = (site.folder / "sitemap.xml").read_bytes()
        (site.folder / "one.xml.gz").write_bytes(gzip.compress(sitemap))
        (site.folder / "sitemap.xml").write_text(
            "<sitemapindex><sitemap><loc>/one.xml.gz</loc></sitemap></sitemapindex>"
        )

        assert look_at(site, settings=LISTED).ok


@pytest.mark.parametrize(
    "damage",
    [b"\x1f\x8b\x08nonsense", gzip.compress(b"plain words")],
    ids=["damaged", "no list"],
)
def test_a_packed_sitemap_that_is_none_is_a_finding(tmp_path, damage):
    output = a_site(tmp_path)
    (output / "sitemap.xml").write_bytes(damage)

    assert "is not well-formed" in look_at_output(output, settings=LISTED).reason


def test_of_a_packed_sitemap_no_more_is_unpacked_than_a_sitemap_may_have():
    bomb = gzip.compress(b"http://a.example/ " + b" " * (LISTING_BYTES + 1_000_000) + b"http://b/")

    assert read_listing(bomb).urls == ("http://a.example/",)


def test_another_language_of_an_entry_is_no_entry(tmp_path):
    output = a_site(tmp_path)
    (output / "sitemap.xml").write_text(
        "<urlset xmlns:xhtml='http://www.w3.org/1999/xhtml'><url><loc>/x</loc>"
        "<xhtml:link rel='alternate' hreflang='en' href='/blog/salt'/></url></urlset>"
    )

    assert "sitemap.xml does not list" in look_at_output(output, settings=LISTED).reason


def test_parts_of_a_sitemap_on_another_host_are_named(tmp_path):
    output = a_site(tmp_path)
    (output / "sitemap.xml").write_text(
        "<sitemapindex><sitemap><loc>https://other.test/one.xml</loc></sitemap></sitemapindex>"
    )

    reason = look_at_output(output, settings=LISTED).reason

    assert "its parts on other hosts, such as https://other.test/one.xml, are not asked" in reason


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

    words = "did not accept the connection: connection refused"
    assert look_at(site).reason == f"{site.url}/blog/salt {words}"


def test_an_unknown_host_is_a_finding():
    post = a_post(url="http://no-such-host.invalid/x")

    finding = verify_live(post, (), settings=QUIET, site_url="http://no-such-host.invalid")

    assert finding.reason.startswith("http://no-such-host.invalid/x cannot be found: ")


def test_missing_certificates_are_a_finding(tmp_path, monkeypatch):
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "gone.pem"))
    url = "https://127.0.0.1:1/x"

    finding = verify_live(a_post(url=url), (), settings=QUIET, site_url="https://127.0.0.1:1")

    assert not finding.ok
    assert finding.reason.startswith(f"{url} cannot be asked from this machine: ")
    assert "gone.pem" in finding.reason


@pytest.mark.parametrize("url", ["", "/blog/salt", "ftp://127.0.0.1/x", "http://[::1/x", "http://"])
def test_an_unusable_address_is_a_finding(url):
    finding = verify_live(a_post(url=url), (), settings=QUIET, site_url="http://127.0.0.1")

    assert finding.reason == f"{url} is not a usable web address"


def test_a_server_without_tls_is_a_finding(tmp_path):
    with a_live_site(tmp_path) as site:
        url = site.url.replace("http:", "https:")

        finding = verify_live(a_post(url=f"{url}/x"), (), settings=QUIET, site_url=url)

    assert "TLS" in finding.reason


def test_a_redirect_on_the_same_host_is_followed(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(301, location="/blog/salt.html", times=1)

        assert look_at(site).ok
        assert [r.path for r in site.requests][:2] == ["/blog/salt", "/blog/salt.html"]


def test_a_redirect_to_another_page_is_a_finding_though_that_shows_the_text(tmp_path):
    with a_live_site(tmp_path) as site:
        (site.folder / "blog" / "index.html").write_text(a_page())
        for _ in range(2):
            site.next(302, location="/blog/")
            site.next()

        finding = look_at(site)

    assert finding.reason.startswith(
        f"{site.url}/blog/salt leads to {site.url}/blog/, which does not say whose page it is;"
    )


@pytest.mark.parametrize(
    ("head", "settings"),
    [
        ('<link rel="canonical" href="/blog/salt">', QUIET),
        ("", VerifySettings(canonical=False)),
    ],
)
def test_a_redirect_to_another_address_is_fine_when_it_is_meant(tmp_path, head, settings):
    with a_live_site(tmp_path) as site:
        (site.folder / "2027.html").write_text(a_page(head=head))
        for _ in range(2):
            site.next(302, location="/2027")
            site.next()

        finding = look_at(site, settings=settings)

    assert finding.ok, finding.reason


def test_a_redirect_to_small_letters_is_followed(tmp_path):
    with a_live_site(tmp_path) as site:
        for _ in range(2):
            site.next(301, location="/blog/salt")
            site.next()

        assert look_at(site, path="/blog/Salt").ok


def test_a_redirect_loop_ends(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(302, location="/blog/salt", times=20)

        assert look_at(site).reason == f"{site.url}/blog/salt redirects more than 3 times"
        assert len(site.requests) == 4


def test_an_address_in_a_redirect_cannot_command_the_terminal(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(302, location="http://evil.example/\x1b[2J\x9b\xff")

        finding = look_at(site)

    assert finding.reason.isprintable()
    assert "http://evil.example/\\x1b[2J" in finding.reason


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

        assert look_at(site, answer_s=0.2).reason.endswith("did not answer within 0.2 s")


def test_an_answer_in_a_trickle_is_a_finding(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(body=b"x" * 1000, trickle_s=0.1)

        assert look_at(site, answer_s=0.3).reason.endswith("did not answer within 0.8 s")


def test_a_connection_that_breaks_off_is_a_finding():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hang_up = threading.Thread(target=lambda: listener.accept()[0].close())
        hang_up.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        finding = verify_live(a_post(url=f"{url}/x"), (), settings=QUIET, site_url=url)

        hang_up.join()
    assert finding.reason.startswith(
        f"{url}/x closed the connection before its answer was complete"
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


@pytest.mark.parametrize(
    ("said", "is_noindex"),
    [
        ("noindex", True),
        ("NoArchive, NoIndex", True),
        ("googlebot: none", True),
        ("otherbot: noindex, nofollow", False),
        ("otherbot: noindex, googlebot: nofollow, noindex", True),
        ("unavailable_after: 25 Jun 2027 15:00:00 PST", False),
        ("max-snippet: 20, noindex", True),
    ],
)
def test_a_header_that_keeps_search_engines_away_is_a_finding(tmp_path, said, is_noindex):
    with a_live_site(tmp_path) as site:
        site.cached["/blog/salt"] = Answer(headers={"X-Robots-Tag": said})

        finding = look_at(site)

    assert finding.ok is not is_noindex
    assert is_noindex == (f"(X-Robots-Tag: {said})" in finding.reason)


def test_no_request_lasts_longer_than_the_whole_verification_may(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(delay_s=30)

        reason = look_at(site, settings=VerifySettings(timeout=timedelta(seconds=0.2))).reason

    assert reason.endswith(("did not answer within 0.2 s", "did not answer within 0.4 s"))


def test_a_look_makes_twelve_requests_at_the_most(tmp_path):
    with a_live_site(tmp_path) as site:
        write_sitemap_index(site, parts=40)

        reason = look_at(site, settings=LISTED).reason

        assert len(site.requests) == 12
    assert "was not asked: one look makes 12 requests; of a sitemap in many parts" in reason


def test_of_a_sitemap_in_many_parts_the_one_that_lists_the_post_is_asked_for(tmp_path):
    with a_live_site(tmp_path) as site:
        write_sitemap_index(site, parts=40)

        finding = look_at(site, settings=LISTED, output=site.folder)

        assert finding.ok, finding.reason
        assert [r.path for r in site.requests][-2:] == ["/sitemap.xml", "/sitemap-39.xml"]


def write_sitemap_index(site: Site, *, parts: int) -> None:
    """Spread the sitemap over parts of which the last one lists the post."""
    (site.folder / "sitemap.xml").rename(site.folder / f"sitemap-{parts - 1}.xml")
    for number in range(parts - 1):
        (site.folder / f"sitemap-{number}.xml").write_text("<urlset></urlset>")
    names = (f"<sitemap><loc>/sitemap-{number}.xml</loc></sitemap>" for number in range(parts))
    (site.folder / "sitemap.xml").write_text(f"<sitemapindex>{''.join(names)}</sitemapindex>")


# --- an old page behind a cache -------------------------------------------------------------

OLD_WORDS = "the origin has the new page, a cache still serves the old one"


def keep_old(site: Site, **headers: str) -> None:
    """Let a cache in front of the site have the page as it was under embargo."""
    body = a_page(FILLER).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    site.cached["/blog/salt"] = Answer(body=body, headers=names)


def test_an_old_page_that_a_cache_serves_is_recognised(tmp_path):
    with a_live_site(tmp_path) as site:
        keep_old(site, Age="312", CF_Cache_Status="HIT")

        finding = look_at(site)

        assert finding.reason == (
            f"{site.url}/blog/salt shows the page without its text (0 of 3 excerpts found);"
            f" a cache answered with a page 312 s old (CF-Cache-Status: HIT); {OLD_WORDS};"
            " purge the page from the cache, or wait until it expires"
        )
        asked = [r.path.partition("=")[0] for r in site.requests]
        assert asked == ["/blog/salt", "/blog/salt?publisher-look"]


def test_a_page_that_only_the_origin_has_is_never_live(tmp_path):
    with a_live_site(tmp_path) as site:
        keep_old(site, Age="312")

        assert not look_at(site).ok
        assert not look_at(site).ok
        site.cached.clear()

        assert look_at(site).ok


def test_an_old_page_of_the_origin_itself_is_no_fault_of_a_cache(tmp_path):
    with a_live_site(tmp_path, a_page(FILLER)) as site:
        site.cached["/blog/salt"] = Answer(headers={"Last-Modified": "Tue, 02 Mar 2027 08:00 GMT"})

        reason = look_at(site).reason

    assert reason == (
        f"{site.url}/blog/salt shows the page without its text (0 of 3 excerpts found);"
        " still the old page, or still under embargo?;"
        " the server says that it was last changed Tue, 02 Mar 2027 08:00 GMT"
    )


def test_a_cache_that_does_not_say_so_is_found_out(tmp_path):
    with a_live_site(tmp_path) as site:
        keep_old(site)

        assert OLD_WORDS in look_at(site).reason


def test_a_cached_404_is_recognised(tmp_path):
    with a_live_site(tmp_path) as site:
        site.cached["/blog/salt"] = Answer(status=404, headers={"Age": "40", "X-Cache": "HIT, HIT"})

        reason = look_at(site).reason

    assert reason.startswith(
        f"{site.url}/blog/salt answered 404; a cache answered with a page 40 s old"
        f" (X-Cache: HIT, HIT); {OLD_WORDS};"
    )


def test_an_error_of_the_host_is_not_put_down_to_a_cache(tmp_path):
    with a_live_site(tmp_path) as site:
        site.next(503, times=1)

        assert look_at(site).reason == f"{site.url}/blog/salt answered 503"
        assert len(site.requests) == 1


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


# --- feeds of several languages ---------------------------------------------------------------


def a_site_of_two_languages(folder: Path, *, listed: dict[str, list[str]]) -> Path:
    """Write a post below /de/, and feeds that list these addresses."""
    page = folder / "de/blog/salt.html"
    page.parent.mkdir(parents=True)
    page.write_text(a_page())
    for feed, paths in listed.items():
        (folder / feed).parent.mkdir(exist_ok=True)
        items = "".join(f"<item><link>{SITE_URL}{path}</link></item>" for path in paths)
        (folder / feed).write_text(f"<rss><channel>{items}</channel></rss>")
    return folder


@pytest.mark.parametrize(
    ("listed", "ok"),
    [
        ({"feed.xml": ["/blog/plane"], "de/feed.xml": ["/de/blog/salt"]}, True),
        ({"feed.xml": ["/blog/plane"], "de/feed.xml": ["/de/blog/other"]}, False),
        ({"feed.xml": ["/blog/plane"]}, True),
        ({"feed.xml": ["/blog/plane", "/de/blog/other"]}, False),
        ({"feed.xml": ["/blog/plane", "/de/blog/salt"]}, True),
        ({}, False),
    ],
)
def test_a_post_is_listed_by_the_feed_of_its_language(
    tmp_path: Path, listed: dict[str, list[str]], ok: bool
) -> None:
    output = a_site_of_two_languages(tmp_path, listed=listed)
    post = a_post(url=f"{SITE_URL}/de/blog/salt")

    found = look_at_output(output, post, settings=VerifySettings(feed="/feed.xml"))

    assert found.ok is ok


def test_a_look_takes_a_minute_at_the_most(tmp_path):
    with Site(tmp_path / "dist") as site:
        a_site(tmp_path, url=site.url)
        live = Live(site_url=site.url, timeouts=(5.0, 15.0), end_s=monotonic())

        with pytest.raises(SiteError, match="one look takes 60 s at most"):
            live.ask(f"{site.url}/blog/salt", 1000)

    assert site.requests == []


def test_a_feed_that_names_another_host_says_which(tmp_path: Path) -> None:
    output = a_site(tmp_path, url="https://old.example")

    reason = look_at_output(output, settings=VerifySettings(feed="/feed.xml")).reason

    assert "https://old.example/blog/salt" in reason
