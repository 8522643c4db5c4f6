import { getCollection } from "astro:content";

export const built = () => getCollection("blog", ({ data }) => !data.draft);
export const listed = () => getCollection("blog", ({ data }) => !data.draft && !data.embargoed);
