/** The RSS feed: released posts only, from the same embargoed renderer as the pages. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Feed } from 'feed'
import { createContentLoader, type SiteConfig } from 'vitepress'
import { isReleased } from './embargo.mts'
import { POSTS, POST_FILES, toPosts } from './posts.mts'

export async function writeFeed({ outDir, site }: SiteConfig, absolute: (path: string) => string): Promise<void> {
  const pages = await createContentLoader(POSTS, { render: true, globOptions: POST_FILES }).load()
  const posts = toPosts(pages.filter(({ frontmatter }) => isReleased(frontmatter)))
  const html = new Map(pages.map((page) => [page.url, page.html ?? '']))
  const feed = new Feed({
    title: site.title,
    description: site.description,
    id: absolute('/'),
    link: absolute('/'),
    language: site.lang,
    feedLinks: { rss: absolute('/feed.xml') },
    updated: new Date(posts[0]?.date ?? 0),
    generator: false,
  })
  for (const { url, title, date, description, tags = [] } of posts) {
    feed.addItem({
      title,
      id: absolute(url),
      link: absolute(url),
      date: new Date(date),
      description,
      content: plain(html.get(url)!, absolute),
      category: tags.map((name) => ({ name })),
    })
  }
  await writeFile(join(outDir, 'feed.xml'), feed.rss2())
}

/** Page HTML without components and decoration, with absolute links. */
function plain(html: string, absolute: (path: string) => string): string {
  return html
    .replace(/<PostPreview\b(?![^>]*\srevealed\b)[^>]*>[\s\S]*?<\/PostPreview>/gi, '<p><em>Not out yet.</em></p>')
    .replace(/<div class="language-[\s\S]*?(<pre[\s\S]*?<\/pre>)[\s\S]*?<\/div>/g, (_, code) => code.replace(/<\/?span[^>]*>/g, ''))
    .replace(/<pre[^>]*>/g, '<pre>')
    .replace(/ ?<a class="header-anchor"[\s\S]*?<\/a>/g, '')
    .replace(/<template\b[\s\S]*?<\/template>/g, '')
    .replace(/<\/?[A-Z]\w*[^>]*>/g, '')
    .replace(/ (tabindex|style|class|v-pre|target|rel)(="[^"]*")?(?=[^<]*>)/g, '')
    // Rendered links carry the base already; images do not.
    .replace(/href="(\/[^"]*?)(?:\.html)?(#[^"]*)?"/g, (_, path, hash = '') => `href="${new URL(path + hash, absolute('/'))}"`)
    .replace(/src="(\/[^"]*)"/g, (_, path) => `src="${absolute(path)}"`)
    .trim()
}
