"""Addresses are learned from each build, and kept."""

from __future__ import annotations

import os
from pathlib import Path

from publisher.model import Post, PostState
from publisher.posts.address_book import Address, AddressBook
from publisher.site.learning import learn
from tests.factories import a_post
from tests.posts.sites import a_library

SITE = "https://site.example"
TEXT = "The oldest kettle in the shop came from a ship that never reached its harbour."
FILLER = "Dolor sit amet lorem elit magna aliqua nunc erat vel purus diam mollit tempor."


class World:
    """A folder of sources, what was built of it, and the addresses known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "dist"
        self.book = AddressBook(folder / "state")
        self.post = a_post(
            path="blog/kettles.md",
            title="Kettles",
            url=f"{SITE}/blog/kettles",
            state=PostState.SCHEDULED,
        )

    def write(self, text: str, *, at: int = 1) -> None:
        self._put(self.folder / "blog/kettles.md", f"---\ntitle: Kettles\n---\n\n{text}\n", at)

    def build(self, name: str, text: str, *, at: int = 1) -> None:
        self._put(self.output / name, f"<title>Kettles</title><p>{text}</p>", at)

    def learn(self, *posts: Post, begun: int | None = 2) -> dict[str, Address]:
        return dict(
            learn(
                self.book,
                posts or [self.post],
                sources=self.folder,
                output=self.output,
                site=a_library(self.folder, url=SITE, post_url=None).site,
                begun_ns=begun and begun * 10**9,
            )
        )

    def _put(self, file: Path, text: str, at: int) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        os.utime(file, (at, at))


def test_what_a_build_told_is_known_to_the_next_process(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(FILLER)
    world.build("2027/kettles/index.html", FILLER)

    world.learn()

    known = AddressBook(tmp_path / "state").read()["blog/kettles.md"]
    assert (known.url, known.file) == (f"{SITE}/2027/kettles/", "2027/kettles/index.html")


def test_a_page_that_moves_keeps_its_former_address(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(FILLER)
    world.build("kettles/index.html", FILLER)
    world.learn()
    world.write(TEXT, at=2)
    world.build("news/kettles/index.html", TEXT, at=2)

    known = world.learn()["blog/kettles.md"]

    assert (known.url, known.former) == (f"{SITE}/news/kettles/", (f"{SITE}/kettles/",))
    assert not (world.output / "kettles/index.html").exists()


def test_an_output_that_is_not_ours_keeps_what_is_left_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(FILLER)
    world.build("kettles/index.html", FILLER)
    world.learn(begun=None)
    world.write(TEXT, at=2)
    world.build("news/kettles/index.html", TEXT, at=2)

    world.learn(begun=None)

    assert (world.output / "kettles/index.html").exists()


def test_a_page_that_returns_has_itself_not_as_a_former_address(tmp_path: Path) -> None:
    world = World(tmp_path)
    for at, (folder, text) in enumerate((("a", FILLER), ("b", TEXT), ("a", FILLER)), start=1):
        world.write(text, at=at)
        world.build(f"{folder}/kettles/index.html", text, at=at)
        known = world.learn()["blog/kettles.md"]

    assert (known.url, known.former) == (f"{SITE}/a/kettles/", (f"{SITE}/b/kettles/",))


def test_a_post_without_a_page_keeps_the_address_that_it_had(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(FILLER)
    world.build("kettles/index.html", FILLER)
    before = world.learn()
    (world.output / "kettles/index.html").unlink()

    assert world.learn() == before


def test_a_post_whose_file_is_not_built_has_no_address(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.build("blog/kettles.html", FILLER)

    assert world.learn() == {}


def test_a_damaged_address_book_counts_as_empty_and_is_filled_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(FILLER)
    world.build("kettles/index.html", FILLER)
    known = world.learn()
    world.book.file.write_text('{"version": 1, "addresses": [')

    assert world.book.read() == {}
    assert world.learn() == known


def test_posts_that_take_each_others_addresses_keep_their_pages(tmp_path: Path) -> None:
    world = World(tmp_path)
    texts = {"a": f"{TEXT} It is the first.", "b": f"{FILLER} It is the second."}
    posts = [
        a_post(id=name, path=f"blog/{name}.md", title=name, url=f"{SITE}/{name}/") for name in texts
    ]

    def build(places: dict[str, str], *, at: int) -> None:
        for name, text in texts.items():
            world._put(world.folder / f"blog/{name}.md", f"---\ntitle: {name}\n---\n\n{text}\n", at)
            page = f"<title>{name}</title><p>{text}</p>"
            world._put(world.output / places[name] / "index.html", page, at + (name == "b"))

    build({"a": "a", "b": "b"}, at=1)
    world.learn(*posts)
    build({"a": "b", "b": "a"}, at=10)

    known = world.learn(*posts)

    assert {path: one.file for path, one in known.items()} == {
        "blog/a.md": "b/index.html",
        "blog/b.md": "a/index.html",
    }
    assert (world.output / "a/index.html").exists()
    assert (world.output / "b/index.html").exists()
