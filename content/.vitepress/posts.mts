/** What lists, feed and sitemap may know of a post. Of an unreleased one: its title, address, date and place in a series. */
import type { ContentData, MarkdownRenderer } from 'vitepress'
import { isReleased } from './embargo.mts'

export interface Post {
  url: string
  title: string
  date: string
  released: boolean
  series?: { name: string; part: number }
  description?: string
  hero?: { image: string; alt: string }
  tags?: string[]
  minutes?: number
}

export const TIME_ZONE = 'Europe/Oslo'
export const POSTS = 'blog/**/*.md'
export const POST_FILES = { ignore: ['**/index.md', '**/node_modules/**', '**/dist/**'] }

/** Published and scheduled posts, newest first; drafts are nowhere. */
export function toPosts(pages: ContentData[]): Post[] {
  return pages
    .filter(({ frontmatter }) => ['published', 'scheduled'].includes(frontmatter.status))
    .map(toPost)
    .sort((a, b) => compare(b.date, a.date) || compare(a.url, b.url))
}

function toPost({ url, frontmatter, src = '' }: ContentData): Post {
  const { title, series, description, hero, tags } = frontmatter
  const released = isReleased(frontmatter)
  const post = { url, title, date: isoDate(frontmatter), released, series }
  const text = src.replace(/^---\r?\n[\s\S]*?\r?\n---\r?\n/, '')
  return released ? { ...post, description, hero, tags, minutes: minutes(text) } : post
}

/** The day on which a post is released, in the zone of the site. */
export function isoDate({ reveal, date }: Record<string, unknown>): string {
  const value = reveal ?? date ?? ''
  if (!(value instanceof Date)) return String(value).slice(0, 10)
  return new Intl.DateTimeFormat('en-CA', { timeZone: TIME_ZONE, year: 'numeric', month: '2-digit', day: '2-digit' }).format(value)
}

/** For `markdown.preConfig`: gives the page its reading time. */
export function readingTime(md: MarkdownRenderer): void {
  const render = md.render.bind(md)
  md.render = (source, env = {}) => {
    if (env.frontmatter) env.frontmatter.readingTime ??= minutes(source)
    return render(source, env)
  }
}

function minutes(text: string): number {
  const words = text.replace(/<[^>]*>/g, ' ').match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu) ?? []
  return Math.max(1, Math.round(words.length / 220))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
