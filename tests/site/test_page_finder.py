"""Where a build put each post: found by the post's own words, whatever the generator decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.site.page_finder import FoundPage, Wanted, find_pages

SITE = "https://site.example"
KETTLES = """\
The oldest kettle in the shop came from a ship that never reached its harbour.

Somebody polishes it on Sundays, when the shutters are down and nobody looks.
"""
LANTERNS = "Seven lanterns hang in the yard, and only the third one has ever been lit."


def a_page(text: str, *, title: str = "Kettles", head: str = "") -> str:
    return (
        f"<html><head><title>{title} | Shop</title>{head}</head><body><p>{text}</p></body></html>"
    )


def an_output(folder: Path, pages: dict[str, str]) -> Path:
    for name, page in pages.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page, encoding="utf-8")
    return folder


def kettles(url: str = f"{SITE}/blog/kettles/", **changes) -> Wanted:
    values = {"path": "blog/kettles.md", "title": "Kettles", "url": url, "text": lambda: KETTLES}
    return Wanted(**(values | changes))


def found_in(output: Path, *wanted: Wanted, site: str = SITE) -> dict[str, FoundPage]:
    return find_pages(output, wanted or [kettles()], site)


@pytest.mark.parametrize(
    ("file", "url"),
    [
        ("blog/kettles/index.html", f"{SITE}/blog/kettles/"),
        ("news/2027/03/09/launch/index.html", f"{SITE}/news/2027/03/09/launch/"),
        ("Tea & Kettles.html", f"{SITE}/Tea%20%26%20Kettles.html"),
        ("posts/你好-世界/index.html", f"{SITE}/posts/%E4%BD%A0%E5%A5%BD-%E4%B8%96%E7%95%8C/"),
    ],
)
def test_a_page_is_found_wherever_it_was_put(tmp_path: Path, file: str, url: str) -> None:
    output = an_output(tmp_path, {file: a_page(KETTLES), "about.html": a_page("Nothing here.")})

    assert found_in(output) == {"blog/kettles.md": FoundPage(url=url, file=file)}


@pytest.mark.parametrize(
    ("listed", "url"),
    [
        (f"{SITE}/about", f"{SITE}/2027/kettles"),
        (f"{SITE}/about.html", f"{SITE}/2027/kettles.html"),
        ("https://other.example/about", f"{SITE}/2027/kettles.html"),
    ],
)
def test_an_address_has_an_ending_where_those_in_the_sitemap_have_one(
    tmp_path: Path, listed: str, url: str
) -> None:
    pages = {"2027/kettles.html": a_page(KETTLES), "about.html": a_page("Nothing here.")}
    sitemap = f"<urlset><url><loc>{SITE}/</loc></url><url><loc>{listed}</loc></url></urlset>"
    output = an_output(tmp_path, {**pages, "sitemap.xml": sitemap})

    assert found_in(output)["blog/kettles.md"].url == url


@pytest.mark.parametrize(
    ("link", "url"),
    [("/about", f"{SITE}/2027/kettles"), ("about.html#top", f"{SITE}/2027/kettles.html")],
)
def test_an_address_has_an_ending_where_links_of_the_first_page_have_one(
    tmp_path: Path, link: str, url: str
) -> None:
    pages = {"2027/kettles.html": a_page(KETTLES), "about.html": a_page("Nothing here.")}
    first = a_page(
        f'<a href="https://other.example/x">x</a><a href="/">y</a><a href="{link}">z</a>'
    )
    output = an_output(tmp_path, {**pages, "index.html": first})

    assert found_in(output)["blog/kettles.md"].url == url


@pytest.mark.parametrize(
    ("is_told", "url"), [(True, f"{SITE}/blog/kettles"), (False, f"{SITE}/blog/kettles/")]
)
def test_an_address_that_a_person_wrote_stays_as_written(
    tmp_path: Path, is_told: bool, url: str
) -> None:
    output = an_output(tmp_path, {"blog/kettles/index.html": a_page(KETTLES)})

    found = found_in(output, kettles(f"{SITE}/blog/kettles", is_told=is_told))

    assert found["blog/kettles.md"].url == url


def test_the_address_that_a_page_names_itself_is_taken(tmp_path: Path) -> None:
    head = f'<link rel="canonical" href="{SITE}/2027/kettles">'
    output = an_output(tmp_path, {"2027/kettles.html": a_page(KETTLES, head=head)})

    assert found_in(output)["blog/kettles.md"].url == f"{SITE}/2027/kettles"


@pytest.mark.parametrize("canonical", [f"{SITE}/elsewhere", "https://other.example/2027/kettles"])
def test_an_address_that_does_not_lead_to_the_page_is_not_taken(
    tmp_path: Path, canonical: str
) -> None:
    head = f'<link rel="canonical" href="{canonical}">'
    output = an_output(tmp_path, {"2027/kettles.html": a_page(KETTLES, head=head)})

    assert found_in(output)["blog/kettles.md"].url == f"{SITE}/2027/kettles.html"


def test_a_list_that_shows_whole_posts_is_not_the_page_of_one(tmp_path: Path) -> None:
    both = KETTLES + LANTERNS
    output = an_output(
        tmp_path,
        {
            "index.html": a_page(both, title="Shop"),
            "a/index.html": a_page(KETTLES),
            "b/index.html": a_page(LANTERNS, title="Lanterns"),
        },
    )
    lanterns = Wanted(path="b.md", title="Lanterns", url="", text=lambda: LANTERNS)

    found = found_in(output, kettles(), lanterns)

    assert {path: page.file for path, page in found.items()} == {
        "blog/kettles.md": "a/index.html",
        "b.md": "b/index.html",
    }


def test_another_page_at_the_likely_address_is_not_taken(tmp_path: Path) -> None:
    output = an_output(
        tmp_path,
        {"blog/kettles/index.html": a_page(LANTERNS), "2027/kettles/index.html": a_page(KETTLES)},
    )

    assert found_in(output)["blog/kettles.md"].file == "2027/kettles/index.html"


def test_a_post_that_was_not_built_has_no_page(tmp_path: Path) -> None:
    output = an_output(tmp_path, {"blog/lanterns/index.html": a_page(LANTERNS)})

    assert found_in(output) == {}


def test_the_title_is_enough_for_a_public_post_at_its_likely_address(tmp_path: Path) -> None:
    output = an_output(tmp_path, {"blog/kettles/index.html": a_page("An embedded film.")})

    assert found_in(output, kettles(is_public=True)) != {}
    assert found_in(output, kettles(is_public=False)) == {}


def test_a_post_without_words_is_known_by_its_title_at_its_likely_address(tmp_path: Path) -> None:
    output = an_output(
        tmp_path,
        {"blog/kettles/index.html": a_page("<img>"), "tags/kettles/index.html": a_page("<img>")},
    )

    assert found_in(output, kettles(text=lambda: ""))["blog/kettles.md"].file == (
        "blog/kettles/index.html"
    )
    assert found_in(output, kettles(f"{SITE}/nowhere/", text=lambda: "")) == {}  # two are titled
    (tmp_path / "tags/kettles/index.html").unlink()
    assert found_in(output, kettles(f"{SITE}/nowhere/", text=lambda: "")) != {}


def test_a_site_below_a_path_keeps_it(tmp_path: Path) -> None:
    output = an_output(tmp_path, {"2027/kettles/index.html": a_page(KETTLES)})

    found = found_in(output, kettles(f"{SITE}/shop/blog/"), site=f"{SITE}/shop")

    assert found["blog/kettles.md"].url == f"{SITE}/shop/2027/kettles/"


@pytest.mark.parametrize("canonical", [True, False])
def test_a_first_page_that_shows_the_newest_post_is_not_its_page(
    tmp_path: Path, canonical: bool
) -> None:
    def page(text: str, title: str, path: str) -> str:
        link = f'<link rel="canonical" href="{SITE}{path}">' if canonical else ""
        return a_page(f"<h1>Kettles</h1>{text}", title=title, head=link)

    output = an_output(
        tmp_path,
        {
            "index.html": page(KETTLES, "Shop", "/"),
            "notes/cat/index.html": page(f"{KETTLES}<p>Share this.</p>", "Kettles", "/notes/cat/"),
        },
    )

    assert found_in(output)["blog/kettles.md"].file == "notes/cat/index.html"


def test_a_post_that_only_the_first_page_shows_has_no_page(tmp_path: Path) -> None:
    output = an_output(tmp_path, {"index.html": a_page(KETTLES)})

    assert found_in(output) == {}


def test_a_copy_for_printers_is_not_the_page(tmp_path: Path) -> None:
    output = an_output(
        tmp_path,
        {
            "2027/kettles/index.html": a_page(f"{KETTLES} Share this."),
            "2027/kettles/print.html": a_page(KETTLES),
        },
    )

    assert found_in(output)["blog/kettles.md"].file == "2027/kettles/index.html"


def test_a_list_with_the_only_post_of_a_month_is_not_its_page(tmp_path: Path) -> None:
    pages = {
        "2027/03/index.html": f"<title>Shop</title><h1>Kettles</h1><p>{KETTLES}</p>",
        "2027/03/kettles/index.html": f"<title>Shop</title><h1>Kettles</h1><p>{KETTLES} More.</p>",
    }
    output = an_output(tmp_path, pages)

    found = found_in(output, kettles(f"{SITE}/elsewhere/"))

    assert found["blog/kettles.md"].file == "2027/03/kettles/index.html"
