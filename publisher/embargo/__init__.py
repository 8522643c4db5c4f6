"""The embargo: a staged copy of the site without unreleased text, and the search for leaks.

``redaction`` and ``metadata`` say what stands in the place of a text, ``placeholder`` what in that
of an image; ``stage`` keeps the copy; ``leaks`` searches what was built from it.
"""
