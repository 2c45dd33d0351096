import { collectUnderLoad } from "./collect-under-load.ts";

// `npm run stress`: the long run of docs/status.md. The number of operations may be given.
const operations = Number(process.argv[2] ?? 100_000);
const result = await collectUnderLoad({ operations, time: 3_600_000, clients: 16, killEvery: 5_000 });
console.log(JSON.stringify(result, null, 2));
const sound = result.violations.length === 0 && result.integrity.length === 0 && result.left.length === 0;
process.exitCode = sound && result.numbers.every((number) => number === 0) ? 0 : 1;
