// npm run bench:quotas [-- --only PostgreSQL] [--pairs 9]: a thousand uploads at once into a namespace with quotas beside a thousand into one without, in turn;
// says the rates and the ratio of each pair as JSON, for SQLite and, where it is installed, PostgreSQL.
import { parseArgs } from "node:util";
import { startPostgres } from "../tests/support/postgres.ts";
import { startTestServer } from "../tests/support/start-server.ts";
import { UploadsAtOnce } from "../tests/support/upload-at-once.ts";

const uploads = 1_000;
const { values } = parseArgs({ options: { only: { type: "string" }, pairs: { type: "string", default: "9" } } });
const pairs = Number(values.pairs);

const postgres = await startPostgres();
const isWanted = (database: string) => values.only === undefined || values.only === database;
if (isWanted("SQLite")) await compare("SQLite", {});
if (postgres !== undefined && isWanted("PostgreSQL"))
  await compare("PostgreSQL", { database: await postgres.makeMigrated() });
await postgres?.stop();

async function compare(database: string, settings: { readonly database?: string }): Promise<void> {
  const server = await startTestServer(settings);
  const client = new UploadsAtOnce(server.url, uploads);
  await client.prepare();
  const rate = async (namespace: "free" | "counted") => {
    const { took, refused } = await client.run(namespace);
    if (refused.length > 0) throw new Error(`${refused.length} uploads were refused: ${refused[0]!.text}`);
    return (uploads * 1_000) / took;
  };
  for (const namespace of ["free", "counted"] as const) await rate(namespace);
  const ratios: number[] = [];
  const free: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    // Who goes second finds warmer caches: each is second as often.
    const counted = pair % 2 === 0 ? await rate("counted") : undefined;
    free.push(await rate("free"));
    ratios.push((counted ?? (await rate("counted"))) / free.at(-1)!);
  }
  const sorted = ratios.toSorted((a, b) => a - b).map((ratio) => Number(ratio.toFixed(2)));
  const median = sorted[Math.floor(pairs / 2)];
  console.log(JSON.stringify({ database, free: Math.round(Math.max(...free)), ratio: median, ratios: sorted }));
  client.close();
  await server.close();
}
