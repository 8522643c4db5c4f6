BLOG_AUTHOR = "Runa Holt"
BLOG_TITLE = "Workbench"
BLOG_DESCRIPTION = "Notes on making things"
BLOG_EMAIL = "runa@workbench.example"
SITE_URL = "https://workbench.example/"
DEFAULT_LANG = "en"
TIMEZONE = "Europe/Oslo"
THEME = "bootblog4"
POSTS = (("posts/*.md", "posts", "post.tmpl"),)
PAGES = ()
COMPILERS = {"markdown": [".md"]}
FEED_LINKS_APPEND_QUERY = False
# Only publisher judges dates.
FUTURE_IS_NOW = True
DEPLOY_FUTURE = True
