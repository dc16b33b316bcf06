// Packs the package, installs it into a bare Vite project, and uses it there and in Node, as a module and as CommonJS.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const { devDependencies } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
const folder = mkdtempSync(join(tmpdir(), "crossfade-client-"));
const run = (command, ...words) => execFileSync(command, words, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const use = 'const c = createClient({ baseUrl: "http://localhost" }); c.adoptSession().then((s) => console.log(s.status, isCrossfadeError(new CrossfadeError("timeout"), "timeout")));';

try {
  // What was built before is no help: packing builds.
  for (const built of ["dist", "LICENSE"]) rmSync(`${root}${built}`, { recursive: true, force: true });
  const pack = ["--silent", "pack", "--json", "--pack-destination", folder];
  const [{ filename, files }] = JSON.parse(execFileSync("npm", pack, { cwd: root, encoding: "utf8" }));
  if (!files.some(({ path }) => path === "LICENSE")) throw new Error("The licence is not in the package.");
  writeFileSync(`${folder}/package.json`, '{ "private": true, "type": "module" }');
  run("npm", "install", "--no-audit", "--no-fund", `./${filename}`, `vite@${devDependencies.vite}`);

  writeFileSync(`${folder}/index.html`, '<!doctype html><script type="module" src="main.ts"></script>');
  // The first lines of the README, word for word, in a page that has the button that they name.
  const [, lines] = /```ts\n([^]*?)```/.exec(readFileSync(`${root}README.md`, "utf8"));
  const types = 'import type { ClientState } from "crossfade-client";\ndeclare const signOutButton: HTMLButtonElement;\n';
  writeFileSync(`${folder}/main.ts`, `${types}${lines}const state: ClientState = client.state;\nconsole.log(state, response);\n`);
  run("npx", "vite", "build", "--logLevel", "warn");
  const [bundle] = readdirSync(`${folder}/dist/assets`);
  if (!readFileSync(`${folder}/dist/assets/${bundle}`, "utf8").includes("x-crossfade")) throw new Error("The client is not in the bundle.");
  const check = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom", "--types", "", "main.ts"];
  execFileSync(`${root}node_modules/.bin/tsc`, ["--ignoreConfig", "--module", "esnext", "--moduleResolution", "bundler", ...check], { cwd: folder, stdio: "inherit" });

  const names = "createClient, CrossfadeError, isCrossfadeError";
  writeFileSync(`${folder}/use.mjs`, `import { ${names} } from "crossfade-client"; import "crossfade-client/axios"; ${use}`);
  writeFileSync(`${folder}/use.cjs`, `const { ${names} } = require("crossfade-client"); require("crossfade-client/axios"); ${use}`);
  for (const file of ["use.mjs", "use.cjs"]) {
    const said = run("node", file).trim();
    if (said !== "unknown true") throw new Error(`${file} said ${said}`);
  }
  console.log(`${filename} works in a bare Vite project and in Node ${process.version}, as a module and as CommonJS`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
