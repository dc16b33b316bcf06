// Measures what `import { createClient }` costs a page: bundled, minified and gzipped.
import { gzipSync } from "node:zlib";
import { bundle } from "./bundle.mjs";

const LIMIT = 4000; // bytes
const UNUSED = 800; // bytes that a page may pay for when it uses next to nothing
const from = JSON.stringify(new URL("../dist/esm/index.js", import.meta.url).pathname);
const measure = async (words) => gzipSync(await bundle({ code: `export ${words} from ${from};` }), { level: 9 }).length;

const core = await measure("{ createClient }");
const all = await measure("*");
const one = await measure("{ isCrossfadeError }");
console.log(`createClient ${core} bytes gzipped (limit ${LIMIT}), everything ${all}, isCrossfadeError alone ${one}`);
if (core > LIMIT || one > UNUSED) process.exit(1);
