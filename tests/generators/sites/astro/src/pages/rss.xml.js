import rss from "@astrojs/rss";
import { listed } from "../posts";

export async function GET(context) {
  const posts = await listed();
  return rss({
    title: "Workbench",
    description: "Notes on making things.",
    site: context.site,
    items: posts.map((post) => ({
      title: post.data.title,
      pubDate: post.data.pubDate,
      link: `/blog/${post.id}/`,
      content: post.rendered?.html,
    })),
  });
}
