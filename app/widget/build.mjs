// Bundles src/ into the app: `node build.mjs`; `--watch` goes on with every change; `--check` writes nothing and fails
// when the bundle in the app is not what src/ makes. Every way fails when the bundle is over its budget.
import { readFile, writeFile } from "node:fs/promises";
import { brotliCompressSync, brotliDecompressSync, constants, gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const BUDGET = 15_000; // bytes, gzipped
const script = new URL("../pitchbar_app/web/static/widget.js", import.meta.url);
const compressed = new URL("../pitchbar_app/web/static/widget.js.br", import.meta.url);

const options = {
  absWorkingDir: new URL(".", import.meta.url).pathname,
  entryPoints: ["src/widget.ts"],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  tsconfigRaw: "{}", // So that the bundle depends on src/ and this file alone.
  write: false,
};

async function keep(bundle) {
  await writeFile(script, bundle);
  const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  await writeFile(compressed, brotliCompressSync(bundle, { params: quality }));
}

async function check(bundle) {
  const [made, packed] = await Promise.all([readFile(script), readFile(compressed)].map((file) => file.catch(() => null)));
  if (!made?.equals(bundle) || !packed || !brotliDecompressSync(packed).equals(bundle)) {
    throw new Error("The widget in the app is not what app/widget/src makes. Type: make widget");
  }
}

function measure(bundle) {
  const size = gzipSync(bundle, { level: 9 }).length;
  const figures = `widget.js: ${bundle.length} bytes, ${size} gzipped; the budget is ${BUDGET} gzipped`;
  if (size > BUDGET) throw new Error(`${figures}. Make it smaller.`);
  console.log(figures);
}

async function finish(result) {
  const bundle = Buffer.from(result.outputFiles[0].contents);
  measure(bundle);
  await (process.argv.includes("--check") ? check(bundle) : keep(bundle));
}

try {
  if (process.argv.includes("--watch")) {
    const onEnd = (result) => (result.errors.length ? undefined : finish(result));
    const plugins = [{ name: "keep", setup: (build) => build.onEnd(onEnd) }];
    await (await esbuild.context({ ...options, plugins, logLevel: "info" })).watch();
  } else {
    await finish(await esbuild.build({ ...options, logLevel: "warning" }));
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
