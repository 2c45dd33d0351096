// Emits JavaScript from src to dist, which starts empty.
import { spawnSync } from "node:child_process";
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { rolldown } from "rolldown";

rmSync("dist", { recursive: true, force: true });
const { status } = spawnSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);

// Libraries of many small files become one file each, of what is used: the server and the database's writer would
// both load the 255 files of kysely, which took a third of the start and 25 MiB.
const files = globSync("dist/**/*.js");
for (const library of ["kysely", "zod"]) await joinLibrary(library);

async function joinLibrary(library) {
  const imports = new RegExp(`import \\{([^}]*)\\} from "${library}";`, "g");
  const names = new Set();
  const target = join("dist/vendor", `${library}.js`);
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    if (!text.includes(`from "${library}"`)) continue;
    for (const [, list] of text.matchAll(imports)) {
      for (const name of list.split(",")) if (name.trim() !== "") names.add(name.trim().split(" as ")[0]);
    }
    const place = relative(dirname(file), target).replace(/^(?!\.)/, "./");
    writeFileSync(file, text.replaceAll(`from "${library}";`, `from "${place}";`));
  }
  mkdirSync("dist/vendor", { recursive: true });
  const entry = join("dist/vendor", `${library}.entry.js`);
  writeFileSync(entry, `export { ${[...names].toSorted().join(", ")} } from "${library}";\n`);
  const bundle = await rolldown({ input: entry, platform: "node" });
  await bundle.write({ file: target, format: "esm" });
  rmSync(entry);
  copyFileSync(`node_modules/${library}/LICENSE`, join("dist/vendor", `${library}.LICENSE`));
}
