/**
 * The embargo of the site itself: unreleased text never reaches the output.
 *
 * The renderer is wrapped below VitePress's frontmatter plugin, so every way into the output passes here: pages, their
 * JavaScript payload, hot reloads and content loaders. Only `status` decides; no clock is read.
 */
import type { MarkdownRenderer } from 'vitepress'

const PLACEHOLDER = '<BlogHeading />\n\n<EmbargoNotice />\n'

const WORDS = (
  'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna ' +
  'aliqua ut enim ad minim veniam quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat ' +
  'duis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla pariatur excepteur ' +
  'sint occaecat cupidatat non proident sunt in culpa qui officia deserunt mollit anim id est laborum'
).split(' ')

export function isPost(path: string): boolean {
  return /^blog\/.+\.md$/.test(path) && !/(^|\/)index\.md$/.test(path)
}

export function isReleased(frontmatter: Record<string, unknown>): boolean {
  return frontmatter.status === 'published'
}

/** For `markdown.preConfig`: replaces what is not released before it is rendered. */
export function embargo(md: MarkdownRenderer): void {
  const render = md.render.bind(md)
  md.render = (source, env = {}) => {
    const frontmatter = env.frontmatter ?? {}
    const post = 'status' in frontmatter || isPost(env.relativePath ?? '')
    return render(post && !isReleased(frontmatter) ? PLACEHOLDER : fillPreviews(source), env)
  }
}

/** Replaces the content of every preview block that is not revealed; stamps, and blocks shown as code, stay. */
export function fillPreviews(source: string): string {
  const visible = maskCode(source)
  const opening = /<(PostPreview|post-preview)\b((?:"[^"]*"|'[^']*'|[^>"'])*)>/gi
  let result = ''
  let position = 0
  for (let block = 0, match; (match = opening.exec(visible)); ) {
    const [tag, name, attributes] = match
    if (attributes.endsWith('/') || isRevealed(attributes)) continue
    const start = match.index + tag.length
    const closing = visible.slice(start).search(new RegExp(`</${name}\\s*>`, 'i'))
    const end = closing < 0 ? source.length : start + closing
    result += source.slice(position, start) + fillBlock(source.slice(start, end), 7 * block++)
    position = opening.lastIndex = end
  }
  return result + source.slice(position)
}

function isRevealed(attributes: string): boolean {
  const names = attributes.replace(/"[^"]*"|'[^']*'/g, '')
  return /(^|\s)revealed(\s|$)/.test(names) && !/(^|\s):?blurred\b/.test(names)
}

/** The same text with code blanked out, character for character, so that positions agree. */
function maskCode(source: string): string {
  let fence = ''
  return source
    .split('\n')
    .map((line) => {
      const mark = /^[\s>]*(?:[-*+]\s+|\d+[.)]\s+)?(`{3,}|~{3,})(.*)$/.exec(line)
      if (fence) {
        if (mark && mark[1].startsWith(fence) && !mark[2].trim()) fence = ''
        return ' '.repeat(line.length)
      }
      if (mark && !(mark[1][0] === '`' && mark[2].includes('`'))) {
        fence = mark[1]
        return ' '.repeat(line.length)
      }
      return line.replace(/(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)/g, (code) => ' '.repeat(code.length))
    })
    .join('\n')
}

function fillBlock(block: string, seed: number): string {
  const stamp = /<template\s+(?:#stamp|v-slot:stamp)\s*>[\s\S]*?<\/template>/.exec(block)
  const bare = stamp ? null : /^[ \t]*<RevealStamp\b[^>]*\/>[ \t]*$/m.exec(block)
  const [kept] = stamp ?? bare ?? ['']
  const slot = bare ? `<template #stamp>${kept.trim()}</template>` : kept
  const words = filler(seed)
  if (!kept && !block.includes('\n')) return fillLine(block, words)
  const lines = block.replace(kept, '').split('\n').map((line) => fillLine(line, words))
  return `\n${slot && `  ${slot}\n`}${lines.join('\n')}`
}

/** One line of the same shape: its markers stay, its words and everything else go. */
function fillLine(line: string, words: (count: number) => string): string {
  if (!line.trim() || /^[\s|:>*_=-]+$/.test(line)) return line
  const fence = /^\s*(`{3,}|~{3,})/.exec(line)
  if (fence) return fence[0]
  if (/^\s*\|.*\|\s*$/.test(line)) {
    return line.replace(/[^|]+/g, (cell) => (cell.trim() ? ` ${words(count(cell))} ` : cell))
  }
  const [, prefix, text] = /^(\s*(?:(?:[-*+]|\d+[.)]|>|#{1,6})\s+)*)(.*)$/.exec(line)!
  if (!count(text)) return prefix
  const emphasis = /^(\*{1,3}|_{1,3})(?![\s*_]).*\1$/.exec(text.trim())?.[1] ?? ''
  const end = /[.:!?]$/.exec(text.replace(/[*_]+\s*$/, ''))?.[0] ?? ''
  return prefix + emphasis + words(count(text)) + end + emphasis
}

function count(text: string): number {
  return text.replace(/<[^>]*>|\]\([^)]*\)/g, ' ').match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu)?.length ?? 0
}

function filler(seed: number): (count: number) => string {
  let next = seed
  return (count) => {
    const text = Array.from({ length: Math.max(count, 1) }, () => WORDS[next++ % WORDS.length]).join(' ')
    return text[0].toUpperCase() + text.slice(1)
  }
}
