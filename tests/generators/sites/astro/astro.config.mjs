import sitemap from "@astrojs/sitemap";
import { defineConfig } from "astro/config";

export default defineConfig({
  site: "https://workbench.example",
  integrations: [sitemap()],
  compressHTML: true,
});
