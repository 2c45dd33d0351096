import { setTimeout } from "node:timers/promises";
import type { AnswerOf, lifecyclePreviewEndpoints } from "../contract/index.ts";
import { askPages, askServer, RefusedError } from "./ask-server.ts";
import type { Server } from "./ask-server.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { numberOf, roughSize } from "./lifecycle-words.ts";
import type { Preview } from "./lifecycle-words.ts";
import { openContext } from "./open-context.ts";
import type { ServerFlags } from "./open-context.ts";
import { printResult } from "./print-result.ts";
import type { Output } from "./print-result.ts";
import { Progress } from "./progress.ts";

type Job = AnswerOf<typeof lifecyclePreviewEndpoints.getLifecyclePreview>;
type Image = AnswerOf<typeof lifecyclePreviewEndpoints.listLifecyclePreviewImages>["items"][number];

/** Manifests of a repository from which on it is not planned within one request. */
const large = 10_000;
/** Between two looks at a preview, in milliseconds. */
const lookEvery = 300;

/** Whether a preview of a repository takes longer than a request should; what may not be pulled from is taken for small. */
export async function isLarge(server: Server, name: string): Promise<boolean> {
  try {
    return (await askServer(server, "getRepository", { parameters: { name } as never })).manifests >= large;
  } catch (error) {
    // The preview itself says what is wrong.
    if (error instanceof RefusedError && error.status < 500) return false;
    throw error;
  }
}

/** What a policy would do, worked out by a job, whose result is removed once it was read. @throws CommandError when there is none */
export async function previewByJob(
  server: Server,
  name: string,
  policy: Record<string, unknown> | undefined,
): Promise<Preview> {
  const body = policy === undefined ? {} : { policy };
  const { preview } = await askServer(server, "startLifecyclePreview", { parameters: { name } as never, body });
  const parameters = { name, preview };
  try {
    const job = await awaitEnd(server, parameters);
    if (job.state !== "done") {
      throw new CommandError(`lifecycle preview ${preview} of ${name} is ${job.state}: ${job.outcome ?? "no result"}`);
    }
    const pages = askPages(server, "listLifecyclePreviewImages", { parameters }, Infinity);
    return wholeOf(name, job, (await Array.fromAsync(pages)) as Image[]);
  } finally {
    // It expires by itself where this fails.
    await askServer(server, "cancelLifecyclePreview", { parameters: parameters as never }).catch(() => undefined);
  }
}

async function awaitEnd(server: Server, parameters: { readonly name: string; readonly preview: number }): Promise<Job> {
  const progress = new Progress();
  try {
    for (;;) {
      const job = await askServer(server, "getLifecyclePreview", { parameters: parameters as never });
      if (!/^(?:waiting|planning)$/.test(job.state)) return job;
      progress.show(`manifests of ${parameters.name} looked at`, job.progress?.manifests ?? 0);
      await setTimeout(lookEvery);
    }
  } finally {
    progress.end();
  }
}

/** As the preview of one request is. */
function wholeOf(repository: string, job: Job, images: readonly Image[]): Preview {
  const { grammar, from, at, expired, kept, bytes, confirm, difference } = job;
  const changed = (change: Image["change"]) =>
    images.flatMap((image) => (image.change === change ? [image.digest] : []));
  return {
    ...{ repository, grammar: grammar!, from: from!, at: at!, expired, kept, bytes, confirm },
    difference:
      difference === null ? null : { goes: changed("goes"), stays: changed("stays"), bytes: difference.bytes },
    images: images.map(({ change: _change, ...image }) => image),
    next: null,
  };
}

/** `berth lifecycle previews` */
export async function listPreviews(
  env: NodeJS.ProcessEnv,
  name: string,
  { output, ...place }: ServerFlags & { readonly output: Output },
): Promise<number> {
  const { server } = await openContext(env, place);
  const pages = askPages(server, "listLifecyclePreviews", { parameters: { name } }, Infinity);
  const previews = (await Array.fromAsync(pages)) as Job[];
  const heading = ["PREVIEW", "STATE", "EXPIRED", "KEPT", "FREES", "BY", "STARTED", "EXPIRES", "OUTCOME"];
  const minute = (time: string) => time.slice(0, 16).replace("T", " ");
  const rows = previews.map((job) => [
    ...[String(job.preview), job.state, String(job.expired), String(job.kept), roughSize(job.bytes)],
    ...[job.createdBy, minute(job.createdAt), minute(job.expiresAt), job.outcome ?? "-"],
  ]);
  await printResult(output, { value: previews, heading, rows });
  return exitCodes.done;
}

/** `berth lifecycle cancel` */
export async function cancelPreview(
  env: NodeJS.ProcessEnv,
  name: string,
  preview: string,
  { output, ...place }: ServerFlags & { readonly output: Output },
): Promise<number> {
  const parameters = { name, preview: numberOf(preview) };
  const { server } = await openContext(env, place);
  await askServer(server, "cancelLifecyclePreview", { parameters: parameters as never });
  const rows = [[`Preview ${preview} of ${name} is cancelled`]];
  await printResult(output, { value: { preview: parameters.preview, cancelled: true }, rows });
  return exitCodes.done;
}
