import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const packages = fileURLToPath(new URL("../../packages", import.meta.url));

export default defineConfig({
  // From beside this folder. In a project of your own, npm installs them and this goes.
  resolve: {
    alias: {
      "@device-bff/client": `${packages}/client/src/index.ts`,
      "@device-bff/elements": `${packages}/elements/src/your-devices.tsx`,
    },
  },
  oxc: { jsx: { importSource: "preact" } },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false }, // every browser that we build for has it
    // Names without a hash: a new build changes the files that it changes, and no others.
    rollupOptions: {
      output: {
        entryFileNames: "page.js",
        chunkFileNames: "[name].js",
        assetFileNames: "page[extname]",
      },
    },
  },
  server: {
    port: 5173,
    // `make run` writes the configuration; see README.md.
    proxy: { "/config.json": process.env.PAGE_URL ?? "http://127.0.0.1:8080" },
  },
});
