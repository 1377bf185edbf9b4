import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { defineConfig, transformWithOxc } from "vite";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

const textsOf = async (language) => {
  const file = at(`src/messages/${language}.ts`);
  const { code } = await transformWithOxc(await readFile(file, "utf8"), file);
  return (await import(`data:text/javascript,${encodeURIComponent(code)}`)).default;
};

/** A language is its texts in the order of English's keys: a quarter less to fetch. */
const withoutKeys = {
  name: "without-keys",
  apply: "build",
  async load(id) {
    const language = /\/messages\/(\w+)\.ts$/.exec(id)?.[1] ?? "en";
    if (language === "en") return null;
    const [english, texts] = await Promise.all([textsOf("en"), textsOf(language)]);
    return `export default ${JSON.stringify(Object.keys(english).map((key) => texts[key]))};`;
  },
};

/**
 * For the service: one file with all that it needs, and a file for each language beside it. For npm
 * (`--mode npm`) what it needs are dependencies, so that a page has no second copy of them.
 */
export default defineConfig(({ mode }) => {
  const forNpm = mode === "npm";
  return {
    plugins: [withoutKeys],
    resolve: forNpm ? {} : { alias: { "@device-bff/client": at("../client/src/index.ts") } },
    oxc: { jsx: { importSource: "preact" } },
    build: {
      outDir: at(forNpm ? "dist" : "../../app/contract/elements_built"),
      emptyOutDir: true,
      target: "es2022",
      cssTarget: ["chrome123", "firefox120", "safari17.5"], // which know light-dark()
      modulePreload: false,
      // Not Vite's way of a library, which leaves white space in.
      rollupOptions: {
        input: forNpm ? ["src/your-devices.tsx", "src/react.ts"] : "src/your-devices.tsx",
        external: forNpm ? ["@device-bff/client", /^preact(\/|$)/] : [],
        preserveEntrySignatures: "allow-extension",
        output: { entryFileNames: "[name].js", chunkFileNames: "[name].js" },
      },
    },
  };
});
