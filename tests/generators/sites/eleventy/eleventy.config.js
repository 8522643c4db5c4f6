import { feedPlugin } from "@11ty/eleventy-plugin-rss";

export default function (config) {
  // As in the official base blog: drafts are not built.
  config.addPreprocessor("drafts", "*", (data) => {
    if (data.draft) return false;
  });
  config.addPlugin(feedPlugin, {
    type: "atom",
    outputPath: "/feed.xml",
    collection: { name: "posts", limit: 0 },
    metadata: {
      language: "en",
      title: "Workbench",
      subtitle: "Notes on making things.",
      base: "https://workbench.example/",
      author: { name: "Runa Holt" },
    },
  });
}
