import { authorize, authorizeNamespace, explainRights, findReach, isWithin } from "../access/index.ts";
import type { Access, Caller, Place, Principal, RightsSource } from "../access/index.ts";
import { versionOf } from "../lib/index.ts";
import { findWebhook, listWebhooks } from "../metadata/index.ts";
import type { Attribution, WebhookRow } from "../metadata/index.ts";
import { parseRepositoryName, RegistryError } from "../oci/index.ts";

/** Where a webhook belongs. */
export type WebhookPlace = { readonly namespace: string } | { readonly repository: string };

/**
 * Asks whether the caller may look after webhooks of the place: change its settings, and read what its events tell of.
 * @throws RegistryError as `authorize` does
 */
export async function authorizeWebhooks(
  access: RightsSource,
  caller: Caller,
  place: WebhookPlace,
): Promise<Attribution> {
  if ("namespace" in place) {
    await authorizeNamespace(access, caller, "pull", place.namespace);
    return authorizeNamespace(access, caller, "manage-settings", place.namespace);
  }
  const name = parseRepositoryName(place.repository);
  await authorize(access, caller, "pull", name);
  return (await authorize(access, caller, "manage-settings", name)).by;
}

/** Webhooks that the caller may look after, in the order of their numbers, after one; at most `limit`. */
export async function listManagedWebhooks(
  access: RightsSource,
  caller: Caller,
  after: number,
  limit: number,
): Promise<WebhookRow[]> {
  const reaches = await Promise.all(
    (["manage-settings", "pull"] as const).map((action) => findReach(access, caller, action)),
  );
  const isSeen = (row: WebhookRow) =>
    reaches.every(({ paths, repositories, without }) => {
      if (row.repository_id !== null && without.has(row.repository_id)) return false;
      const at = row.path ?? row.repository ?? "";
      const below = paths.some((path) =>
        row.path === null ? path === "" || at.startsWith(`${path}/`) : isWithin(at, path),
      );
      return below || (row.path === null && repositories.some(({ id }) => id === row.repository_id));
    });
  const seen: WebhookRow[] = [];
  for (let from = after; seen.length < limit;) {
    const page = await access.metadata.read.all(listWebhooks, { after: from, limit: 200 });
    seen.push(...page.filter(isSeen));
    if (page.length < 200) break;
    from = page.at(-1)!.id;
  }
  return seen.slice(0, limit);
}

/**
 * A webhook that the caller may look after; what it may not see is not there.
 * @throws RegistryError NOT_FOUND
 */
export async function getManagedWebhook(
  access: RightsSource,
  caller: Caller,
  webhook: number,
): Promise<{ readonly row: WebhookRow; readonly by: Attribution }> {
  const row = await access.metadata.read.first(findWebhook, { webhook });
  try {
    if (row !== undefined) return { row, by: await authorizeWebhooks(access, caller, placeOfWebhook(row)) };
  } catch (error) {
    if (!(error instanceof RegistryError) || !/^(?:DENIED|NAME_INVALID)$/.test(error.code)) throw error;
  }
  throw new RegistryError(
    "NOT_FOUND",
    `there is no webhook ${webhook} that you may look after: list them to see yours`,
  );
}

export function placeOfWebhook({ path, repository }: WebhookRow): WebhookPlace {
  return path === null ? { repository: repository ?? "" } : { namespace: path };
}

/** For `ETag`. */
export function versionOfWebhook({ id, revision }: Pick<WebhookRow, "id" | "revision">): string {
  return versionOf([id, revision]);
}

/** Who answers for a webhook, as its row keeps it. */
export type Keeper = Pick<Principal, "kind" | "id" | "name" | "rules">;

/**
 * Why whoever answers for the webhook may not be told what happens at its place any more; undefined while it may. A credential
 * that was narrowed counts when a webhook is made or changed, not later: it ends before the webhook does.
 */
export async function findLostRight(access: Access, row: WebhookRow): Promise<string | undefined> {
  if (access.settings.open) return undefined;
  const keeper = JSON.parse(row.principal) as Keeper;
  const takeOver = "whoever changes the webhook answers for it from then on";
  if (keeper.kind !== "account" && keeper.kind !== "robot" && keeper.kind !== "workload") {
    return `it was made in open mode, when nobody was asked who they are: ${takeOver}`;
  }
  const rights = await explainRights(access, { ...keeper, credential: "none", limits: [] }, placeFor(row));
  const lacking = (["pull", "manage-settings"] as const).find((action) => !rights[action].allowed);
  if (lacking === undefined) return undefined;
  return `${keeper.name}, who answers for it, may not ${lacking} there any more: ${takeOver}`;
}

function placeFor({ path, repository, repository_id: id }: WebhookRow): Place {
  if (path !== null) return { kind: "namespace", path };
  return { kind: "repository", name: repository ?? "", id, public: false };
}
