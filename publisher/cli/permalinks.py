"""The URL of a post as a generator's configuration words it, in the words of ``post_url``. Pure.

What cannot be said in those words, such as a category in the path, is left to the build: publisher
finds the address there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from publisher.generators.own_config import GeneratorConfig, mkdocs_blogs

_COLONS = {
    ":year": "{year}",
    ":month": "{month}",
    ":day": "{day}",
    ":slugorfilename": "{slug}",
    ":slugorcontentbasename": "{slug}",
    ":slug": "{slug}",
    ":title": "{slug}",
    ":filename": "{id}",
    ":contentbasename": "{id}",
    ":output_ext": ".html",
}
_DATES = {"yyyy": "{year}", "MM": "{month}", "dd": "{day}"}
_STRFTIME = {"{date:%Y}": "{year}", "{date:%m}": "{month}", "{date:%d}": "{day}"}
_JEKYLL_STYLES = {
    "date": "/{year}/{month}/{day}/{slug}.html",
    "pretty": "/{year}/{month}/{day}/{slug}/",
    "none": "/{slug}.html",
}
_KNOWN = re.compile(r"\{(?:slug|id|year|month|day)\}")


def configured_url(generator: str, config: GeneratorConfig, folder: str) -> tuple[bool, str | None]:
    """Tell whether the configuration words the URLs of posts, and give that as ``post_url``.

    ``folder`` is that of the posts below the sources. ``None``: our words cannot say it.
    """
    read = _READERS.get(generator)
    path = read(config, folder) if read else ""
    return bool(path), path if path and _is_sayable(path) else None


def _is_sayable(path: str) -> bool:
    rest = _KNOWN.sub("", path)
    names_post = "{slug}" in path or "{id}" in path
    return path.startswith("/") and names_post and not re.search(r"[{}:%<>\s]", rest)


def _replace(path: str, words: Mapping[str, str]) -> str:
    for word in sorted(words, key=len, reverse=True):
        path = path.replace(word, words[word])
    return path


def _hugo(config: GeneratorConfig, folder: str) -> str:
    section = folder.partition("/")[0].lower()
    path = config.get_text("permalinks", "page", section) or config.get_text("permalinks", section)
    # The title stands for itself here, not for the slug.
    return path if ":title" in path else _replace(path, _COLONS)


def _jekyll(config: GeneratorConfig, folder: str) -> str:
    path = config.get_text("permalink")
    return _JEKYLL_STYLES.get(path) or _replace(path, _COLONS)


def _mkdocs(config: GeneratorConfig, folder: str) -> str:
    options = next(iter(mkdocs_blogs(config)), {})
    blog = str(options.get("blog_dir") or "blog").strip("/.")
    date = _replace(str(options.get("post_url_date_format") or "yyyy/MM/dd"), _DATES)
    form = str(options.get("post_url_format") or "{date}/{slug}").strip("/")
    path = form.replace("{date}", date).replace("{file}", "{id}")
    is_flat = config.get("use_directory_urls") is False
    return "/" + "/".join(filter(None, (blog, path))) + (".html" if is_flat else "/")


def _pelican(config: GeneratorConfig, folder: str) -> str:
    form = config.get_text("ARTICLE_URL")
    path = _replace(form or "{slug}.html", _STRFTIME)
    if config.get("SLUGIFY_SOURCE") == "basename":
        path = path.replace("{slug}", "{id}")
    return "/" + path.lstrip("/") if form or "{id}" in path else ""


def _nikola(config: GeneratorConfig, folder: str) -> str:
    listed = config.get("POSTS")
    places = listed if isinstance(listed, list) else []
    place = next((p for p in places if isinstance(p, list) and _is_of(p, folder)), None)
    if place is None and config.get("PRETTY_URLS") is not False:
        return ""
    target = "/" + str(place[1]).strip("/") if place else "/posts"
    end = "{slug}.html" if config.get("PRETTY_URLS") is False else "{slug}/"
    return f"{target.rstrip('/')}/{end}"


def _is_of(place: list[object], folder: str) -> bool:
    return len(place) > 1 and PurePosixPath(str(place[0])).parent.as_posix() == folder


_READERS: Mapping[str, Callable[[GeneratorConfig, str], str]] = {
    "hugo": _hugo,
    "jekyll": _jekyll,
    "mkdocs": _mkdocs,
    "nikola": _nikola,
    "pelican": _pelican,
}
