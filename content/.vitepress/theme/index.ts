import type { Theme } from 'vitepress'
import DefaultTheme from 'vitepress/theme-without-fonts'
import BlogHeading from './components/BlogHeading.vue'
import EmbargoNotice from './components/EmbargoNotice.vue'
import HomeHero from './components/HomeHero.vue'
import LatestPosts from './components/LatestPosts.vue'
import PostIndex from './components/PostIndex.vue'
import PostPreview from './components/PostPreview.vue'
import RevealStamp from './components/RevealStamp.vue'
import SeriesCallout from './components/SeriesCallout.vue'
import Layout from './Layout.vue'
import './style.css'

const components = {
  BlogHeading, EmbargoNotice, HomeHero, LatestPosts, PostIndex, PostPreview, RevealStamp, SeriesCallout,
}

export default {
  extends: DefaultTheme,
  Layout,
  enhanceApp({ app }) {
    for (const [name, component] of Object.entries(components)) app.component(name, component)
  },
} satisfies Theme
