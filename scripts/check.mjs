// Types, lint, format, arrows (who may import whom) and dead code.
import { spawnSync } from "node:child_process";

const parts = {
  types: ["tsc", "--noEmit", "-p", "."],
  lint: ["oxlint", "--type-aware", "--deny-warnings"],
  format: ["oxfmt", "--check", "."],
  arrows: ["node", "scripts/arrows.ts"],
  "dead code": ["knip", "--include", "files,dependencies,unlisted,unresolved,exports"],
};
const failed = Object.entries(parts)
  .filter(([, [command, ...args]]) => spawnSync(command, args, { stdio: "inherit" }).status !== 0)
  .map(([name]) => name);
if (failed.length > 0) console.error(`check: ${failed.join(", ")} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
