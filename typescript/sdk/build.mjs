// Builds what the wheel carries as coral/_sdk and what the npm package contains:
//   mod.js                     the SDK and its libraries, one minified ES module
//   skills.js                  the skills, which import mod.js
//   types/**/*.d.ts            the types of the public API (entries: types/mod.d.ts, types/skills.d.ts)
//   report.html                the page of `coral run --html`, in which the data are missing
//   THIRD_PARTY_LICENSES.txt   what is bundled into mod.js
//   bundled.json               the same as data, and what is in report.html: for the wheel's licences and bill of materials
//
//   node build.mjs --gen DIR --node-modules DIR --out DIR
//
// The same input gives the same bytes.

import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const SIZE_LIMIT_BYTES = 180_000;
const { values: options } = parseArgs({
  options: { gen: { type: "string" }, "node-modules": { type: "string" }, out: { type: "string" } },
});
for (const name of ["gen", "node-modules", "out"]) {
  if (options[name] === undefined) fail(`--${name} is missing`);
}
const source = dirname(fileURLToPath(import.meta.url));
const modules = realpathSync(options["node-modules"]);
const out = resolve(options.out);
const stage = join(out, ".stage");
const require = createRequire(join(modules, "anchor.js"));
const esbuild = require(join(modules, "esbuild"));

/**
 * Node's built-in modules become getters. An ES import of node:http2 would be hoisted to the top of
 * mod.js and cost each script 40 ms, even one that makes no call.
 */
const lazyBuiltins = {
  name: "lazy-builtins",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "lazy-builtin" }));
    build.onLoad({ filter: /.*/, namespace: "lazy-builtin" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
      loader: "js",
    }));
  },
};

/**
 * Messages travel in binary form only, so what reads and writes them as JSON is left out: 17 kB, and every script
 * reads the bundle. Connect names these functions, but calls them for `useBinaryFormat: false` alone.
 */
const withoutJson = {
  name: "without-json",
  setup(build) {
    build.onLoad({ filter: /@bufbuild[/\\]protobuf[/\\]dist[/\\]esm[/\\](from|to)-json\.js$/ }, ({ path }) => {
      const names = [...readFileSync(path, "utf8").matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
      const none = 'const none = () => { throw new Error("the SDK speaks binary protobuf only"); };';
      return { contents: `${none} export { ${names.map((name) => `none as ${name}`).join(", ")} };`, loader: "js" };
    });
  },
};

/**
 * Of protobuf's own enums and the names for its code generator few are used, but they are written so that no bundler
 * can see that: 9 kB. Of the descriptor of descriptors, most is about options that our contracts do not have: messages
 * lose those fields and keep their places, another 9 kB.
 */
const lighterProtobuf = {
  name: "lighter-protobuf",
  setup(build) {
    build.onLoad({ filter: /@bufbuild[/\\]protobuf[/\\]dist[/\\]esm[/\\]codegenv2[/\\]symbols\.js$/ }, () => (
      { contents: "export const packageName = '', symbols = {}, wktPublicImportPaths = {};", loader: "js" }
    ));
    build.onLoad({ filter: /@bufbuild[/\\]protobuf[/\\]dist[/\\]esm[/\\].*_pb\.js$/ }, ({ path }) => ({
      contents: withoutOptions(readFileSync(path, "utf8")).replace(
        /export var (\w+);\n\(function \(\1\) \{\n([^]*?)\n\}\)\(\1 \|\| \(\1 = \{\}\)\);/g,
        "export const $1 = /* @__PURE__ */ (($1) => {\n$2\nreturn $1; })({});",
      ),
      loader: "js",
    }));
  },
};

function withoutOptions(text) {
  const unread = /Options$|^UninterpretedOption$|Info$|^FeatureSet|^(Visibility|Edition|Feature|Declaration)/;
  const read = new Set(["map_entry", "packed"]);
  const pruned = (message) => ({
    ...message,
    field: message.field?.filter(({ name }) => !unread.test(message.name) || read.has(name)),
    nestedType: message.nestedType?.map(pruned),
  });
  return text.replace(/(?<= boot\()\{.*\}(?=\);)/, (literal) => {
    const file = JSON.parse(literal);
    return JSON.stringify({ ...file, messageType: file.messageType.map(pruned) });
  });
}

mkdirSync(out, { recursive: true });
for (
  const name of ["mod.js", "skills.js", "types", "report.html", "THIRD_PARTY_LICENSES.txt", "bundled.json", ".stage"]
) {
  rmSync(join(out, name), { recursive: true, force: true });
}
try {
  layOut();
  const inputs = await bundle();
  await bundleSkills();
  declareTypes();
  const inModule = librariesOf(inputs);
  writeLicences(inModule);
  const inReport = await buildReport();
  const bundled = [["mod.js", inModule], ["report.html", inReport]]
    .flatMap(([file, libraries]) => libraries.map((library) => ({ file, ...library })));
  writeFileSync(join(out, "bundled.json"), `${JSON.stringify(bundled, null, 2)}\n`);
} finally {
  rmSync(stage, { recursive: true, force: true });
}

/** Copies sources and stubs to one place, where both compilers find them by their ordinary rules. */
function layOut() {
  mkdirSync(stage);
  const skipped = new Set(["gen", "tests", "node_modules", "dist", basename(out)]);
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    if (skipped.has(entry.name) || !(entry.isDirectory() || entry.name.endsWith(".ts"))) continue;
    cpSync(join(source, entry.name), join(stage, entry.name), { recursive: true, dereference: true });
  }
  cpSync(resolve(options.gen), join(stage, "gen"), { recursive: true, dereference: true });
  symlinkSync(modules, join(stage, "node_modules"), "junction");
}

async function bundle() {
  const result = await esbuild.build({
    absWorkingDir: stage,
    entryPoints: ["mod.ts"],
    outfile: join(out, "mod.js"),
    bundle: true,
    minify: true,
    lineLimit: 400, // Node shows the line that threw
    keepNames: false,
    format: "esm",
    platform: "node",
    mainFields: ["module", "main"],
    target: "es2023",
    charset: "utf8",
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
    plugins: [lazyBuiltins, withoutJson, lighterProtobuf],
    banner: { js: "// @coral/sdk. Apache-2.0. Bundled libraries: see THIRD_PARTY_LICENSES.txt" },
  });
  const { bytes } = Object.values(result.metafile.outputs)[0];
  if (bytes > SIZE_LIMIT_BYTES) fail(`mod.js has ${bytes} bytes, more than ${SIZE_LIMIT_BYTES}`);
  return Object.keys(result.metafile.inputs);
}

/** Skills are scripts over the SDK: what they import of it is mod.js, which has the connection, and no copy. */
async function bundleSkills() {
  const sdk = {
    name: "sdk",
    setup(build) {
      build.onResolve({ filter: /\/mod\.ts$/ }, () => ({ path: "./mod.js", external: true }));
    },
  };
  const result = await esbuild.build({
    absWorkingDir: stage,
    entryPoints: ["skills.ts"],
    outfile: join(out, "skills.js"),
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    charset: "utf8",
    lineLimit: 400,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
    plugins: [sdk],
    banner: { js: "// @coral/sdk/skills. Apache-2.0." },
  });
  const may = /^skills|^(draw\/text|known_options)\.ts$/; // pure functions, without state or classes
  const copied = Object.keys(result.metafile.inputs).filter((name) => !may.test(name));
  if (copied.length > 0) fail(`skills.js would have a copy of ${copied.join(", ")}`);
}

/**
 * Puts script, style and policy into the page of reports. The policy allows exactly this script and this style,
 * and nothing from any other place.
 */
async function buildReport() {
  const folder = join(stage, "report");
  const result = await esbuild.build({
    absWorkingDir: stage,
    entryPoints: ["report/page.ts"],
    bundle: true,
    minify: true,
    format: "iife",
    platform: "browser",
    target: "es2023",
    charset: "utf8",
    legalComments: "none",
    write: false,
    metafile: true,
    logLevel: "warning",
  });
  const script = result.outputFiles[0].text.trim();
  const styles = [join(modules, "uplot", "dist", "uPlot.min.css"), join(folder, "page.css")];
  const style = styles.map((path) => readFileSync(path, "utf8").trim()).join("\n");
  if (/<\/(script|style)|<!--/i.test(script + style)) fail("the report's script or style would end its element");
  const hash = (text) => `sha256-${createHash("sha256").update(text).digest("base64")}`;
  const parts = { script, style, "script hash": hash(script), "style hash": hash(style) };
  const libraries = librariesOf(Object.keys(result.metafile.inputs));
  const licences = libraries.map(notice).join("\n").replaceAll("--", "- -");
  const page = readFileSync(join(folder, "page.html.in"), "utf8")
    .replace(/\{\{(.*?)\}\}/g, (_, name) => parts[name] ?? fail(`the page asks for ${name}`));
  writeFileSync(join(out, "report.html"), `${page}<!-- This page contains:\n\n${licences}-->\n`);
  return libraries;
}

/** Writes the .d.ts files that mod.d.ts reaches. */
function declareTypes() {
  const config = {
    compilerOptions: {
      target: "es2023",
      module: "esnext",
      moduleResolution: "bundler",
      lib: ["es2024", "esnext", "dom"],
      types: ["node"],
      strict: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      emitDeclarationOnly: true,
      declaration: true,
      stripInternal: true,
      rootDir: ".",
      outDir: "types",
    },
    files: ["mod.ts", "skills.ts"],
  };
  writeFileSync(join(stage, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(modules, "typescript", "bin", "tsc");
  const run = spawnSync(process.execPath, [tsc, "-p", stage], { stdio: "inherit" });
  if (run.status !== 0) fail("tsc failed, see above");

  const waiting = ["mod.d.ts", "skills.d.ts"];
  const done = new Set();
  for (let name; (name = waiting.pop()) !== undefined;) {
    if (done.has(name)) continue;
    done.add(name);
    const text = readFileSync(join(stage, "types", name), "utf8");
    // tsc keeps "./x.ts"; Deno wants the file that exists.
    const rewritten = text.replace(/^((?:import|export) .*from )"(\.[^"]*)\.ts"/gm, (_, before, path) => {
      waiting.push(join(dirname(name), `${path}.d.ts`));
      return `${before}"${path}.d.ts"`;
    });
    const stray = /^(?:import|export) .*from "((?!\.).*)"|^[^*]*import\("(.*?)"\)/m.exec(rewritten);
    if (stray !== null) fail(`the public types in ${name} need ${stray[1] ?? stray[2]}`);
    mkdirSync(dirname(join(out, "types", name)), { recursive: true });
    writeFileSync(join(out, "types", name), rewritten);
  }
}

/** Names the packages in the bundle with their licences, as those ask for. */
function writeLicences(libraries) {
  writeFileSync(join(out, "THIRD_PARTY_LICENSES.txt"), `mod.js contains:\n\n${libraries.map(notice).join("\n")}`);
}

function notice({ name, version, licence, text }) {
  return `${name} ${version}: ${licence}\n${text && `\n${text}\n`}`;
}

/** The packages that a bundle's inputs are of, with the licence of each. */
function librariesOf(inputs) {
  const files = new Map();
  for (const input of inputs) {
    const real = realpathSync(resolve(stage, input.replace(/^lazy-builtin:.*/, "mod.ts")));
    const path = relative(modules, real);
    if (path.startsWith("..")) continue; // our own
    const found = /^(?:@[^/\\]+[/\\])?[^/\\]+/.exec(path)[0];
    if (existsSync(join(modules, found, "package.json"))) files.set(found, [...files.get(found) ?? [], real]);
  }
  return [...files.keys()].sort().map((found) => {
    const folder = join(modules, found);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const licence = license.replace(/^\((.*)\)$/, "$1");
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? noticesIn(files.get(found)) : readFileSync(join(folder, file), "utf8").trim();
    // The text of Apache-2.0 is Coral's own LICENSE.
    if (text === "" && licence !== "Apache-2.0") fail(`${found} is ${licence} and comes without a text`);
    return { name: found.replaceAll("\\", "/"), version, licence, text };
  });
}

/** The licences at the heads of a package's files, where it has no file of its own for them. */
function noticesIn(paths) {
  const heads = paths.map((path) =>
    /^(?:\/\/.*\n)*/.exec(readFileSync(path, "utf8"))[0].replace(/^\/\/ ?/gm, "").trim()
  );
  return [...new Set(heads.filter((head) => head.includes("Redistribution and use")))].sort().join("\n\n");
}

function fail(message) {
  throw new Error(message);
}
