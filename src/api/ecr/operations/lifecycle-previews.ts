import { previewsAreKept } from "../../../jobs/index.ts";
import { findEcrLifecycle, findEcrTarget, listEcrPreviews, listPreviewImages } from "../../../registry/index.ts";
import type { InspectedPreview } from "../../../registry/index.ts";
import type { ImageDecision } from "../../../policy/index.ts";
import { nameWithin } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { invalidParameter } from "../errors.ts";
import { makePageToken, pageSize, readPageToken } from "../page-token.ts";
import { secondsOf } from "../show-repository.ts";
import { noLifecyclePolicy, readLifecycle } from "./lifecycle-policies.ts";

/** Earlier previews of a repository that stay when another is started. */
const earlierKept = 2;

/** Works out in the background what a policy would do: the one that is given, else the one that holds. */
export async function startLifecyclePolicyPreview(call: EcrCall<"StartLifecyclePolicyPreview">): Promise<object> {
  const { registry, jobs, caller, account, input } = call;
  const { repositoryName } = input;
  const name = nameWithin(account, repositoryName);
  const target = await findEcrTarget(registry, caller, "manage-settings", name);
  const text = input.lifecyclePolicyText ?? (await findEcrLifecycle(registry, caller, name))?.text;
  if (text === undefined) throw noLifecyclePolicy(call, repositoryName);
  const policy = input.lifecyclePolicyText === undefined ? text : JSON.stringify(readLifecycle(text));
  const [latest, ...earlier] = await listEcrPreviews(registry, target.id);
  if (latest !== undefined && isRunning(latest)) {
    const message = `The lifecycle policy preview for the repository with name '${repositoryName}' in the registry with id '${account.id}' is in progress: wait until it is complete`;
    throw new EcrError("LifecyclePolicyPreviewInProgressException", message);
  }
  const { by } = target;
  for (const { row } of earlier.slice(earlierKept)) {
    await jobs.metadata.write("cancelLifecyclePreview", { by, target, preview: row.id });
  }
  await jobs.metadata.write("startLifecyclePreviews", {
    ...{ by, targets: [target], policy, at: null, keep: previewsAreKept },
  });
  jobs.wake();
  return { registryId: account.id, repositoryName, lifecyclePolicyText: text, status: "IN_PROGRESS" };
}

const statuses = {
  waiting: "IN_PROGRESS",
  planning: "IN_PROGRESS",
  done: "COMPLETE",
  stopped: "FAILED",
  failed: "FAILED",
};

function isRunning({ state }: InspectedPreview): boolean {
  return statuses[state] === "IN_PROGRESS";
}

/** The last preview, with the images that its policy acts on once it is done. */
export async function getLifecyclePolicyPreview(call: EcrCall<"GetLifecyclePolicyPreview">): Promise<object> {
  const { registry, caller, account, input } = call;
  const { repositoryName, imageIds } = input;
  if (imageIds !== undefined && (input.nextToken !== undefined || input.maxResults !== undefined)) {
    throw invalidParameter("imageIds", "must be given without nextToken and maxResults");
  }
  const { id } = await findEcrTarget(registry, caller, "manage-settings", nameWithin(account, repositoryName));
  const [latest] = await listEcrPreviews(registry, id);
  if (latest === undefined) {
    const message = `Lifecycle policy preview does not exist for the repository with name '${repositoryName}' in the registry with id '${account.id}'`;
    throw new EcrError("LifecyclePolicyPreviewNotFoundException", message);
  }
  const { row } = latest;
  const common = {
    ...{ registryId: account.id, repositoryName, lifecyclePolicyText: row.policy },
    status: statuses[latest.state],
  };
  if (latest.state !== "done") return common;
  const [preview, from] = (readPageToken(call) ?? `${row.id} 0`).split(" ").map(Number) as [number, number];
  if (preview !== row.id) throw invalidParameter("nextToken", "must be of the preview that was started last");
  const page = await readActed(call, latest, from);
  return {
    ...common,
    nextToken: page.next === undefined ? undefined : makePageToken(call, `${row.id} ${page.next}`),
    previewResults: page.images.map(showResult),
    summary: {
      expiringImageTotalCount: row.expired,
      transitioningImageTotalCounts:
        page.moved === undefined ? undefined : [{ targetStorageClass: "ARCHIVE", imageTotalCount: page.moved }],
    },
  };
}

/** Images that one look reads. */
const look = 250;

interface Acted {
  readonly images: readonly ImageDecision[];
  /** Place at which the next page begins. */
  readonly next: number | undefined;
  /** Images that the policy moves to the archive; undefined where it moves none. */
  readonly moved: number | undefined;
}

/** Those that go lie before the others, those that would be moved among them: these are looked for where a rule moves any. */
async function readActed(
  call: EcrCall<"GetLifecyclePolicyPreview">,
  preview: InspectedPreview,
  from: number,
): Promise<Acted> {
  const { row } = preview;
  const moves = row.policy!.includes('"transition"');
  const limit = call.input.imageIds === undefined ? pageSize(call) : Number.POSITIVE_INFINITY;
  const asked = {
    repository: row.repository_id,
    preview: row.id,
    limit: look,
    outcome: moves ? undefined : "expired",
  } as const;
  const images: ImageDecision[] = [];
  let moved = 0;
  let next: number | undefined;
  for (let place: number | null = moves ? 0 : from; place !== null;) {
    const page: Awaited<ReturnType<typeof listPreviewImages>> = await listPreviewImages(call.registry, {
      ...asked,
      from: place,
    });
    for (const [index, image] of page.images.entries()) {
      if (image.outcome === "transitioned") moved++;
      const at: number = place + index;
      if (at < from || image.outcome === "kept" || !isWanted(call, image)) continue;
      if (images.length < limit) images.push(image);
      else next ??= at;
    }
    if (next !== undefined && !moves) break;
    place = page.next;
  }
  return { images, next, moved: moved === 0 ? undefined : moved };
}

function isWanted(
  { input: { imageIds, filter } }: EcrCall<"GetLifecyclePolicyPreview">,
  image: ImageDecision,
): boolean {
  const { digest, tags } = image;
  const tagStatus = filter?.tagStatus ?? "ANY";
  if (tagStatus !== "ANY" && (tagStatus === "TAGGED") !== tags.length > 0) return false;
  return (
    imageIds === undefined ||
    imageIds.some(
      (one) =>
        (one.imageDigest === undefined || one.imageDigest === digest) &&
        (one.imageTag === undefined || tags.includes(one.imageTag)),
    )
  );
}

function showResult({ digest, tags, pushedAt, outcome, rule, storageClass }: ImageDecision): object {
  const transition = outcome === "transitioned";
  return {
    imageTags: tags,
    imageDigest: digest,
    imagePushedAt: secondsOf(pushedAt),
    action: transition ? { type: "TRANSITION", targetStorageClass: "ARCHIVE" } : { type: "EXPIRE" },
    appliedRulePriority: rule === null ? undefined : Number(rule),
    storageClass: storageClass === "archive" ? "ARCHIVE" : "STANDARD",
  };
}
