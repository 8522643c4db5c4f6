"""Which file a post may name as its image: what is sent to other services is public anyway."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.model import Image, Post
from publisher.posts.library import Scan
from tests.posts.sites import a_library, a_text, write

PNG = b"\x89PNG\r\n\x1a\n and so on"


def scanned(
    project: Path, line: str, *, name: str = "blog/a.md", generator: str = "vitepress"
) -> Scan:
    text = a_text("reveal: 2027-03-09", line, state="")
    write(project, name, text)
    return a_library(project, generator=generator).scan()


def the_image(scan: Scan) -> Image | None:
    post: Post = next(post for post in scan.posts if post.id in ("a", "door"))
    return post.hero


@pytest.mark.parametrize(
    ("line", "alt"),
    [
        ("hero: {image: /images/d.png, alt: A bench}", "A bench"),
        ("hero: /images/d.png", ""),
        ("heroImage: /images/d.png", ""),
        ("heroImage: /images/d.png\nheroImageAlt: A bench", "A bench"),
        ("image: /images/d.png", ""),
        ("image: {src: /images/d.png, alt: A bench}", "A bench"),
        ("image: {path: /images/d.png}", ""),
        ("hero: {name: A, image: {src: /images/d.png, alt: A bench}}", "A bench"),
        ("cover: {image: /images/d.png, alt: A bench, hidden: true}", "A bench"),
        ("images: [/images/d.png, /images/e.png]", ""),
        ("images: [{src: /images/d.png, alt: A bench}]", "A bench"),
        ("image: ../public/images/d.png", ""),
    ],
)
def test_image_is_found_by_the_keys_of_themes(line: str, alt: str, tmp_path: Path) -> None:
    write(tmp_path, "public/images/d.png", PNG)

    found = scanned(tmp_path, line)

    assert found.problems == ()
    url = "https://example.org/images/d.png"
    assert the_image(found) == Image(url=url, path="public/images/d.png", alt=alt)


def test_image_may_lie_in_the_folder_of_the_post(tmp_path: Path) -> None:
    write(tmp_path, "blog/door/cover.png", PNG)

    found = scanned(tmp_path, "image: ./cover.png", name="blog/door/index.md", generator="hugo")

    assert the_image(found) == Image(url="", path="blog/door/cover.png", alt="")


def test_astro_has_images_among_its_sources(tmp_path: Path) -> None:
    write(tmp_path, "src/assets/d.png", PNG)

    found = scanned(tmp_path, "heroImage: ../src/assets/d.png", generator="astro")

    image = the_image(found)
    assert image is not None
    assert image.path == "src/assets/d.png"


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("/.env", ".env"),
        ("/.env", "public/.env"),
        ("/.git/config", ".git/config"),
        ("../../outside.png", "../outside.png"),
        ("/notes/plan.png", "notes/plan.png"),
        ("./beside.png", "blog/beside.png"),
        ("../other/cover.png", "other/cover.png"),
        ("/key.png", "public/key.png"),
        ("file:///etc/hostname", "public/etc/hostname"),
        ("//cdn.example/d.png", "public/d.png"),
    ],
)
def test_post_can_name_no_other_file(source: str, file: str, tmp_path: Path) -> None:
    write(tmp_path, file, b"token=1" if file.endswith(("env", "config", "key.png")) else PNG)

    found = scanned(tmp_path, f"hero: {{image: {source}}}")

    assert the_image(found) is None
    assert [(p.rule, p.severity) for p in found.problems] == [("missing-image", "warning")]


def test_link_to_another_file_is_no_image(tmp_path: Path) -> None:
    write(tmp_path, "notes/plan.png", PNG)
    (tmp_path / "content" / "public").mkdir()
    (tmp_path / "content" / "public" / "d.png").symlink_to(tmp_path / "content/notes/plan.png")

    assert the_image(scanned(tmp_path, "image: /d.png")) is None


def test_image_of_another_post_is_not_taken(tmp_path: Path) -> None:
    write(tmp_path, "content/blog/secret/index.md", a_text())
    write(tmp_path, "content/blog/secret/cover.png", PNG)
    text = a_text("reveal: 2027-03-09", "image: /blog/secret/cover.png", state="")
    write(tmp_path, "content/blog/a.md", text)

    library = a_library(tmp_path, generator="pelican", posts=("content/blog/**/*.md",))

    assert the_image(library.scan()) is None
