"""The embargo: a staged copy of the site without unreleased text, and the search for leaks.

``redact`` says what stands in the place of a text, an image or a page; ``stage`` keeps the copy;
``leaks`` searches what was built from it; ``gate`` lets only a clean build out, by ``sync``.
"""
