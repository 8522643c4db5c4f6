import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Feed } from 'feed'
import { createContentLoader, defineConfig } from 'vitepress'

const address = 'https://workbench.example'

export default defineConfig({
  lang: 'en',
  title: 'Workbench',
  cleanUrls: true,
  sitemap: { hostname: 'https://workbench.example' },
  themeConfig: { search: { provider: 'local' } },
  async buildEnd({ outDir }) {
    const posts = await createContentLoader('blog/**/*.md', { render: true }).load()
    const feed = new Feed({ title: 'Workbench', id: address, link: address, generator: false })
    for (const { url, frontmatter, html } of posts) {
      if (frontmatter.status !== 'published') continue
      feed.addItem({
        title: frontmatter.title,
        link: address + url,
        date: new Date(frontmatter.date),
        content: html,
      })
    }
    writeFileSync(join(outDir, 'feed.xml'), feed.rss2())
  },
})
