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

/** Each page: its template, where it goes (the server serves a folder's index.html), and what the template names. */
const PAGES = [
  { html: "src/page/index.html", to: "index.html", names: { main: "src/main.ts", style: "src/page/style.css" } },
  { html: "src/author/author.html", to: "author.html", names: { main: "src/author.ts", style: "src/author/author.css" } },
  { html: "src/educator/educator.html", to: "educator.html", names: { main: "src/educator.ts", style: "src/educator/educator.css" } },
  { html: "src/page/read.html", to: "read/index.html", names: { reading: "src/reading.ts", style: "src/page/style.css", "reading-style": "src/page/reading/reading.css" } },
];

function pageOptions(workerName) {
  return {
    ...common,
    entryPoints: [...new Set(PAGES.flatMap(({ names }) => Object.values(names)))],
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

async function page(metafile) {
  const outputs = Object.entries(metafile.outputs);
  const entry = (source) => basename(outputs.find(([, info]) => info.entryPoint === source)[0]);
  const font = outputs.map(([name]) => basename(name)).find((name) => /^inter-latin-wght-normal.*\.woff2$/.test(name));
  for (const { html, to, names } of PAGES) {
    const built = { font, ...Object.fromEntries(Object.entries(names).map(([name, source]) => [name, entry(source)])) };
    const template = await readFile(join(root, html), "utf8");
    await mkdir(dirname(join(out, to)), { recursive: true });
    await writeFile(join(out, to), template.replaceAll(/\{\{([a-z-]+)\}\}/g, (_, name) => `./${built[name]}`));
  }
}

async function licences() {
  await copyFile(join(root, "node_modules/@fontsource-variable/inter/LICENSE"), join(out, "inter-OFL.txt"));
  await copyFile(join(root, "node_modules/uplot/LICENSE"), join(out, "uplot-MIT.txt"));
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
