"""The static site as the engine sees it: build, verify, git and deploy."""
