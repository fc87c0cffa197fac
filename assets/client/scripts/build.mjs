// Bundles the page into dist/: index.html, hashed scripts, the volume worker, styles and fonts.
// Everything is served from one host: paths are relative, and nothing refers to another origin.
import { build, context } from "esbuild";
import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
/** What is served; replaced only once a build is whole. */
const dist = join(root, "dist");
const watching = process.argv.includes("--watch");
const out = watching ? dist : join(root, `build/page-${process.pid}`);

const common = {
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  target: ["es2022"],
  minify: !watching,
  sourcemap: watching ? "linked" : false,
  legalComments: "linked",
  logLevel: "warning",
};

/** The worker is built first, so that its hashed name can be compiled into the page. */
async function worker() {
  const result = await build({
    ...common,
    entryPoints: ["src/volume/worker.ts"],
    entryNames: "[name]-[hash]",
    outdir: out,
    metafile: true,
  });
  return basename(Object.keys(result.metafile.outputs).find((name) => /worker-[^/]*\.js$/.test(name)));
}

function pageOptions(workerName) {
  return {
    ...common,
    entryPoints: { main: "src/main.ts", style: "src/page/style.css", reading: "src/reading.ts", "reading-style": "src/page/reading/reading.css" },
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    outdir: out,
    splitting: true,
    metafile: true,
    loader: { ".woff2": "file", ".svg": "file" },
    define: { __WORKER__: JSON.stringify(`./${workerName}`) },
  };
}

/** The pages: where each template goes, and what it names. The server serves a folder's index.html. */
const PAGES = { "src/page/index.html": "index.html", "src/page/read.html": "read/index.html" };

async function page(metafile) {
  const names = Object.entries(metafile.outputs);
  const entry = (source) => basename(names.find(([, info]) => info.entryPoint === source)[0]);
  const font = names.map(([name]) => basename(name)).find((name) => /^inter-latin-wght-normal.*\.woff2$/.test(name));
  const built = {
    style: entry("src/page/style.css"),
    main: entry("src/main.ts"),
    reading: entry("src/reading.ts"),
    "reading-style": entry("src/page/reading/reading.css"),
    font,
  };
  for (const [source, target] of Object.entries(PAGES)) {
    const template = await readFile(join(root, source), "utf8");
    await mkdir(dirname(join(out, target)), { recursive: true });
    await writeFile(join(out, target), template.replaceAll(/\{\{([a-z-]+)\}\}/g, (_, name) => `./${built[name]}`));
  }
}

async function licences() {
  await copyFile(join(root, "node_modules/@fontsource-variable/inter/LICENSE"), join(out, "inter-OFL.txt"));
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const options = pageOptions(await worker());
if (watching) {
  const finish = { name: "page", setup: (b) => b.onEnd((result) => result.metafile && page(result.metafile)) };
  await (await context({ ...options, plugins: [finish] })).watch();
  console.log("watching");
} else {
  const result = await build(options);
  await page(result.metafile);
  await licences();
  await rm(dist, { recursive: true, force: true });
  await rename(out, dist);
  const total = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
  console.log(`dist/: ${Object.keys(result.metafile.outputs).length} files, ${(total / 1e6).toFixed(2)} MB`);
}
