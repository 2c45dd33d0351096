import type { Principal } from "../principal.ts";
import { findSession } from "./sessions.ts";
import { uniqueId } from "./unique-id.ts";

/** Where something of AWS is, for its name. */
export interface AwsPlace {
  /** 12 digits. */
  readonly account: string;
  readonly region: string;
}

/** How AWS would call whoever asks. */
export interface AwsIdentity {
  readonly arn: string;
  readonly userId: string;
}

/** The part of an ARN that says which AWS: that of China, of the government of the USA, or all others. */
export function partitionOf(region: string): string {
  return region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}

/**
 * `user/alice`, `user/robot_team_ci`, `assumed-role/robot_team_ci/<session>` for a session as a robot, and
 * `assumed-role/<trust rule>/<session>` for a workload. Everybody in open mode is the account itself.
 */
export function describeAwsIdentity(principal: Principal, { account, region }: AwsPlace): AwsIdentity {
  const { kind, id, name } = principal;
  const arn = (service: string, what: string) => `arn:${partitionOf(region)}:${service}::${account}:${what}`;
  if (kind !== "account" && kind !== "robot" && kind !== "workload")
    return { arn: arn("iam", "root"), userId: account };
  const session = findSession(principal);
  const called = calledOf(name);
  if (kind !== "workload" && session?.robot === undefined) {
    return { arn: arn("iam", `user/${called}`), userId: uniqueId(kind === "robot" ? "AIDR" : "AIDA", id) };
  }
  const sessionName = session?.name ?? "session";
  const userId = `${uniqueId(kind === "workload" ? "AROW" : "AROA", id)}:${sessionName}`;
  return { arn: arn("sts", `assumed-role/${called}/${sessionName}`), userId };
}

/** `alice` of `user:alice`, the rule of `workload:<rule>/<subject>`. */
function calledOf(name: string): string {
  return name.slice(name.indexOf(":") + 1).split("/")[0]!;
}

/**
 * Whom a policy of AWS would name: `user/alice`, `user/robot_team_ci`, `role/robot_team_ci` for whoever acts as that robot by a
 * session, `role/<trust rule>` for a workload; undefined for all others.
 */
export function describeAwsPrincipal(principal: Principal): string | undefined {
  const { kind, name } = principal;
  if (kind !== "account" && kind !== "robot" && kind !== "workload") return undefined;
  const role = kind === "workload" || actsAsRole(principal);
  return `${role ? "role" : "user"}/${calledOf(name)}`;
}

/** A password of a session is a session of its own. */
function actsAsRole(principal: Parameters<typeof findSession>[0]): boolean {
  for (let session = findSession(principal); session !== undefined;) {
    if (session.robot !== undefined) return true;
    const { credential, fingerprint } = session.of;
    session = fingerprint === null ? undefined : findSession({ credential, fingerprint });
  }
  return false;
}

/** The same by its ARN, without the path; undefined for another account, and for what is neither user nor role. */
export function findAwsPrincipal(arn: string, account: string): string | undefined {
  const [, of, kind, name] =
    /^arn:aws(?:-[a-z]+)*:iam::(\d+):(role|user)\/(?:[\w+=,.@/-]+\/)?([\w+=,.@-]+)$/.exec(arn) ?? [];
  return of === account ? `${kind}/${name}` : undefined;
}

/** The role that `arn:aws:iam::<account>:role/<path/><name>` names; undefined for any other ARN, or another account. */
export function findRole(arn: string, account: string): string | undefined {
  const [, of, name] = /^arn:aws(?:-cn|-us-gov)?:iam::(\d+):role\/(?:[\w+=,.@/-]+\/)?([\w+=,.@-]+)$/.exec(arn) ?? [];
  return of === account ? name : undefined;
}
