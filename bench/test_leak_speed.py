"""Speed and memory of the leak search.

`make bench` runs it small, so that ten times the posts stand beside ten times the output. All of
it, 10,000 posts against a gigabyte: `python bench/test_leak_speed.py --folder /tmp/leaks`.
"""

from __future__ import annotations

import argparse
import gzip
import html
import json
import random
import resource
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pytest

from publisher.embargo.embargoed_text import EmbargoedText, PublicTexts
from publisher.embargo.leaks import look_through
from publisher.model import Embargo, PostId

VOCABULARY = 60_000
WORDS = 500  # of a post
PAGE_BYTES = 100_000
LETTERS = "eeeeetttaaaooiinnsshhrrddlluccmmffwwyyggpbvk"


class Writer:
    """Writes texts whose words are as common as Zipf's law has it; alike for a seed."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311
        draw = self._random.choices
        self._words = ["".join(draw(LETTERS, k=2 + n % 9)) for n in range(VOCABULARY)]
        self._weights = list(accumulate(1 / (n + 10) for n in range(VOCABULARY)))

    def sentence(self, length: int = 15) -> str:
        words = self._random.choices(self._words, cum_weights=self._weights, k=length)
        return " ".join(words).capitalize() + "."

    def body(self) -> str:
        parts = [
            f"## {self.sentence(4)}\n\n" + " ".join(self.sentence() for _ in range(6))
            for _ in range(WORDS // 94)
        ]
        return "\n\n".join(parts)

    def page(self) -> str:
        """Write a page, with its payload; a third of it is markup, as usual."""
        items = "".join(
            f'<p class="text-base leading-7" id="p{n}">{html.escape(self.sentence(40))} '
            f'<a href="/posts/{n}">{self.sentence(3)}</a></p>\n'
            for n in range(PAGE_BYTES // 450)
        )
        payload = json.dumps({"body": [self.sentence(80) for _ in range(PAGE_BYTES // 2500)]})
        return f"<!doctype html><main>{items}</main><script>window.data={payload}</script>"


def hidden(writer: Writer, count: int) -> Iterator[EmbargoedText]:
    for number in range(count):
        yield EmbargoedText(
            post=PostId(f"post{number}"),
            path=f"content/posts/{number}.md",
            url=f"https://example.org/posts/{number}",
            policy=Embargo.REDACT,
            text=writer.body(),
            shown=writer.sentence(8),
        )


def write_output(writer: Writer, output: Path, megabytes: float) -> int:
    """Write pages, a few of them compressed as well, and give their number."""
    count = max(1, round(megabytes * 1_000_000 / PAGE_BYTES))
    for number in range(count):
        page = writer.page().encode()
        folder = output / str(number // 1000)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.html").write_bytes(page)
        if number % 50 == 0:
            (folder / f"{number}.html.gz").write_bytes(gzip.compress(page))
    return count


@pytest.mark.benchmark(group="leak search: ten times the posts, ten times the output")
@pytest.mark.parametrize(("posts", "megabytes"), [(20, 1), (200, 1), (20, 10)])
def test_leak_search(benchmark, tmp_path: Path, posts: int, megabytes: float) -> None:
    writer = Writer()
    texts = list(hidden(writer, posts))
    write_output(writer, tmp_path, megabytes)

    benchmark.pedantic(
        look_through,
        (tmp_path,),
        {"hidden": texts, "public": PublicTexts()},
        rounds=2,
        iterations=1,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--public", type=int, default=1_000)
    parser.add_argument("--megabytes", type=float, default=1_000)
    given = parser.parse_args()
    writer = Writer()
    texts = list(hidden(writer, given.posts))
    public = [writer.body() for _ in range(given.public)]
    if not given.folder.exists():
        write_output(writer, given.folder, given.megabytes)
        leaked = html.escape(texts[-1].text)
        (given.folder / "leak.html").write_text(f"<p>{leaked}</p>")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    found = look_through(given.folder, hidden=texts, public=PublicTexts(others=public))
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for leak in found.leaks[:20]:
        print(leak)  # noqa: T201
    extent = f"{found.posts} posts, {found.files} files, {found.size / 1e6:.0f} MB"
    memory = f"{after / 1024:.0f} MB at most, {before / 1024:.0f} of them before"
    print(f"{extent}: {took_s:.0f} s ({cpu_s:.0f} of processor), {memory}")  # noqa: T201
    print(f"{len(found.leaks)} leaks")  # noqa: T201


if __name__ == "__main__":
    main()
