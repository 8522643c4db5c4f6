"""Texts read and written: YAML, Markdown, HTML, times, URLs. No I/O."""
