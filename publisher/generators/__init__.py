"""The site generators that publisher knows, one in each file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from publisher.generators.astro import ASTRO
from publisher.generators.base import Generator, Keys
from publisher.generators.eleventy import ELEVENTY
from publisher.generators.hugo import HUGO
from publisher.generators.jekyll import JEKYLL
from publisher.generators.mkdocs import MKDOCS
from publisher.generators.nikola import NIKOLA
from publisher.generators.pelican import PELICAN
from publisher.generators.vitepress import VITEPRESS

# The first whose signs a project has is its generator.
_ALL = (HUGO, JEKYLL, VITEPRESS, ASTRO, ELEVENTY, MKDOCS, PELICAN, NIKOLA)
GENERATORS: Mapping[str, Generator] = MappingProxyType({one.name: one for one in _ALL})

__all__ = ["GENERATORS", "Generator", "Keys"]
