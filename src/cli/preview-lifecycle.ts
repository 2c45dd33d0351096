import { z } from "zod";
import { berthLifecycle } from "../contract/index.ts";
import { askServer } from "./ask-server.ts";
import type { Server } from "./ask-server.ts";
import { exitCodes } from "./exit-codes.ts";
import { chooseRepositories, readPolicy, roughSize } from "./lifecycle-words.ts";
import type { Preview } from "./lifecycle-words.ts";
import { openContext } from "./open-context.ts";
import { isLarge, previewByJob } from "./preview-by-job.ts";
import type { ServerFlags } from "./open-context.ts";
import { layTable, printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";

/** What `berth lifecycle preview` is told besides the repository. */
export interface PreviewFlags extends ServerFlags {
  readonly output: Output;
  readonly file?: string;
  readonly expired?: true;
  readonly job?: true;
}

type Image = Preview["images"][number];

/** Images of a page. */
const page = 5_000;

/** `berth lifecycle preview` @param pattern a repository, or a pattern in which `*` stands for any characters */
export async function previewLifecycle(
  env: NodeJS.ProcessEnv,
  pattern: string,
  { output, file, expired, job, ...place }: PreviewFlags,
): Promise<number> {
  const policy = file === undefined ? undefined : await readPolicy(file);
  const { server } = await openContext(env, place);
  const names = await chooseRepositories(server, pattern);
  const previews: Preview[] = [];
  for (const name of names) {
    const byJob = job === true || (await isLarge(server, name));
    const preview = await (byJob ? previewByJob : askAll)(server, name, policy);
    const images = expired === true ? preview.images.filter(({ outcome }) => outcome === "expired") : preview.images;
    previews.push({ ...preview, images });
  }
  await printResult(output, { value: previews, rows: previews.flatMap(tableOf) });
  return exitCodes.done;
}

/** `berth lifecycle schema` */
export async function printLifecycleSchema(output: Output): Promise<number> {
  const schema = z.toJSONSchema(berthLifecycle);
  await printResult(output === "yaml" ? "yaml" : "json", { value: schema, rows: [] });
  return exitCodes.done;
}

/** All pages as one; the first tells the time that the others are judged at. */
async function askAll(server: Server, name: string, policy: Record<string, unknown> | undefined): Promise<Preview> {
  const parameters = { name } as never;
  const asked = policy === undefined ? {} : { policy };
  const first = await askServer(server, "previewLifecycle", { parameters, body: { ...asked, limit: page } });
  const images = [...first.images];
  for (let after = first.next; after !== null;) {
    const body = { ...asked, at: first.at, after, limit: page };
    const next = await askServer(server, "previewLifecycle", { parameters, body });
    images.push(...next.images);
    after = next.next;
  }
  return { ...first, images, next: null };
}

function tableOf({ repository, from, images, expired, kept, bytes, confirm, difference }: Preview): string[][] {
  const plural = (count: number) => (count === 1 ? "1 image" : `${count} images`);
  const lines = [
    [
      `${repository}: ${plural(expired)} of ${expired + kept} would go and free ${roughSize(bytes)}, by the policy of ${from}`,
    ],
    ...(confirm === null ? [] : [[`A run needs confirmation: ${confirm}`]]),
    ...(difference === null
      ? []
      : [
          [
            `Against the policy that holds: ${plural(difference.goes.length)} more, ${plural(difference.stays.length)} fewer`,
          ],
        ]),
  ];
  // Each sentence is a line of its own, not a cell that widens the first column.
  const heading = ["OUTCOME", "TAGS", "DIGEST", "PUSHED", "FREES", "ALONG", "WHY"];
  const table = layTable([heading, ...images.map(cellsOf)])
    .trimEnd()
    .split("\n");
  return [...lines, ...table.map((line) => [line])];
}

function cellsOf({ outcome, tags, digest, pushedAt, bytes, along, reason }: Image): string[] {
  const shown = tags.length > 3 ? `${tags.slice(0, 3).join(", ")} and ${tags.length - 3} more` : tags.join(", ");
  const frees = outcome === "expired" ? roughSize(bytes) : "-";
  return [outcome, shown || "-", digest.slice(0, 19), pushedAt.slice(0, 10), frees, String(along.length), reason];
}
