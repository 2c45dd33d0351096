import type { Action, GrantFact } from "../policy/index.ts";
import type { ShownCertificate } from "./certificate-names.ts";

/** Where a scope reaches, and what it allows there. A place is named by id too, so that a new one of the same name is another. */
export interface ScopeEntry {
  /** The namespace and all below it; or … */
  readonly namespace?: { readonly id: number; readonly path: string };
  /** … one repository. `id` is null when it was not there yet. */
  readonly repository?: { readonly id: number | null; readonly name: string };
  readonly actions: readonly Action[];
  /** Patterns of tags; all when undefined. */
  readonly tags?: readonly string[];
}

/** What a credential was narrowed to. */
export interface Limit {
  /** As people read it: `token laptop`. */
  readonly of: string;
  readonly entries: readonly ScopeEntry[];
  /** `challenge`: the client is told to fetch a token for what it lacks, as with registry tokens. */
  readonly lacking: "refuse" | "challenge";
  /** Whether repositories may be listed: those that the entries reach, or with `true` all that the rights reach. */
  readonly catalog?: boolean;
}

/** A grant and the place that it names. */
export interface PlacedFact {
  readonly grant: GrantFact;
  /** Path of the namespace; undefined for a grant on a repository. */
  readonly path: string | undefined;
  /** When the namespace was made, in milliseconds since 1970. */
  readonly since?: number | undefined;
  readonly repository: { readonly id: number; readonly name: string } | undefined;
  /** Whose rights it never exceeds: of a trust rule's grant, who answers for the rule. */
  readonly within?: Standing | undefined;
}

/** Whom policies in IAM's form can name: a user, a robot, or a trust rule, whose workloads act as it. */
export interface PolicySubject {
  readonly kind: "account" | "robot" | "rule";
  readonly id: number;
  /** Without its kind: `alice`, `robot_team_ci`, `deploy`. */
  readonly name: string;
  /** Whose rights a workload never exceeds by this rule. */
  readonly within?: Standing | undefined;
}

/** Rights of a principal as the rows said at one access version. */
export interface Standing {
  readonly version: number;
  /** Looked at anew from then on, since something in it ends by itself; milliseconds since 1970. */
  readonly until: number;
  /** False when it is disabled, expired, revoked or gone: nothing is allowed then. */
  readonly active: boolean;
  readonly grants: readonly PlacedFact[];
  /** Whose rights this one never exceeds: the sponsor of a robot. */
  readonly within: Standing | undefined;
  /** As whom policies know it; empty for whoever has shown nothing. */
  readonly subjects: readonly PolicySubject[];
  /** As people read it. */
  readonly name: string;
}

/** A trust rule, as it was when it took a workload's identity token. */
export interface TrustedRule {
  readonly id: number;
  readonly revision: number;
}

/**
 * Who asks. `anonymous` has shown nothing; `operator` is everybody in open mode; `system` is Berth itself.
 */
export interface Principal {
  readonly kind: "anonymous" | "operator" | "account" | "robot" | "workload" | "system";
  /** Of its row, for a workload that of its first rule; 0 where it has none. */
  readonly id: number;
  /** For logs and audit rows: `user:alice`, `robot:robot_team_ci`, `workload:…`, `anonymous`, `operator`. */
  readonly name: string;
  /** By what it was known: `password`, `token:12`, `secret:3`, `certificate:1795570357`, `none`, … */
  readonly credential: string;
  /** Of the password that was shown: what is made from this login ends when that is changed. Of a certificate, its name. */
  readonly fingerprint?: string;
  /** All must allow. */
  readonly limits: readonly Limit[];
  /** By which a workload is believed. */
  readonly rules?: readonly TrustedRule[];
}

/** A request's side of what is done: who, from where, as which request. */
export interface Caller {
  readonly principal: Principal;
  /** Network address. */
  readonly address: string;
  /** Of the request, for logs, errors and audit rows. */
  readonly id: string;
  /** Whether the request came encrypted, as far as its listener knows. */
  readonly secure?: boolean | undefined;
  /** The action of ECR that a client calls by its API: `ecr:DescribeImages`. What its policies say of that decides. */
  readonly operation?: string | undefined;
}

/** What policies may ask of a request. */
export type Asking = Pick<Caller, "address" | "secure" | "operation">;

/** Where a request comes from and goes to, for what is shown with it. */
export interface Where {
  /** Network address of the client. */
  readonly address: string;
  /** Of the request. */
  readonly id: string;
  /** What the client calls this registry, `registry.example.com:5000`; undefined where no registry token is taken. */
  readonly audience?: string | undefined;
  /** What the client showed to the listener, where it asks for certificates. */
  readonly certificate?: ShownCertificate | undefined;
  /** What the request came on: the same object for all of a connection. */
  readonly connection?: object | undefined;
}

/** Whoever has shown nothing. */
export const anonymous: Principal = { kind: "anonymous", id: 0, name: "anonymous", credential: "none", limits: [] };

/** Everybody, in open mode. */
export const operator: Principal = { kind: "operator", id: 0, name: "anonymous", credential: "none", limits: [] };

/** The caller as plain facts, for a write. */
export function plainCaller({ principal, address, id, secure, operation }: Caller): Caller {
  return { principal, address, id, secure, operation };
}
