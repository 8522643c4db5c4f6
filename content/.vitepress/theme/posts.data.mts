import { createContentLoader } from 'vitepress'
import { POSTS, POST_FILES, toPosts, type Post } from '../posts.mts'

declare const data: Post[]
export { data }

export default createContentLoader(POSTS, { includeSrc: true, globOptions: POST_FILES, transform: toPosts })
