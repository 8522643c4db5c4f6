"""What stands in the place of a text, an image or a page under embargo. Pure."""
