"""The URL of a post as a generator's configuration words it, in the words of ``post_url``. Pure.

What cannot be said in those words, such as a category in the path, leaves the generator's default:
the first release would then say that its page is not where it should be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

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
_HUGO_TABLE = re.compile(  # as TOML, or as YAML
    r"^[ \t]*\[permalinks(?:\.page)?\][ \t]*\n((?:(?![ \t]*\[).*\n)*)"
    r"|^permalinks:[ \t]*\n((?:[ \t]+.*\n)*)",
    re.MULTILINE,
)
_KNOWN = re.compile(r"\{(?:slug|id|year|month|day)\}")


def post_url(generator: str, config: str, default: str) -> str:
    """Give the path of a post; ``config`` is the text of the generator's configuration."""
    read = _READERS.get(generator)
    path = read(config, default) if read else None
    if path is None or not _is_sayable(path):
        return default
    return path


def _is_sayable(path: str) -> bool:
    rest = _KNOWN.sub("", path)
    names_post = "{slug}" in path or "{id}" in path
    return path.startswith("/") and names_post and not re.search(r"[{}:%<>\s]", rest)


def _replace(path: str, words: Mapping[str, str]) -> str:
    for word in sorted(words, key=len, reverse=True):
        path = path.replace(word, words[word])
    return path


def _value(config: str, key: str) -> str | None:
    found = re.search(rf"^\s*{key}\s*[:=]\s*[\"']?([^\s\"'#]+)", config, re.MULTILINE)
    return found[1] if found else None


def _hugo(config: str, default: str) -> str | None:
    section = default.split("/")[1]  # posts, post or blog
    table = re.search(
        r"^\s*\[permalinks(?:\.page)?\]\s*\n((?:(?!\s*\[).*\n?)*)", config, re.MULTILINE
    )
    table = table or re.search(r"^permalinks:\s*\n((?:[ \t]+.*\n?)*)", config, re.MULTILINE)
    path = _value(table[1], section) if table else None
    # The title stands for itself here, not for the slug.
    return None if path is None or ":title" in path else _replace(path, _COLONS)


def jekyll_permalink(config: str) -> str | None:
    """Give how Jekyll words the URLs of posts; those further in are of collections."""
    found = re.search(r"^permalink[ \t]*:[ \t]*[\"']?([^\s\"'#]+)", config, re.MULTILINE)
    return found[1] if found else None


def _jekyll(config: str, default: str) -> str | None:
    path = jekyll_permalink(config)
    if path is None:
        return None
    return _JEKYLL_STYLES.get(path) or _replace(path, _COLONS)


def _mkdocs(config: str, default: str) -> str | None:
    blog = (_value(config, "blog_dir") or "blog").strip("/.")
    date = _replace(_value(config, "post_url_date_format") or "yyyy/MM/dd", _DATES)
    form = (_value(config, "post_url_format") or "{date}/{slug}").strip("/")
    path = form.replace("{date}", date).replace("{file}", "{id}")
    is_flat = _value(config, "use_directory_urls") == "false"
    return "/" + "/".join(filter(None, (blog, path))) + (".html" if is_flat else "/")


def _pelican(config: str, default: str) -> str | None:
    path = _replace(_value(config, "ARTICLE_URL") or default, _STRFTIME)
    if _value(config, "SLUGIFY_SOURCE") == "basename":
        path = path.replace("{slug}", "{id}")
    return "/" + path.lstrip("/")


def _nikola(config: str, default: str) -> str | None:
    found = re.search(
        r"^POSTS\s*=[\s\S]*?[\"']posts/[^\"']*\.md[\"']\s*,\s*[\"']([^\"']*)", config, re.MULTILINE
    )
    folder = "/" + found[1].strip("/") if found else "/posts"
    is_flat = _value(config, "PRETTY_URLS") == "False"
    return folder.rstrip("/") + ("/{slug}.html" if is_flat else "/{slug}/")


_READERS: Mapping[str, Callable[[str, str], str | None]] = {
    "hugo": _hugo,
    "jekyll": _jekyll,
    "mkdocs": _mkdocs,
    "nikola": _nikola,
    "pelican": _pelican,
}
