// The imports of the sources, against the rules of architecture/.
import { resolve } from "node:path";
import { cruiseArrows } from "../architecture/cruise.ts";

const { modules, violations } = await cruiseArrows(resolve(import.meta.dirname, ".."));
for (const { rule, from, to, cure } of violations) console.error(`${from} → ${to}\n  ${rule}: ${cure}`);
if (modules < 50) console.error(`only ${modules} files were read: the parser does not see the sources`);
if (violations.length > 0 || modules < 50) process.exitCode = 1;
else console.log(`${modules} files, no forbidden import`);
