// Writes dist/esm and dist/cjs, each with types, the demo page's copy of the client, and the package's of the licence.
import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { bundle, DEMO } from "./bundle.mjs";

const root = new URL("..", import.meta.url).pathname;
const tsc = (...words) => execFileSync("node_modules/.bin/tsc", words, { cwd: root, stdio: "inherit" });

rmSync(`${root}dist`, { recursive: true, force: true });
tsc("--project", "tsconfig.build.json", "--outDir", "dist/esm");
tsc("--project", "tsconfig.build.json", "--outDir", "dist/cjs", "--module", "commonjs", "--moduleResolution", "bundler", "--verbatimModuleSyntax", "false");
writeFileSync(`${root}dist/cjs/package.json`, '{ "type": "commonjs" }\n');
copyFileSync(`${root}../LICENSE`, `${root}LICENSE`); // npm packs what lies beside package.json
writeFileSync(DEMO.file, await bundle(DEMO));
