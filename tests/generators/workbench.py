"""One generator's small site in a folder of its own, and the real command run upon it."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brotli

from publisher.generators import GENERATORS
from publisher.model import PostState
from publisher.posts.flip import set_state
from tests.generators.installing import SITES, programs

ROOT = Path(__file__).parents[2]
ADDRESS = "https://workbench.example"  # of every site, in whatever its generator reads
TIMEOUT_S = 300
NODE_PATH = shutil.which("node")

# The post that is not out yet: a sentence, and words that no other text of the site holds. A
# search index may hold words without their sentence.
SENTENCE = "Seven brass hinges sleep beneath the violet lighthouse"
WORDS = ("lighthouse", "mortise", "cormorant", "unannounced-hinge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the site of one generator has where; paths of posts and outputs below the site."""

    name: str
    post: str
    output: str
    page: str  # the URL's path
    feed: str
    sitemap: str
    command: tuple[str, ...]
    lists: tuple[str, ...] = ()  # files that hold the text of every public post


SAMPLES = {
    generator.name: generator
    for generator in (
        Sample(
            name="hugo",
            post="content/posts/pattern.md",
            output="public",
            page="/posts/pattern/",
            feed="/index.xml",
            sitemap="/sitemap.xml",
            command=("hugo", "--buildFuture", "--cleanDestinationDir"),
            lists=("index.json", "tags/plans/index.xml"),
        ),
        Sample(
            name="pelican",
            post="content/pattern.md",
            output="output",
            page="/the-pattern.html",
            feed="/feeds/all.atom.xml",
            sitemap="/sitemap.xml",
            command=(
                *("pelican", "content", "--delete-output-directory"),
                *("--settings", "pelicanconf.py"),
            ),
            lists=("tag/plans.html",),
        ),
        Sample(
            name="mkdocs",
            post="docs/blog/posts/pattern.md",
            output="site",
            page="/blog/2099/03/10/the-pattern/",
            feed="/feed_rss_created.xml",
            sitemap="/sitemap.xml",
            command=("mkdocs", "build"),
            lists=("search/search_index.json", "feed_json_created.json"),
        ),
        Sample(
            name="nikola",
            post="posts/pattern.md",
            output="output",
            page="/posts/pattern/",
            feed="/rss.xml",
            sitemap="/sitemap.xml",
            command=("nikola", "build"),
            lists=("posts/pattern/index.md", "categories/plans.xml"),
        ),
        Sample(
            name="eleventy",
            post="posts/pattern.md",
            output="_site",
            page="/posts/pattern/",
            feed="/feed.xml",
            sitemap="/sitemap.xml",
            command=("npm", "run", "build"),
            lists=("index.html",),
        ),
        Sample(
            name="jekyll",
            post="_posts/2099-03-10-pattern.md",
            output="_site",
            page="/2099/03/10/pattern.html",
            feed="/feed.xml",
            sitemap="/sitemap.xml",
            command=("jekyll", "build", "--future"),
            lists=("index.html", "tag/plans/index.html", "feed/by_tag/plans.xml"),
        ),
        Sample(
            name="vitepress",
            post="blog/pattern.md",
            output=".vitepress/dist",
            page="/blog/pattern",
            feed="/feed.xml",
            sitemap="/sitemap.xml",
            command=("npm", "run", "build"),
            lists=("assets/chunks/@localSearchIndexroot.*.js", "assets/blog_pattern.md.*.js"),
        ),
        Sample(
            name="astro",
            post="src/content/blog/pattern.md",
            output="dist",
            page="/blog/pattern/",
            feed="/rss.xml",
            sitemap="/sitemap-index.xml",
            command=("npm", "run", "build"),
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    generator: Sample
    folder: Path
    programs: Path

    @property
    def output(self) -> Path:
        """Give where the built site is: at its place, or, before that, in the stage."""
        place = self.folder / self.generator.output
        staged = self.folder / ".publisher" / "stage" / "project" / self.generator.output
        return staged if staged.exists() and not place.exists() else place

    @property
    def post(self) -> Path:
        return self.folder / self.generator.post

    @property
    def outbox(self) -> list[dict[str, Any]]:
        files = (self.folder / ".publisher" / "outbox").glob("*.json")
        return [json.loads(file.read_text()) for file in files]

    def move_to(self, url: str) -> None:
        """Let the site be public at another address."""
        for file in self.folder.rglob("*"):
            if "node_modules" in file.parts or file.suffix == ".lock" or not file.is_file():
                continue
            text = file.read_text()
            if ADDRESS in text:
                file.write_text(text.replace(ADDRESS, url))

    def publisher(self, *arguments: str, code: int = 0) -> str:
        """Run the real command and give what it said; ``code`` is what it must exit with."""
        return self._run(sys.executable, "-m", "publisher", *arguments, code=code)

    def flip(self) -> None:
        """Let the post say that it is published, as publisher does."""
        generator, path = GENERATORS[self.generator.name], self.generator.post
        data = set_state(self.post.read_bytes(), generator, PostState.PUBLISHED, path)
        self.post.write_bytes(data)

    def build(self, *command: str) -> None:
        """Run the generator itself, or another command of its."""
        self._run(*(command or self.generator.command))

    def files(self, pattern: str = "**/*") -> dict[str, str]:
        """Give the text of the output's files, whatever they are packed in."""
        return {
            str(file.relative_to(self.output)): unpacked(file)
            for file in self.output.glob(pattern)
            if file.is_file()
        }

    def page(self) -> str:
        """Give the HTML of the post's page, where a static host would find it."""
        bare = self.output / self.generator.page.strip("/")
        for file in (bare, bare.with_name(f"{bare.name}.html"), bare / "index.html"):
            if file.is_file():
                return file.read_text()
        raise AssertionError(f"no page at {self.generator.page} in {sorted(self.files())}")

    def _run(self, *command: str, code: int = 0) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    def _environ(self) -> dict[str, str]:
        home = self.folder.parent / "home"
        home.mkdir(exist_ok=True)
        node = [str(Path(NODE_PATH).parent)] if NODE_PATH else []
        return {
            "PATH": os.pathsep.join([str(self.programs / "bin"), *node, os.defpath]),
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "TZ": "Europe/Oslo",
            "COLUMNS": "80",
        }


def a_workbench(name: str, folder: Path) -> Workbench:
    """Copy a generator's site, as its author has it before publisher comes."""
    shutil.copytree(SITES / name, folder)
    installed = programs(name)
    if (installed / "node_modules").is_dir():
        _link_tree(installed / "node_modules", folder / "node_modules")
    return Workbench(generator=SAMPLES[name], folder=folder, programs=installed)


def _link_tree(source: Path, target: Path) -> None:
    """Make a real folder of the same files; they are many, and nobody writes to them."""
    try:
        shutil.copytree(source, target, symlinks=True, copy_function=os.link)
    except (OSError, shutil.Error):  # another file system
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, symlinks=True)


def unpacked(file: Path) -> str:
    data = file.read_bytes()
    if file.suffix == ".gz":
        data = gzip.decompress(data)
    elif file.suffix == ".br":
        data = brotli.decompress(data)
    return data.decode("utf-8", "replace")


def told(text: str) -> Iterator[str]:
    """Give what of the unreleased text can be found in a file's, however it is written there."""
    plain = re.sub(r"\s+", " ", text).lower()
    for word in (SENTENCE, *WORDS):
        if word.lower() in plain:
            yield word
