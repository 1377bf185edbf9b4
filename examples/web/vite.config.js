import { defineConfig } from "vite";

export default defineConfig({
  build: {
    target: "es2022",
    modulePreload: { polyfill: false }, // every browser that we build for has it
    // Names without a hash: a new build changes the files that it changes, and no others.
    rollupOptions: {
      output: { entryFileNames: "page.js", assetFileNames: "page[extname]" },
    },
  },
  server: {
    port: 5173,
    // `make run` writes the configuration; see README.md.
    proxy: { "/config.json": process.env.PAGE_URL ?? "http://127.0.0.1:8080" },
  },
});
