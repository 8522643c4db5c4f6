import { createContentLoader, defineConfig, type HeadConfig, type PageData } from 'vitepress'
import { embargo, isPost, isReleased } from './embargo.mts'
import { writeFeed } from './feed.mts'
import { isoDate, POSTS, POST_FILES, readingTime, toPosts } from './posts.mts'

const address = new URL(process.env.SITE_URL || 'https://chronicles.example')
const base = address.pathname.replace(/\/*$/, '/')
const absolute = (path: string) => address.origin + base + path.replace(/^\//, '')

export default defineConfig({
  lang: 'en-US',
  title: 'Grain & Loop',
  description: 'Essays by Runa Holt on making furniture, making software, and what each has to teach the other.',
  base,
  cleanUrls: true,
  head: [
    ['link', { rel: 'icon', type: 'image/svg+xml', href: `${base}favicon.svg` }],
    ['link', { rel: 'alternate', type: 'application/rss+xml', title: 'Grain & Loop', href: absolute('/feed.xml') }],
  ],
  markdown: {
    theme: { light: 'rose-pine-dawn', dark: 'rose-pine-moon' },
    preConfig(md) {
      readingTime(md)
      embargo(md)
    },
  },
  transformPageData,
  transformHead: ({ page, pageData }) => (page === '404.md' ? [] : socialHead(pageData)),
  sitemap: {
    hostname: absolute('/'),
    async transformItems(items) {
      const pages = await createContentLoader(POSTS, { globOptions: POST_FILES }).load()
      const dates = new Map(toPosts(pages).filter((post) => post.released).map((post) => [post.url, post.date]))
      return items
        .filter(({ url }) => !isPost(`${url}.md`) || dates.has(`/${url}`))
        .map((item) => ({ ...item, lastmod: dates.get(`/${item.url}`) }))
        .sort((a, b) => (a.url < b.url ? -1 : 1))
    },
  },
  buildEnd: (site) => writeFeed(site, absolute),
})

/** Keeps of a post's frontmatter what its page shows; announcements and unreleased descriptions stay at home. */
function transformPageData({ relativePath, frontmatter }: PageData): Partial<PageData> {
  if (!isPost(relativePath)) return {}
  const { title, status, series, hero, tags, teaser, readingTime } = frontmatter
  const shown = { title, status, date: isoDate(frontmatter), series, hero }
  return isReleased(frontmatter)
    ? { frontmatter: { ...shown, tags, readingTime } }
    : { frontmatter: { ...shown, teaser }, description: teaser ?? '' }
}

function socialHead({ relativePath, title, description, frontmatter }: PageData): HeadConfig[] {
  const url = absolute(relativePath.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, ''))
  const post = isPost(relativePath)
  const image = frontmatter.hero?.image ?? '/images/chronicles.png'
  const head: HeadConfig[] = [
    ['link', { rel: 'canonical', href: url }],
    ['meta', { property: 'og:type', content: post ? 'article' : 'website' }],
    ['meta', { property: 'og:site_name', content: 'Grain & Loop' }],
    ['meta', { property: 'og:title', content: title }],
    ['meta', { property: 'og:description', content: description }],
    ['meta', { property: 'og:url', content: url }],
    ['meta', { property: 'og:image', content: absolute(image) }],
    ['meta', { property: 'og:image:alt', content: frontmatter.hero?.alt ?? '' }],
    ['meta', { name: 'twitter:card', content: 'summary_large_image' }],
  ]
  if (post && isReleased(frontmatter)) head.push(['meta', { property: 'article:published_time', content: frontmatter.date }])
  if (post && !isReleased(frontmatter)) head.push(['meta', { name: 'robots', content: 'noindex' }])
  return head
}
