// Bundles an entry as one module, for a measurement or for a page that has no build of its own.
import { build } from "vite";

const root = new URL("..", import.meta.url).pathname;

/**
 * The client as the demo page loads it. It is committed, so that the demo needs no Node: readable, and the same bytes
 * from the same sources and lock file.
 */
export const DEMO = {
  file: `${root}demo/crossfade.js`,
  code: `export * from ${JSON.stringify(`${root}src/index.ts`)};`,
  minify: false,
  banner: "// Built from ../src by `npm run build`; not edited by hand.",
};

export async function bundle({ code, minify = true, banner = "" }) {
  const entry = { name: "entry", resolveId: (id) => (id === "entry" ? id : null), load: (id) => (id === "entry" ? code : null) };
  const rollupOptions = { input: "entry", preserveEntrySignatures: "strict", output: { banner } };
  const { output } = await build({
    root,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    plugins: [entry],
    build: { write: false, minify, target: "es2022", modulePreload: false, rollupOptions },
  });
  return output[0].code;
}
