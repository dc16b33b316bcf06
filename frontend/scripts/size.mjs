// Measures what `import { createClient }` costs a page: bundled, minified and gzipped.
import { gzipSync } from "node:zlib";
import { build } from "vite";

const LIMIT = 4096;
const root = new URL("..", import.meta.url).pathname;

async function measure(code) {
  const entry = { name: "entry", resolveId: (id) => (id === "entry" ? id : null), load: (id) => (id === "entry" ? code : null) };
  const { output } = await build({
    root,
    configFile: false,
    logLevel: "silent",
    plugins: [entry],
    build: { write: false, target: "es2022", modulePreload: false, rollupOptions: { input: "entry", preserveEntrySignatures: "strict" } },
  });
  return gzipSync(output[0].code, { level: 9 }).length;
}

const from = JSON.stringify(`${root}dist/esm/index.js`);
const core = await measure(`export { createClient } from ${from};`);
const all = await measure(`export * from ${from};`);
const one = await measure(`export { isCrossfadeError } from ${from};`);
console.log(`createClient ${core} bytes gzipped (limit ${LIMIT}), everything ${all}, isCrossfadeError alone ${one}`);
if (core > LIMIT || one > 800) process.exit(1); // the second: unused parts are left out
