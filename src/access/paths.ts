import { versionOf } from "../lib/index.ts";
import type { Account, GroupRow, NamespaceRow, RobotRow } from "../metadata/index.ts";

/** Above all characters of a repository's name, and below the `~` of deleted ones. */
const end = "{";

/** Names after `first` and before `before` are those below the namespace. `0` follows `/` in byte order. */
export function boundsOf(path: string): { readonly first: string; readonly before: string } {
  return path === "" ? { first: "", before: end } : { first: `${path}/`, before: `${path}0` };
}

/** Whether a path is a namespace or below it. */
export function isWithin(path: string, namespace: string): boolean {
  return namespace === "" || path === namespace || path.startsWith(`${namespace}/`);
}

/** The namespace above a namespace or repository, there or not; that of the root is the root. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** For `ETag`. */
export function versionOfNamespace(row: NamespaceRow): string {
  return versionOf([row.id, row.path, row.public]);
}

/** The same of a user; its password counts by the time of its change. */
export function versionOfAccount(row: Account): string {
  return versionOf([row.id, row.name, row.display, row.email, row.disabled, row.changed_at]);
}

export function versionOfGroup(row: GroupRow): string {
  return versionOf([row.id, row.name]);
}

export function versionOfRobot(row: RobotRow): string {
  return versionOf([row.id, row.description, row.disabled, row.expires_at, row.sponsor_account, row.sponsor_robot]);
}
