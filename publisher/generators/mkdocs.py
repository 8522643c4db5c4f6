"""MkDocs, with the blog of Material for MkDocs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from publisher.generators.base import Generator, Listings, replace_words, without_signs
from publisher.generators.config_files import GeneratorConfig, load_data
from publisher.generators.sources import Sources, as_folder, as_globs
from publisher.model.errors import ConfigError

_DATES = {"yyyy": "{year}", "MM": "{month}", "dd": "{day}"}


class MkDocs(Generator):
    def date_in(self, value: Any) -> Any:
        """It keeps several dates in one, ``created`` being that of the post."""
        return value.get("created") if isinstance(value, dict) else value

    def _slug(self, given: str | None, title: str, name: str) -> str:
        return given or re.sub(r"\s", "-", without_signs(title or name))

    def _is_own(self, config: GeneratorConfig, sign: str) -> bool:
        return bool(blogs_of(config))

    def refuse(self, root: Path) -> None:
        file = root / self.config_files[0]
        if not file.is_file():
            return
        if self.read_config(root).broken:
            raise ConfigError(
                f"{file} cannot be read as YAML",
                why="it says where the posts are",
                hint="correct it; `mkdocs build` names the line",
            )
        raise ConfigError(
            f"{file} names no blog plugin",
            why="the posts of MkDocs are those of Material's blog",
            hint="write blog below plugins in it, or name the generator with --generator",
        )

    def _sources(self, root: Path, config: GeneratorConfig) -> Sources:
        folder = as_folder(config.get_text("docs_dir")) or "docs"
        excluded = config.get_text("exclude_docs").splitlines()
        return Sources(folders=(folder,), skipped=as_globs(folder, excluded))

    def post_folders(
        self, root: Path, config: GeneratorConfig, sources: Sources, pages: Sequence[str]
    ) -> list[str] | None:
        folders = [
            str(options.get("post_dir") or "{blog}/posts").replace("{blog}", _blog_folder(options))
            for options in blogs_of(config)
        ]
        return [f"{sources.folders[0]}/{f.strip('/')}" for f in folders or ["blog/posts"]]

    def _url_form(self, config: GeneratorConfig, folder: str) -> str:
        options = next(iter(blogs_of(config)), {})
        date = replace_words(str(options.get("post_url_date_format") or "yyyy/MM/dd"), _DATES)
        form = str(options.get("post_url_format") or "{date}/{slug}").strip("/")
        path = form.replace("{date}", date).replace("{file}", "{id}")
        is_flat = config.get("use_directory_urls") is False
        whole = "/".join(filter(None, (_blog_folder(options), path)))
        return f"/{whole}{'.html' if is_flat else '/'}"

    def listings(self, root: Path, config: GeneratorConfig) -> Listings:
        listed = config.get_list("plugins")
        names = {str(n) for one in listed for n in (one if isinstance(one, Mapping) else [one])}
        return (
            "/feed_rss_created.xml" if "rss" in names else None,
            "/sitemap.xml" if config.get_text("site_url") else None,
        )

    def _date_switch(self, root: Path, words: str) -> str:
        blogs = blogs_of(self.read_config(root))
        judges = any(options.get("draft_if_future_date") is True for options in blogs)
        return "write draft_if_future_date: false into mkdocs.yml" if judges else ""

    def inherited(self, path: str, read: Callable[[], bytes]) -> Iterable[Any]:
        is_meta = PurePosixPath(path).name in (".meta.yml", ".meta.yaml")
        return [load_data(read(), path)] if is_meta else ()


def blogs_of(config: GeneratorConfig) -> list[Mapping[str, Any]]:
    """Give the options of each blog plugin in ``mkdocs.yml``."""
    plugins = config.get("plugins")
    found: list[Mapping[str, Any]] = []
    for entry in plugins if isinstance(plugins, list) else [plugins]:
        named = entry if isinstance(entry, Mapping) else {entry: {}}
        for name, options in named.items():
            if str(name).partition(" ")[0] in ("blog", "material/blog"):
                found.append(options if isinstance(options, Mapping) else {})
    return found


def _blog_folder(options: Mapping[str, Any]) -> str:
    return str(options.get("blog_dir") or "blog").strip("/.")


MKDOCS = MkDocs(
    name="mkdocs",
    withholds_on_request=True,
    config_files=("mkdocs.yml", "mkdocs.yaml"),
    address_keys=("site_url",),
    output="site",
    output_key="site_dir",
    rebuild=("mkdocs", "build"),
    public=("docs",),
    post_url="/blog/{year}/{month}/{day}/{slug}/",
    posts_folder="blog/posts",
    note="MkDocs lists every page it builds in its blog, under embargo with filler: "
    "embargo: omit keeps unreleased posts out of them",
    staged={"draft": False, "search": {"exclude": True}},
    data="publisher.json",
    lists_tags=True,
)
