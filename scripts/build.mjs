// Emits JavaScript from src to dist, or to the folder that is named: one file for each thing that is loaded by itself.
// Packages that are read at every start are put in, since opening their hundreds of files takes longer than running them;
// all others stay packages.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { rolldown } from "rolldown";

const inside = ["commander", "kysely", "zod"];
const folder = process.argv[2] ?? "dist";
rmSync(folder, { recursive: true, force: true });
const bundle = await rolldown({
  input: {
    main: "src/main.ts",
    writer: "src/writer.ts",
    "digest-thread": "src/storage/digest-thread.ts",
    "plan-thread": "src/registry/lifecycle/plan-thread.ts",
  },
  platform: "node",
  external: (id) => !/^[./]/.test(id) && !inside.includes(id),
});
await bundle.write({ dir: folder, format: "esm", chunkFileNames: "[name]-[hash].js", minify: false });
await bundle.close();
const licences = inside.map((name) => `${name}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8")}`);
writeFileSync(`${folder}/LICENSES.txt`, `Parts of these files come from:\n\n${licences.join("\n----\n\n")}`);
