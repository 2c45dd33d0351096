import { pathsAbove } from "../access/index.ts";
import type { Permit } from "../access/index.ts";
import {
  findManifestTag,
  findUseOfRepository,
  listDigestsOf,
  listLiveReports,
  listMembersOf,
  listNamespacesAt,
  listOwnersOf,
  listUses,
} from "../metadata/index.ts";
import type { Reader, Transaction, UsageReportRow, UseRow } from "../metadata/index.ts";
import { RegistryError } from "../oci/index.ts";
import { judgeUse } from "../policy/index.ts";
import type { UseFact } from "../policy/index.ts";
import { settingsWithin } from "./read-settings.ts";

/** A repository that this transaction has locked. */
interface Of {
  readonly id: number;
  readonly name: string;
}

/** Who takes something away. */
export interface Insisting {
  readonly permit: Permit;
  /** Insists on it though it runs; heard from maintainers only. */
  readonly force?: boolean | undefined;
}

/** How a delete is asked for. */
export interface Insistence {
  /** A maintainer insists, though it runs somewhere. */
  readonly force?: boolean | undefined;
  /** An owner wants it to be final at once. */
  readonly purge?: boolean | undefined;
}

/** What is about to be taken away: a tag that is gone already, a manifest, or the repository from its name. */
export type UsedRemoval =
  | { readonly kind: "tag"; readonly tag: string; readonly manifest: number }
  | { readonly kind: "manifest"; readonly digest: string; readonly manifest: number; readonly act?: "archived" }
  | { readonly kind: "repository"; readonly act: "deleted" | "renamed" };

/** What was done although something runs; for the audit row and for who did it. */
export interface UseWarning {
  /** Facts of the audit row. */
  readonly facts: { readonly inUse?: string };
  readonly warnings: readonly string[];
}

/** What the caller of a delete or rename should know although it was done. */
export interface Removed {
  readonly warnings: readonly string[];
}

const nothing: UseWarning = { facts: {}, warnings: [] };

/**
 * Asked by each path of a person that takes something away. Collection and lifecycle keep what runs.
 * @throws RegistryError DENIED while it runs, unless the setting only warns or it is forced
 */
export async function requireUnused(
  tx: Transaction,
  of: Of,
  removal: UsedRemoval,
  { permit, force }: Insisting,
): Promise<UseWarning> {
  const use = await findUseAgainst(tx, of, removal);
  if (use === undefined) return nothing;
  const { inUse } = await settingsWithin(tx, of);
  const { kind, sentence } = judgeUse(
    inUse,
    describeRemoval(of.name, removal),
    use,
    force === true && permit.roles.maintainer !== undefined,
  );
  if (kind === "refused") {
    throw new RegistryError("DENIED", sentence, {
      detail: { name: of.name, digest: use.digest, workload: use.workload, source: use.source },
    });
  }
  return { facts: { inUse: use.workload }, warnings: [sentence] };
}

async function findUseAgainst(tx: Transaction, of: Of, removal: UsedRemoval): Promise<UseFact | undefined> {
  if (removal.kind === "repository") {
    const reports = await readReports(tx, of.name, tx.now);
    const asked = { reports: [...reports.keys()], id: of.id, repository: of.name };
    const row = reports.size === 0 ? undefined : await tx.first(findUseOfRepository, asked);
    return row === undefined ? undefined : factOf(row, reports);
  }
  // By another tag it is found still.
  const { manifest } = removal;
  if (removal.kind === "tag" && (await tx.first(findManifestTag, { manifest })) !== undefined) return undefined;
  return findUse(tx, { repository: of.name, manifest, now: tx.now });
}

/** Who runs a manifest, something that it belongs to, or something that it lists; undefined where nobody says so. */
export async function findUse(
  reader: Reader,
  { repository, manifest, now }: { readonly repository: string; readonly manifest: number; readonly now: number },
): Promise<UseFact | undefined> {
  const reports = await readReports(reader, repository, now);
  if (reports.size === 0) return undefined;
  const family = new Set([manifest]);
  for (const ties of [listOwnersOf, listMembersOf]) {
    const known = new Set([manifest]);
    for (let level = [manifest]; level.length > 0;) {
      const found = (await reader.all(ties, { manifests: level })).map(({ id }) => id);
      level = [...new Set(found)].filter((id) => !known.has(id));
      for (const id of level) {
        known.add(id);
        family.add(id);
      }
    }
  }
  const digests = (await reader.all(listDigestsOf, { manifests: [...family] })).map(({ digest }) => digest);
  const [row] = await reader.all(listUses, { reports: [...reports.keys()], digests, repository });
  return row === undefined ? undefined : factOf(row, reports);
}

/** Reports that are good still on the namespaces above a repository, by their numbers. */
export async function readReports(
  reader: Reader,
  repository: string,
  now: number,
): Promise<ReadonlyMap<number, UsageReportRow>> {
  const namespaces = await reader.all(listNamespacesAt, { paths: pathsAbove(repository) });
  const rows = await reader.all(listLiveReports, { namespaces: namespaces.map(({ id }) => id), now });
  return new Map(rows.map((row) => [row.id, row]));
}

function factOf({ report_id, digest, workload }: UseRow, reports: ReadonlyMap<number, UsageReportRow>): UseFact {
  const { source, reported_at: reportedAt, expires_at: expiresAt } = reports.get(report_id)!;
  return { digest, workload, source, reportedAt, expiresAt };
}

function describeRemoval(name: string, removal: UsedRemoval): string {
  if (removal.kind === "repository") return `the repository ${name} may not be ${removal.act}`;
  if (removal.kind === "manifest") return `the manifest ${removal.digest} may not be ${removal.act ?? "deleted"}`;
  return `the tag ${removal.tag} may not be deleted, as its image has no other`;
}
