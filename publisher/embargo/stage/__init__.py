"""The stage: a copy of the project without unreleased text, from which the public site is built."""

from publisher.embargo.stage.stage import Stage, Staged

__all__ = ["Stage", "Staged"]
